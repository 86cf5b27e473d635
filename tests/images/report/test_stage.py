"""The stage over whole buckets: which pages it makes, what it leaves alone."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from nightjar.domain.alerts import AlertState
from nightjar.domain.events import EventState
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.records import Records
from nightjar_record.stage import work as record
from nightjar_report import plots, stage
from nightjar_report.stage import summary_of, work
from tests.bucket import NOON, PORCH, SHOP, YARD
from tests.images.base.nightjar.stores.test_records import put_later_release
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.images.record.test_live import an_eventful_run
from tests.images.record.warehouse import parts, versions
from tests.images.record.world import DAY, World, history, person

PAGE = "reports/2026/11/20/report.html"
NEXT_PAGE = "reports/2026/11/21/report.html"


_drawn: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def each_plot_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots are functions of what they show, as the tests of the page hold; most of these tests show the same."""
    for name in ("bars", "hours"):
        draw = getattr(plots, name)

        def drawn(*values: Any, draw: Callable[..., bytes] = draw, name: str = name, **options: Any) -> bytes:
            shown = repr((name, values, sorted(options.items())))
            if shown not in _drawn:
                _drawn[shown] = draw(*values, **options)
            return _drawn[shown]

        monkeypatch.setattr(plots, name, drawn)


def reporting(store: ObjectStore) -> StageContext:
    """The context in which report works."""
    return StageContext(
        stage="report",
        image="registry.example.com/nightjar/report:r1",
        run="scheduled__2026-11-20",
        input_prefix="records/",
        output_prefix="runs/nightjar_report/scheduled__2026-11-20/report/",
        store=store,
        clock=lambda: NOON,
    )


def report(store: ObjectStore) -> list[Any]:
    """Run the stage; the pages that it made."""
    result = run(work, reporting(store)).result["reports"]
    assert isinstance(result, list)
    return result


def page(store: ObjectStore, key: str = PAGE) -> str:
    return store.get(key)[0].decode()


def recorded(world: World) -> None:
    run(record, world.close())


def test_a_day_with_news_gets_its_page_and_its_plots() -> None:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    manifest = run(work, reporting(store))
    assert (manifest.counts.received, manifest.counts.outcomes) == (1, {"reported": 1})
    assert manifest.result == {"reports": [PAGE]}
    assert {ref.key.rpartition("/")[2] for ref in manifest.objects} == {
        "report.html",
        "funnel.png",
        "threats_by_hour.png",
        "threats_by_user.png",
        "threats_by_camera.png",
        "quarantine_by_reason.png",
    }
    assert "9 motion triggers, 1 alert" in page(store)
    assert "20 Nov 13:00 CET" in page(store)  # the user's clock
    assert "<script>" not in page(store) and "49" not in page(store).partition("Refused, by reason")[2][:400]


def test_the_summary_adds_up() -> None:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    summary = summary_of(Records(store), DAY)
    assert (summary.triggers, summary.videos, summary.threats) == (9, 1, 3)
    assert (len(summary.alerts), len(summary.unalerted), summary.runs) == (1, 1, 1)
    account = (summary.detected, summary.duplicates, sum(summary.quarantined.values()), sum(summary.failed.values()))
    assert account == (6, 2, 3, 2) and sum(account) == summary.received


def test_without_news_nothing_is_done() -> None:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    report(store)
    before = versions(store, "records/", "reports/")
    manifest = run(work, reporting(store))
    assert (manifest.counts.received, manifest.objects, manifest.result) == (0, (), {"reports": []})
    assert versions(store, "records/", "reports/") == before


def test_a_page_made_again_from_the_same_rows_is_no_new_version() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    run(record, context)
    report(store)
    before = versions(store, "reports/")
    _drawn.clear()
    run(record, context)
    assert report(store) == [PAGE]
    assert versions(store, "reports/") == before


def test_a_day_without_rows_is_reported_as_such() -> None:
    store = MemoryStore()
    run(record, history(store))
    assert report(store) == [PAGE]
    assert "No footage was received on this day." in page(store)


def test_news_that_come_while_the_page_is_made_stay_for_the_next_run() -> None:
    class Busy(MemoryStore):
        """Does `meanwhile`, once, before the page is written: its rows have been read by then."""

        meanwhile: Callable[[], None] | None = None

        def put(self, key: str, data: bytes, **kwargs: Any) -> ObjectInfo:
            if key == PAGE and self.meanwhile:
                do, self.meanwhile = self.meanwhile, None
                do()
            return super().put(key, data, **kwargs)

    store = Busy()
    first, second = World(store, "20261120T120000Z-000000000001"), World(store, "20261120T130000Z-000000000002")
    first.still(PORCH, NOON)
    recorded(first)

    def meanwhile() -> None:
        second.still(YARD, NOON)
        recorded(second)
        first.still(SHOP, NOON)
        recorded(first)  # cleared: the same news as before, with another row behind it

    store.meanwhile = meanwhile
    report(store)
    assert "1 motion trigger, " in page(store)
    assert report(store) == [PAGE]
    assert "3 motion triggers, " in page(store)
    assert report(store) == []


def test_every_day_with_news_is_reported_and_a_broken_one_does_not_hold_back_the_others() -> None:
    store = MemoryStore()
    world = World(store)
    world.video(PORCH, NOON.replace(hour=23, minute=59, second=58), [[person()]] * 4)
    recorded(world)
    store.put(f"records/pictures/date={DAY}/broken.parquet", b"PAR1")
    for _ in range(2):  # again and again, until somebody sees to it
        with pytest.raises(InputError, match=rf"no report of {DAY}: expected 'records/pictures/.*/broken\.parquet'"):
            report(store)
        assert store.head(PAGE) is None and store.head(NEXT_PAGE) is not None
        assert list(Records(store).news()) == [DAY]
    store.delete(f"records/pictures/date={DAY}/broken.parquet")
    assert report(store) == [PAGE]


def test_rows_of_two_releases_are_on_one_page() -> None:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    put_later_release(store, "later", an_event(7, camera="alice-attic"), zone=["attic"])
    report(store)
    assert "alice-attic" in page(store) and "alice-yard" in page(store)


def test_many_parts_are_put_into_one_and_the_page_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    worlds = [World(store, f"20261120T120000Z-{number:012x}") for number in range(5)]
    for number, world in enumerate(worlds):
        world.alert(world.event([world.still(PORCH, NOON + timedelta(hours=number), person())], number))
        recorded(world)
    report(store)
    before = page(store)
    monkeypatch.setattr(stage, "_MOST_PARTS", 4)
    Records(store).announce(DAY, "nightjar_live/again")
    report(store)
    assert page(store) == before
    assert [parts(store, table) for table in ("pictures", "events", "alerts")] == [["day.parquet"]] * 3
    late = World(store, "20261120T130000Z-000000000009")
    late.still(YARD, NOON)
    recorded(late)
    report(store)
    assert "6 motion triggers, 5 alerts" in page(store)


def test_columns_that_do_not_go_together_keep_parts_apart_and_the_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    put_later_release(store, "a", an_event(1), zone=["garden"])
    put_later_release(store, "b", an_event(2), zone=[[1.0]])
    Records(store).announce(DAY, "nightjar_live/1")
    monkeypatch.setattr(stage, "_MOST_PARTS", 1)
    assert report(store) == [PAGE]
    assert parts(store, "events") == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize(
    ("state", "headline", "said"),
    [
        (AlertState.SENT, "1 motion trigger, 1 alert<", "sent"),
        (AlertState.OUTBOX, "1 motion trigger, 1 alert<", "in the outbox"),
        (AlertState.FAILED, "1 motion trigger, 0 alerts, 1 event nobody was told about<", "1 not delivered"),
        (AlertState.CLAIMED, "1 motion trigger, 0 alerts<", "1 alert may not have been delivered"),
        ("handed-over", "1 motion trigger, 1 alert<", "handed-over"),  # by a later release
        (None, "1 motion trigger, 0 alerts, 1 event nobody was told about<", "1 not alerted"),
    ],
)
def test_each_alert_is_shown_with_its_state(state: AlertState | None, headline: str, said: str) -> None:
    store = MemoryStore()
    world = World(store)
    event = world.event([world.still(PORCH, NOON, person())])
    if state:
        world.alert(event, state)
    recorded(world)
    report(store)
    assert headline in page(store) and said in page(store)


@pytest.mark.parametrize("state", [EventState.WITHDRAWN, EventState.ABSORBED])
def test_an_event_that_is_none_any_more_is_shown_only_if_somebody_was_alerted_about_it(state: EventState) -> None:
    store = MemoryStore()
    world = World(store)
    a, b, c = (world.still(camera, NOON, person()) for camera in (PORCH, YARD, SHOP))
    alerted, silent, heir = world.event([a]), world.event([b]), world.event([c])
    world.alert(alerted)
    over = {"state": state, "revision": 2, "absorbed_by": heir.ref if state is EventState.ABSORBED else None}
    for event in (alerted, silent):
        world.store_event(event.model_copy(update=over))
    world.store_event(heir.model_copy(update={"absorbed": (alerted.ref, silent.ref), "revision": 2}))
    recorded(world)
    for _ in range(2):
        report(store)
        assert ", 1 alert</h1>" in page(store) and "alice-porch" in page(store)
        assert "alice-yard" not in page(store).partition("The day in bars")[0]
        assert "Not alerted" not in page(store)  # of the heir, somebody was alerted about a part
        run(record, history(store, world))


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        ("", "see the run&#39;s <code>detect</code> task"),
        ("picture-missing", "clear the run&#39;s <code>validate</code> task"),
        ("picture-altered", "who wrote below <code>standard/</code>"),
        ("picture-undecodable", "keep the picture for a bug report"),
        ("struck-by-lightning", "struck-by-lightning"),  # a reason of a later release
    ],
)
def test_the_page_says_what_to_do_about_failures(failure: str, advice: str) -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person(), detected=False, failure=failure)
    recorded(world)
    report(store)
    assert advice in page(store)
    assert "1 picture could not be looked at." in page(store)


def test_pictures_that_were_not_judged_are_told_apart() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person())
    world.is_assessed = False
    recorded(world)
    report(store)
    assert "not judged" in page(store)
    world.is_assessed = True
    world.held_back(world.still(PORCH, NOON + timedelta(seconds=1), person()), Safe.OUT_OF_HOURS)
    world.refused(PORCH, NOON + timedelta(seconds=2), Reason.GREY)
    recorded(world)
    report(store)
    assert "not judged" not in page(store)


def test_outcomes_that_only_a_later_release_knows_are_counted_and_told_apart() -> None:
    store = MemoryStore()
    world = World(store)
    world.duplicate(world.still(PORCH, NOON))
    world.batch[-1] = world.batch[-1].model_copy(update={"outcome": "postponed"})
    recorded(world)
    report(store)
    assert re.search(r"<td>others</td><td class=\"n\">1</td>", page(store))
    summary = summary_of(Records(store), DAY)
    assert summary.received == 2 and summary.duplicates == 0


# Pictures in the page


@pytest.mark.parametrize(
    ("most", "stored", "shown"),
    [
        ("24", "picture", 1),
        ("0", "picture", 0),
        ("24", "nothing", 0),
        ("24", "garbage", 0),
        ("24", "another picture", 0),
        ("24", "an archived picture", 0),
    ],
)
def test_an_alert_is_shown_with_its_picture(
    most: str, stored: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_REPORT_THUMBNAILS", most)
    store = MemoryStore()
    world = World(store)
    picture = world.still(PORCH, NOON, person(), jpeg=b"not a picture" if stored == "garbage" else a_jpeg())
    if stored == "nothing":
        store.delete(picture.standard_key)
    if stored == "another picture":
        store.put(picture.standard_key, a_jpeg(colour=(200, 0, 0)))
    if stored == "an archived picture":
        store.make_unreadable(picture.standard_key)
    world.alert(world.event([picture]))
    recorded(world)
    report(store)
    assert page(store).count("data:image/jpeg;base64,") == shown


def test_a_probability_is_never_rounded_up_to_certainty() -> None:
    store = MemoryStore()
    world = World(store)
    world.alert(world.event([world.still(PORCH, NOON, person(0.996))]))
    recorded(world)
    report(store)
    assert "99 %" in page(store) and "100 %" not in page(store).partition("</style>")[2]


def a_jpeg(colour: tuple[int, int, int] = (90, 110, 90)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return out.getvalue()
