"""The page of one event: as it is, and as it may have become: erased, altered, absorbed, of an earlier release."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from nightjar.domain.alerts import ApiCall, DigestLine
from nightjar.domain.detections import How, LookedAt, Mark
from nightjar.domain.events import Event, EventState
from nightjar.domain.model import ms_from_utc
from nightjar.domain.reactions import Mute, Review, ReviewVerdict
from nightjar.domain.release import Started
from nightjar.runtime.manifests import write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.digests import Digests
from nightjar.stores.reactions import Mutes, Reviews
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Run
from tests.bucket import RULES, put_picture, sha256_of
from tests.images.base.nightjar.cli.trials import BOX, an_event, at, leave, seen
from tests.images.base.nightjar.queries.event_world import (
    NOON,
    NOW,
    RUN,
    alert_of,
    event_of,
    golden,
    keep,
    keep_threats,
    record,
    shown_at,
    tell,
)
from tests.plugins.pages.review.review_world import HTMX, REVIEW, address_of, asking
from tests.plugins.web_world import VIEWER, PagesClient, make_client

MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    RulesStore(store).put(RULES)
    return store


@pytest.fixture
def client(store: MemoryStore) -> Iterator[PagesClient]:
    with asking(store) as client:
        yield client


def text_of(page: str) -> str:
    """The words of a page, as people read them."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])))


def look(client: PagesClient, event: Event, query: str = "") -> str:
    answer = client.get(f"{address_of(event)}{query}")
    assert answer.status_code == 200
    return answer.text


def test_all_that_is_known(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1, seconds=(0, 5), site="home", area="door")
    put_picture(store, b"a picture", NOON)
    keep(store, event)
    keep_threats(store, event, (0, 5))
    call = ApiCall(
        at=NOW, method="POST", url="https://mail.example.com/send", request={"to": "alice", "html": "<b>"}, status=202,
        response="accepted", message_id="m-1", channel="email", recipient="alice@example.com",
    )  # fmt: skip
    alert = alert_of(event, calls=(call,))
    tell(store, event, alert)
    record(store, [event], [(event.day, alert)])
    Mutes(store).put(Mute(user="alice", device="porch", until=NOW + timedelta(hours=1), by="link", at=NOW))
    Reviews(store).put(Review.of(event, ReviewVerdict.CONFIRMED, "command bob", NOW))
    Run(store, f"runs/{RUN}/").begin(Started(dag_run="manual__1 x", start="1"), lambda run: False)
    page = look(client, event)
    words = text_of(page)
    for text in (
        *("person at alice-porch", "Fri 20 Nov, 13:00:00 CET", "2026-11-20 12:00:00 UTC", "for 5 s", "200 intruder"),
        *("alerted", "email to alice@example.com", "sent", '"to": "alice"', "accepted", "m-1", "answered 202"),
        *("Muted until 2026-11-20 14:00:00 UTC", "Reviewed: confirmed, command bob", "run manual__1 x"),
    ):
        assert text in words
    assert "/dags/nightjar_live/runs/manual__1%20x/tasks/shard.notify" in page
    assert page.count('class="card small"') == 2


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("alice-porch/2026-11-20/0123", 404, "no event 0123"),
        ("alice-porch/2026-02-30/0123", 400, "expected the UTC day"),
        ("alice-porch/20261120/0123", 400, "expected the UTC day"),
        ("alice/2026-11-20/0123", 400, "expected <user>-<device>"),
        ("alice-porch/2026-11-20/..%2F..", 404, "no such page"),
        ("alice-porch/2026-11-20/a%20b", 400, "expected the id"),
        (f"alice-porch/2026-11-20/{'a' * 65}", 400, "expected the id"),
        ("{event}?at=x", 400, "milliseconds"),
        ("{event}?at=99999999999999", 404, "no picture of that moment"),
        ("{event}?at=1", 404, "no picture of that moment"),
        ("{event}?since=-1", 400, "milliseconds"),
        ("{event}/why?at=1", 404, "no picture of that moment"),
        ("{event}/false-box?number=1", 400, "number of an object"),
        ("{event}/false-box?number=²", 400, "number of an object"),
        ("{event}/false-box?at=1", 404, "no picture of that moment"),
    ],
)
def test_addresses_of_nothing(store: MemoryStore, path: str, status: int, said: str) -> None:
    event = event_of(1)
    keep(store, event)
    answer = make_client(store).get(
        f"{REVIEW}event/" + path.replace("{event}", address_of(event).removeprefix(f"{REVIEW}event/"))
    )
    assert answer.status_code == status
    assert said.lower() in text_of(answer.text).lower()


@pytest.mark.parametrize(
    ("became", "said"),
    [
        ("there", ""),
        ("gone", "The picture was erased, or has expired."),
        ("altered", "This is not the picture that was judged"),
        ("unreadable", "S3 does not give the picture"),
    ],
)
def test_what_became_of_the_picture(store: MemoryStore, client: PagesClient, became: str, said: str) -> None:
    data = b"the picture"
    shown = event_of(1).first
    picture = shown.picture.model_copy(update={"standard_sha256": sha256_of(data)})
    shown = shown.model_copy(update={"picture": picture})
    event = event_of(1).model_copy(update={"first": shown, "last": shown, "best": {"person": shown}})
    if became != "gone":
        store.put(picture.standard_key, b"another" if became == "altered" else data)
    if became == "unreadable":
        store.make_unreadable(picture.standard_key)
    keep(store, event)
    words = text_of(look(client, event))
    assert "person at alice-porch" in words
    if said:
        assert said in words
    else:
        assert not any(each in words for each in ("erased", "altered", "does not give"))


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
def test_events_of_earlier_releases(release: str) -> None:
    store = golden(release)
    events = [Event.model_validate_json(store.get(info.key)[0]) for info in store.list_objects("events/")]
    assert events
    with asking(store) as client:
        for event in events:
            words = text_of(look(client, event))
            assert f"{next(iter(event.labels))}" in words
            assert "Nobody has reviewed it yet" in words
            assert "email to" in words  # both were alerted
            why = client.get(f"{address_of(event)}/why", headers=HTMX).text
            assert "By <bdi>" in why or "cannot be told" in why


def test_a_camera_that_the_rules_no_longer_know(store: MemoryStore, client: PagesClient) -> None:
    RulesStore(store).put(RULES.replace(b"porch", b"attic"))
    event = event_of(1)
    keep(store, event)
    record(store, [(event, "unknown-camera")])
    words = text_of(look(client, event))
    assert "camera not in the rules" in words
    assert "held back: unknown camera" in words
    assert "13:00:00 CET" in words  # as it was when it was recorded


def test_why_nobody_was_told_before_it_is_recorded(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1)
    keep(store, event)
    line = DigestLine.of(event, "events/e1.json", event.ended_at).model_copy(update={"reason": "muted"})
    Digests(store).put(line, event.day)
    assert "Nobody: held back, muted." in text_of(look(client, event))


def test_without_rules_and_without_a_row(client: PagesClient, store: MemoryStore) -> None:
    RulesStore(store).put(b"no: rules")
    event = event_of(1)
    keep(store, event)
    assert "2026-11-20 12:00:00 UTC" in text_of(look(client, event))


def test_an_absorbed_event_leads_to_its_heir(store: MemoryStore, client: PagesClient) -> None:
    heir = event_of(2, NOON - timedelta(seconds=30), absorbed=(event_of(1).ref,))
    event = event_of(1, state=EventState.ABSORBED, absorbed_by=heir.ref)
    keep(store, event, heir)
    tell(store, event, alert_of(event))
    Reviews(store).put(Review.of(event, ReviewVerdict.FALSE_ALARM, "ui:olga", NOW))
    page = look(client, event)
    assert f'href="{address_of(heir)}">Open event {heir.id}' in page
    page = look(client, heir)
    assert f'href="{address_of(event)}"' in page
    assert f"Took over {event.id} not a threat, olga" in text_of(page)
    assert f"Told as event {event.id} , which this one took over" in text_of(page)


@pytest.mark.parametrize("state", [EventState.WITHDRAWN, "paused"])
def test_other_states(store: MemoryStore, client: PagesClient, state: str) -> None:
    event = event_of(1, state=state)
    keep(store, event)
    assert state in text_of(look(client, event))


def test_a_picture_that_was_not_looked_at_has_dashed_boxes_and_says_why(
    store: MemoryStore, client: PagesClient
) -> None:
    sources = tuple(LookedAt.of(shown_at(NOON + timedelta(seconds=n)).picture) for n in (0, 2))
    event = event_of(1, seconds=(0, 1))
    keep(store, event)
    keep_threats(store, event, (0, 1), Mark(how=How.INTERPOLATED, sources=sources))
    page = look(client, event)
    assert page.count('class="boxes dashed"') == 1
    assert 'title="interpolated between 12:00:00.0 and 12:00:02.0 UTC">interpolated</span>' in page
    assert "did not look" not in page
    page = look(client, event, f"?at={ms_from_utc(NOON + timedelta(seconds=1))}")
    assert "The detector did not look at this picture: its objects are interpolated between 12:00:00.0" in text_of(page)
    assert page.count('class="boxes dashed"') == 2


def test_three_thousand_pictures_come_in_parts(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1, seconds=range(0, 3001, 1500))
    keep(store, event)
    keep_threats(store, event, range(3000))
    page = look(client, event)
    numbers = [page.count('class="card small"')]
    while 'class="more"' in page and len(numbers) < 4:
        more = page.split('class="more" hx-get="')[1].split('"')[0]
        page = client.get(more, headers=HTMX).text
        numbers.append(page.count('class="card small"'))
    assert numbers == [48, 48, 48, 48]
    last = ms_from_utc(event.started_at + timedelta(seconds=2990))
    page = look(client, event, f"?at={last}&since={last}")
    assert f'?at={last + 1000}&amp;since={last}" data-key="n"' in page
    assert "From the first picture" in page
    assert client.get(f"{address_of(event)}?since={last}").text.count('class="card small"') == 10
    assert "12:49:50 UTC" in text_of(look(client, event, f"?at={last}"))


@pytest.mark.parametrize(("second", "before", "after"), [(0, None, 5), (5, 0, 9), (9, 5, None)])
def test_from_picture_to_picture(
    store: MemoryStore, client: PagesClient, second: int, before: int | None, after: int | None
) -> None:
    event = event_of(1, seconds=(0, 5, 9))
    keep(store, event)
    keep_threats(store, event, (0, 5, 9))

    def at(seconds: int) -> int:
        return ms_from_utc(event.started_at + timedelta(seconds=seconds))

    page = look(client, event, f"?at={at(second)}")
    for key, there in (("p", before), ("n", after)):
        assert (f'data-key="{key}"' in page) is (there is not None)
        if there is not None:
            assert f'?at={at(there)}" data-key="{key}"' in page


def test_names_are_text(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1, label=MARKUP, rule_name=MARKUP, area=MARKUP, site=MARKUP)
    keep(store, event)
    alert = alert_of(event, subject=MARKUP)
    delivery = alert.deliveries[0].model_copy(update={"subject": MARKUP, "problem": MARKUP, "recipient": MARKUP})
    tell(store, event, alert.model_copy(update={"deliveries": (delivery,)}))
    record(store, [event])
    Reviews(store).put(Review.of(event, ReviewVerdict.CONFIRMED, f"ui:{MARKUP}", NOW))
    for address in (address_of(event), f"{address_of(event)}/false-box", f"{address_of(event)}/why"):
        page = client.get(address)
        assert page.status_code == 200
        assert "<img src=x" not in page.text
    assert text_of(look(client, event)).count(MARKUP) > 6


def test_what_cannot_be_read_is_told_beside_the_rest(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1)
    keep(store, event)
    for key in (
        f"alerts/2026/11/20/{event.id}.json",
        "mutes/alice-porch.json",
        f"reviews/2026/11/20/{event.id}.json",
        "threats/2026/11/20/12/alice-porch/00.json",
        f"digests/2026/11/20/alice/{event.id}.json",
    ):
        store.put(key, b"{")
    words = text_of(look(client, event))
    assert words.count("Something cannot be read") == 4
    assert "The last review cannot be read" in words
    assert "person at alice-porch" in words


def test_a_video_has_its_clip(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1)
    picture = event.first.picture.model_copy(update={"footage_key": "footage/2026/11/20/12/alice-porch-1795176000.mp4"})
    shown = event.first.model_copy(update={"picture": picture})
    keep(store, event.model_copy(update={"first": shown, "last": shown, "best": {"person": shown}}))
    page = look(client, event)
    assert 'src="/nightjar-ui/clips/footage/2026/11/20/12/alice-porch-1795176000.mp4"' in page


def test_why_has_the_numbers(store: MemoryStore, client: PagesClient) -> None:
    leave(store, [seen(store, an_event().camera, at("12:00"), ("person", 0.7, BOX))])
    event = an_event()
    write_record(store, f"events/2026/11/20/alice-porch/{event.id}.json", event)
    address = f"{address_of(event)}/why"
    words = text_of(client.get(address).text)
    for text in ("By the rules in force", "person 70 %", "a threat", "probability at least 60 % 70 % passed"):
        assert text in words
    fragment = client.get(address, headers=HTMX).text
    assert fragment.lstrip().startswith('<div id="why"')


def test_kept_rules_that_are_damaged_are_told(store: MemoryStore, client: PagesClient) -> None:
    leave(store, [seen(store, an_event().camera, at("12:00"), ("person", 0.7, BOX))])
    event = an_event()
    write_record(store, f"events/2026/11/20/alice-porch/{event.id}.json", event)
    store.put(f"rules/{event.rules_sha256}.yaml", b"users: 3")
    answer = client.get(f"{address_of(event)}/why")
    assert answer.status_code == 200
    assert f"rules/{event.rules_sha256}.yaml is wrong" in text_of(answer.text)


def test_a_viewer_sees_no_buttons(store: MemoryStore) -> None:
    event = event_of(1)
    keep(store, event)
    with asking(store, VIEWER) as viewer:
        for query in ("", "/false-box"):
            answer: Any = viewer.get(f"{address_of(event)}{query}")
            assert answer.status_code == 200
            assert '<form method="post"' not in answer.text
            assert "Not a threat</button>" not in answer.text


def test_the_neighbours_of_the_camera(store: MemoryStore, client: PagesClient) -> None:
    events = [event_of(n, NOON + n * timedelta(hours=1)) for n in range(3)]
    keep(store, *events)
    record(store, events)
    page = look(client, events[1])
    assert f'rel="prev" href="{address_of(events[2])}"' in page
    assert f'rel="next" href="{address_of(events[0])}"' in page
