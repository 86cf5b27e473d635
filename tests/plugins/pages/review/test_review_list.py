"""The list of events as people see it: cards, filters, fragments, and whatever an address may have in it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reactions import Reviews
from nightjar.stores.record_keys import partition_prefix
from nightjar.stores.rules import RulesStore
from tests.bucket import RULES, SHOP, YARD
from tests.images.base.nightjar.queries.event_world import NOON, NOW, alert_of, event_of, golden, record
from tests.plugins.pages.review.review_world import HTMX, REVIEW, address_of, asking
from tests.plugins.web_world import VIEWER, PagesClient, make_client

MARKUP = '<script>alert("1")</script>'


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[PagesClient]:
    with asking(store) as client:
        yield client


def test_nothing_yet(client: PagesClient) -> None:
    answer = client.get(REVIEW)
    assert answer.status_code == 200
    assert "No events yet" in answer.text
    assert "No event fits" in client.get(f"{REVIEW}?label=cat").text


def test_cards_say_what_when_where_and_who_was_told(store: MemoryStore, client: PagesClient) -> None:
    RulesStore(store).put(RULES.replace(b"min_probability: 0.6", b"min_probability: 0.6, severity: critical"))
    told, held = event_of(1), event_of(2, NOON + timedelta(minutes=1), camera=SHOP, area="till", site="Main St")
    record(store, [told, (held, "quiet-hours")], [(told.day, alert_of(told))])
    Reviews(store).put(Review.of(told, ReviewVerdict.FALSE_ALARM, "ui:olga", NOW))
    page = client.get(REVIEW).text
    for text in (
        *(
            "person 90 %",
            "alice-porch",
            "Fri 20 Nov, 13:00:00 CET",
            "2026-11-20 12:00:00 UTC",
            ">alerted<",
            ">warning<",
        ),
        *("held back: quiet hours", "bob-shop"),
        *(">till<", ">Main St<", ">critical<", ">warning<", "not a threat, <bdi>olga</bdi>"),
        f'href="{address_of(told)}"',
    ):
        assert text in page
    assert page.index("at bob-shop") < page.index("at alice-porch")


def test_names_are_text(store: MemoryStore, client: PagesClient) -> None:
    record(store, [event_of(1, label=MARKUP, rule_name=MARKUP, area=MARKUP, site=MARKUP)])
    for address in (REVIEW, f"{REVIEW}?label={MARKUP}", f"{REVIEW}?user={MARKUP}"):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_a_viewer_sees_no_buttons(store: MemoryStore, client: PagesClient) -> None:
    record(store, [event_of(1)])
    assert "Not a threat</button>" in client.get(REVIEW).text
    with asking(store, VIEWER) as viewer:
        page = viewer.get(REVIEW).text
    assert "person 90 %" in page
    assert '/review"' not in page
    assert "Not a threat</button>" not in page


def test_pages_by_htmx_and_by_links(store: MemoryStore, client: PagesClient) -> None:
    record(store, [event_of(n, NOON - n * timedelta(minutes=1)) for n in range(30)])
    page = client.get(REVIEW).text
    assert page.count("data-event") == 24
    older = page.split('class="more" hx-get="')[1].split('"')[0].replace("&amp;", "&")
    plain, fragment = client.get(older).text, client.get(older, headers=HTMX).text
    assert plain.count("data-event") == fragment.count("data-event") == 6
    assert "<html" in plain and "Back to the newest" in plain
    assert "<html" not in fragment and fragment.lstrip().startswith("<li")
    filtered = client.get(f"{REVIEW}?camera=alice-porch", headers=HTMX).text
    assert filtered.lstrip().startswith('<section id="found"')
    restored = client.get(REVIEW, headers={**HTMX, "HX-History-Restore-Request": "true"}).text
    assert "<html" in restored


def test_filters_stay_in_the_address(store: MemoryStore, client: PagesClient) -> None:
    record(store, [event_of(n, NOON - n * timedelta(minutes=1), camera=YARD) for n in range(25)])
    page = client.get(f"{REVIEW}?camera=alice-yard&told=nobody&from=2026-11-20T01:00&rule=200&severity=").text
    assert 'value="alice-yard"' in page
    assert '<option value="nobody" selected>' in page
    assert 'type="datetime-local" name="from" value="2026-11-20T01:00"' in page
    assert "camera=alice-yard&amp;rule=200&amp;told=nobody&amp;from=2026-11-20T01%3A00&amp;older=" in page


def test_the_form_offers_what_the_rules_and_the_page_have(store: MemoryStore, client: PagesClient) -> None:
    RulesStore(store).put(RULES)
    record(store, [event_of(1, camera=Camera("zoe", "attic"), label="cat", rule_id=7, rule_name="<i>old</i>")])
    page = client.get(f"{REVIEW}?label=zebra&rule=9").text
    for option in ("alice-porch", "bob-shop"):
        assert f'<option value="{option}">' in page
    page = client.get(REVIEW).text
    for option in (
        '"zoe-attic">',
        '"zoe">',
        '"cat">cat',
        '"person">person',
        '"7">7 &lt;i&gt;old',
        '"200">200 intruder',
    ):
        assert f"<option value={option}" in page


def test_of_many_cameras_those_on_the_page_are_offered(store: MemoryStore, client: PagesClient) -> None:
    devices = ", ".join(f"d{n}: " for n in range(1001))
    RulesStore(store).put(RULES.replace(b"{shop: {}}", f"{{{devices}}}".encode()))
    record(store, [event_of(1)])
    page = client.get(REVIEW).text
    assert '<option value="alice-porch">' in page
    assert '<option value="bob-d1">' not in page


@pytest.mark.parametrize(
    "query",
    [
        *("older=x", "older=2026-11-20.1.%27", "camera=x", "rule=x", "from=x", "to=9999999-01-01", "told=x", "state=x"),
        *("severity=x", "review=x", f"label={'x' * 101}", "from=2026-11-21&to=2026-11-20"),
    ],
)
def test_a_bad_address_is_refused_with_a_sentence(query: str) -> None:
    client = make_client()
    for address in (f"{REVIEW}?{query}", f"{REVIEW}new?after=2026-11-20.1.a&{query}".replace("older=", "after=")):
        answer = client.get(address)
        assert answer.status_code == 400
        assert "xpected" in answer.text


def test_new_events_are_counted(store: MemoryStore, client: PagesClient) -> None:
    record(store, [event_of(1)])
    page = client.get(REVIEW).text
    address = page.split('id="new" role="status" hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(address).status_code == 204
    record(store, [event_of(2, NOON + timedelta(minutes=1)), event_of(3, NOON + timedelta(minutes=2), camera=YARD)])
    assert "2 new</a>" in client.get(address).text
    assert "1 new</a>" in client.get(f"{address}&camera=alice-yard").text
    assert client.get(f"{REVIEW}new").status_code == 204


def test_what_cannot_be_read_is_told_beside_the_rest(store: MemoryStore, client: PagesClient) -> None:
    event = event_of(1)
    record(store, [event])
    store.put(f"{partition_prefix('events', NOON.date())}bad.parquet", b"no Parquet")
    store.put(f"reviews/2026/11/20/{event.id}.json", b"{")
    page = client.get(REVIEW).text
    assert "bad.parquet" in page
    assert "The last review cannot be read" in page
    assert "person 90 %" in page


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
def test_events_of_earlier_releases(release: str) -> None:
    store = golden(release)
    with asking(store, now=NOW + timedelta(days=30)) as client:
        page = client.get(REVIEW).text
    assert page.count("data-event") > 0
