"""Acting on an event: who may, the last word holds, twice is once, and a place where the detector errs."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.model import ms_from_utc
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.reactions import Reviews
from tests.bucket import PORCH, YARD, sha256_of
from tests.images.base.nightjar.queries.event_world import (
    BOX,
    NOON,
    NOW,
    detection_row,
    event_of,
    keep,
    record,
    record_detections,
)
from tests.plugins.pages.review.review_world import HTMX, address_of, asking
from tests.plugins.web_world import VIEWER, PagesClient, Somebody

EVENT = event_of(1, label="cat")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    keep(store, EVENT)
    record(store, [EVENT])
    return store


@pytest.fixture
def client(store: MemoryStore) -> Iterator[PagesClient]:
    with asking(store) as client:
        yield client


def say(client: PagesClient, verdict: str, **more: Any) -> Any:
    return client.post(f"{address_of(EVENT)}/review", data={"verdict": verdict}, **more)


def said(store: MemoryStore) -> tuple[str, str] | None:
    review = Reviews(store).get(EVENT.ref)
    return (review.verdict, review.by) if review else None


def versions(store: MemoryStore, prefix: str) -> int:
    return sum(1 for _ in store.list_versions(prefix))


def test_said_said_otherwise_and_taken_back(store: MemoryStore, client: PagesClient) -> None:
    answer = say(client, "false-alarm")
    assert (answer.status_code, answer.headers["location"]) == (303, address_of(EVENT))
    assert said(store) == ("false-alarm", "ui:olga")
    say(client, "confirmed")
    assert said(store) == ("confirmed", "ui:olga")
    say(client, "none")
    assert said(store) is None
    assert [line.extra.get("verdict") for line in client.audit_lines] == ["false-alarm", "confirmed", "none"]
    assert {(line.event, line.person, line.dag_id) for line in client.audit_lines} == {
        ("nightjar.review", "olga", "nightjar_live")
    }


@pytest.mark.parametrize("verdict", ["false-alarm", "confirmed", "none"])
def test_twice_is_once(store: MemoryStore, client: PagesClient, verdict: str) -> None:
    say(client, "confirmed" if verdict == "none" else "none")
    say(client, verdict)
    before, lines = versions(store, "reviews/"), len(client.audit_lines)
    assert say(client, verdict).status_code == 303
    assert (versions(store, "reviews/"), len(client.audit_lines)) == (before, lines)


@pytest.mark.parametrize(("data", "is_kept"), [(b"a cat", True), (b"altered", False), (None, False)])
def test_what_was_judged_is_kept_for_evaluation(
    store: MemoryStore, client: PagesClient, data: bytes | None, is_kept: bool
) -> None:
    picture = EVENT.first.picture.model_copy(update={"standard_sha256": sha256_of(b"a cat")})
    shown = EVENT.first.model_copy(update={"picture": picture})
    keep(store, EVENT.model_copy(update={"first": shown, "last": shown, "best": {"cat": shown}}))
    if data is not None:
        store.put(picture.standard_key, data)
    say(client, "false-alarm")
    review = Reviews(store).get(EVENT.ref)
    assert review is not None
    assert (review.verdict, review.at) == ("false-alarm", NOW)
    if not is_kept:
        assert review.shown is None  # nobody can have seen it
        return
    assert review.shown is not None
    assert review.shown.standard_sha256 == picture.standard_sha256
    assert (review.shown.object.label, review.shown.object.box) == ("cat", BOX)
    assert review.shown.detector == EVENT.first.detector


def test_a_card_or_the_box_of_the_event_is_shown_again(client: PagesClient) -> None:
    card = client.post(f"{address_of(EVENT)}/review", data={"verdict": "confirmed", "view": "card"}, headers=HTMX).text
    assert card.lstrip().startswith('<li class="card event"')
    assert "confirmed, <bdi>olga</bdi>" in card
    assert 'value="none" aria-pressed="true" data-act="c"' in card
    box = say(client, "none", headers=HTMX).text
    assert box.lstrip().startswith('<div class="say-box"')
    assert "Nobody has reviewed it yet" in box


def test_two_people_at_once(store: MemoryStore, client: PagesClient) -> None:
    say(client, "confirmed")
    with asking(store, Somebody("bob")) as other:
        box = say(other, "false-alarm", headers=HTMX).text
        assert "This takes the place of “confirmed” by <bdi>olga</bdi>" in box
        assert other.audit_lines[0].extra["before_by"] == "ui:olga"
    assert said(store) == ("false-alarm", "ui:bob")
    say(client, "false-alarm")  # she agrees: the last word is hers
    assert said(store) == ("false-alarm", "ui:olga")


@pytest.mark.parametrize("verdict", ["", "maybe", "<b>", "FALSE-ALARM"])
def test_other_verdicts_are_refused(store: MemoryStore, client: PagesClient, verdict: str) -> None:
    answer = say(client, verdict)
    assert answer.status_code == 400
    assert "false-alarm, confirmed or none" in answer.text
    assert said(store) is None


@pytest.mark.parametrize("act", ["review", "false-box"])
def test_who_may_not_act(store: MemoryStore, client: PagesClient, act: str) -> None:
    data = {"verdict": "confirmed", "number": "0"}
    with asking(store, VIEWER) as viewer:
        assert viewer.post(f"{address_of(EVENT)}/{act}", data=data).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.post(f"{address_of(EVENT)}/{act}", data=data, headers=foreign).status_code == 403
    assert said(store) is None
    assert FalseBoxes(store).of(PORCH) == ()


def test_an_event_that_is_not_there(client: PagesClient) -> None:
    address = address_of(event_of(2))
    assert client.post(f"{address}/review", data={"verdict": "confirmed"}).status_code == 404
    assert client.post(f"{address}/false-box", data={"number": "0"}).status_code == 404


def test_a_spoilt_review_is_replaced(store: MemoryStore, client: PagesClient) -> None:
    store.put(f"reviews/2026/11/20/{EVENT.id}.json", b"{")
    say(client, "confirmed")
    assert said(store) == ("confirmed", "ui:olga")


def test_a_false_box_shows_what_it_covers_before_it_is_confirmed(store: MemoryStore, client: PagesClient) -> None:
    aside = (0.6, 0.25, 0.85, 0.75)
    near = (0.26, 0.25, 0.51, 0.75)
    rows = [detection_row(n, near if n else BOX, threat=n != 1, taken_at=NOON - timedelta(days=n)) for n in range(4)]
    record_detections(
        store, *rows, detection_row(5, aside), detection_row(6, label="dog"), detection_row(7, camera="alice-yard")
    )
    at = ms_from_utc(NOON)
    page = client.get(f"{address_of(EVENT)}/false-box?at={at}&number=0").text
    assert "Is there never a cat at this place" in page
    assert "<b>3</b> <span>pictures with a threat would be covered, of 4 with this label</span>" in page
    assert "<b>4</b> <span>pictures in all, on 4 days</span>" in page
    assert page.count('class="card small"') == 4
    assert FalseBoxes(store).of(PORCH) == ()
    answer = client.post(f"{address_of(EVENT)}/false-box", data={"at": str(at), "number": "0"})
    assert (answer.status_code, answer.headers["location"]) == (303, address_of(EVENT))
    [box] = FalseBoxes(store).of(PORCH)
    assert (box.label, box.box, box.confirmed_by, box.confirmed_at) == ("cat", BOX, "ui:olga", NOW)
    assert FalseBoxes(store).of(YARD) == ()
    assert "covers this object already" in client.get(f"{address_of(EVENT)}/false-box?at={at}").text
    client.post(f"{address_of(EVENT)}/false-box", data={"at": str(at), "number": "0"})
    assert len(FalseBoxes(store).of(PORCH)) == 1
    assert [line.event for line in client.audit_lines] == ["nightjar.false_box"]


@pytest.mark.parametrize("days", [0, 1])
def test_a_thing_of_one_day_is_warned_of(store: MemoryStore, client: PagesClient, days: int) -> None:
    record_detections(store, *(detection_row(n) for n in range(days)))
    page = client.get(f"{address_of(EVENT)}/false-box").text
    assert ("on 1 day only" in page) is bool(days)
    assert ("No detections are recorded yet" in page) is (not days)


@pytest.mark.parametrize("number", ["", "1", "-1", "0.0", "\u0660", "9999"])
def test_objects_that_are_not_there(store: MemoryStore, client: PagesClient, number: str) -> None:
    answer = client.post(f"{address_of(EVENT)}/false-box", data={"number": number})
    assert answer.status_code == 400
    assert FalseBoxes(store).of(PORCH) == ()
