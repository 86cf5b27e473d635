"""The stage over whole buckets: what it records, reports and leaves alone."""

import io
from datetime import datetime, timedelta

import pytest
from PIL import Image

from nightjar.domain.alerts import AlertState
from nightjar.domain.layout import HISTORY, event_key, records_prefix, report_prefix
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest, write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar_report.stage import work
from nightjar_report.tables import TABLES
from tests.images.report.world import (
    DAY,
    NOON,
    PORCH,
    REPORT,
    SHOP,
    YARD,
    World,
    history,
    keys,
    person,
    records,
    summary,
    versions,
)


def an_eventful_run(store: ObjectStore) -> StageContext:
    """One of everything: 12 pictures of 9 triggers, 2 events, 1 alert."""
    world = World(store)
    first = world.still(PORCH, NOON, person())
    second = world.still(PORCH, NOON + timedelta(seconds=30), person(0.7))
    world.still(PORCH, NOON + timedelta(minutes=5))
    world.still(PORCH, NOON + timedelta(minutes=6), person(), detected=False)
    world.refused(PORCH, NOON + timedelta(minutes=7), Reason.GREY)
    world.duplicate(first)
    world.misnamed("{{ 7*7 }}<script>.jpg")
    world.unproven(SHOP, NOON)
    frames = world.video(YARD, NOON, [[], [person(0.95)], [person(0.3)]], cut=True, duplicates=1)
    world.held_back(frames[2], Safe.BELOW_PROBABILITY)
    world.alert(world.event([first, second]))
    world.event([frames[1]], number=2)
    return world.close()


def test_a_live_run_records_every_picture_with_its_outcome() -> None:
    store = MemoryStore()
    manifest = run(work, an_eventful_run(store))
    assert manifest.warnings == ()
    assert manifest.counts.outcomes == {
        "detected": 6,
        "duplicate": 2,
        "failed:detect": 1,
        "failed:validate": 1,
        "quarantined:bad-name": 1,
        "quarantined:grey": 1,
        "quarantined:truncated": 1,
    }
    found = records(store)
    assert manifest.counts.received == len(found["pictures"]) == 13
    assert [len(found[t.name]) for t in TABLES] == [13, 4, 2, 1]
    assert len(set(found["pictures"]["id"].to_pylist())) == 13
    by_verdict = {r["verdict"]: r for r in found["pictures"].to_pylist() if r["verdict"]}
    assert set(by_verdict) == {"threat", "suppressed", "nothing"}
    assert by_verdict["suppressed"]["suppressed_by"] == ["below-probability"]
    assert {r["threat"] for r in found["detections"].to_pylist() if r["probability"] > 0.6} == {True}
    event = next(r for r in found["events"].to_pylist() if r["camera"] == "alice-porch")
    assert (event["pictures"], event["timezone"], event["site"]) == (2, "Europe/Berlin", "home")


def test_the_manifest_names_what_close_run_compares_and_what_was_written() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    manifest = run(work, context)
    consumed = {(ref.key, ref.sha256) for ref in manifest.inputs}
    for stage in ("reconcile", "assess", "notify"):
        _, ref = read_manifest(store, f"{context.run_prefix}{stage}/")
        assert (ref.key, ref.sha256) in consumed
    assert manifest.result == {"reports": [REPORT]}
    for ref in manifest.objects:
        info = store.head(ref.key, ref.version_id)
        assert info is not None and info.size == ref.size


def test_a_second_time_nothing_changes() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    first = run(work, context)
    before = versions(store, "records/", "reports/")
    assert run(work, context).objects == first.objects
    assert versions(store, "records/", "reports/") == before


def test_the_summary_adds_up_and_the_page_says_why() -> None:
    store = MemoryStore()
    run(work, an_eventful_run(store))
    found = summary(store)
    assert (found.triggers, found.videos, found.threats, len(found.alerts), len(found.unalerted)) == (9, 1, 3, 1, 1)
    account = (found.detected, found.duplicates, sum(found.quarantined.values()), sum(found.failed.values()))
    assert account == (6, 2, 3, 2) and sum(account) == found.received
    page = store.get(REPORT)[0].decode()
    assert "9 motion triggers, 1 alert" in page
    assert "20 Nov 13:00 CET" in page  # the user's clock
    assert "<script>" not in page and "49" not in page.partition("Quarantined")[2][:400]


def test_a_run_without_footage_writes_nothing() -> None:
    store = MemoryStore()
    manifest = run(work, World(store).close())
    assert (manifest.counts.received, manifest.objects, manifest.result) == (0, (), {"reports": []})


def test_a_video_across_midnight_is_in_two_days() -> None:
    store = MemoryStore()
    world = World(store)
    world.video(PORCH, NOON.replace(hour=23, minute=59, second=58), [[person()]] * 4)
    manifest = run(work, world.close())
    next_day = DAY + timedelta(days=1)
    assert [len(records(store, day)["pictures"]) for day in (DAY, next_day)] == [2, 2]
    assert manifest.result == {"reports": [REPORT, "reports/2026/11/21/report.html"]}


def test_a_day_that_two_runs_touch_shows_both_and_an_extended_event_once() -> None:
    store = MemoryStore()
    first = World(store, "20261120T120000Z-000000000001")
    a = first.still(PORCH, NOON, person())
    first.alert(first.event([a]))
    run(work, first.close())
    second = World(store, "20261120T120100Z-000000000002")
    second.detections += first.detections
    b = second.still(PORCH, NOON + timedelta(seconds=40), person())
    second.event([a, b])
    second.detections = second.detections[1:]
    run(work, second.close())
    found = summary(store)
    assert (found.received, found.triggers, len(found.events), len(found.alerts)) == (2, 2, 1, 1)
    assert found.events[0].event.pictures == 2
    assert len(keys(store, records_prefix("events", DAY))) == 2
    assert len(keys(store, records_prefix("alerts", DAY))) == 1  # the same alert is not recorded again


def test_an_event_that_was_taken_back_is_not_reported_unless_it_was_alerted() -> None:
    store = MemoryStore()
    world = World(store)
    a, b = world.still(PORCH, NOON, person()), world.still(YARD, NOON, person())
    alerted, silent = world.event([a]), world.event([b])
    world.alert(alerted)
    context = world.close()
    run(work, context)
    for event in (alerted, silent):
        store.delete(f"events/2026/11/20/{event.camera.name}/{event.id}.json")
    other = World(store, "20261120T140000Z-000000000002")
    other.still(SHOP, NOON)
    run(work, other.close())
    for _ in range(2):
        page = store.get(REPORT)[0].decode()
        assert ", 1 alert<" in page and "alice-porch" in page
        assert "Not alerted" not in page
        run(work, history(store, world, other))


def test_an_event_that_moved_to_the_day_before_is_reported_there_once_and_with_its_alert() -> None:
    store = MemoryStore()
    midnight = NOON.replace(hour=0)
    first = World(store, "20261120T000100Z-000000000001")
    a = first.still(PORCH, midnight + timedelta(seconds=10), person())
    moved = first.event([a])
    first.alert(moved)
    run(work, first.close())
    second = World(store, "20261120T000200Z-000000000002")
    second.detections += first.detections
    b = second.still(PORCH, midnight - timedelta(seconds=20), person())
    second.event([b, a])
    second.detections = second.detections[1:]
    store.delete(event_key(moved.started_at, PORCH, moved.id))
    run(work, second.close())
    day_before = DAY - timedelta(days=1)
    for _ in range(2):
        pages = [store.get(f"reports/2026/11/{day.day}/report.html")[0].decode() for day in (day_before, DAY)]
        assert "1 motion trigger, 1 alert<" in pages[0] and "1 motion trigger, 0 alerts<" in pages[1]
        assert not any("Not alerted" in page for page in pages)
        for day, world in ((day_before, second), (DAY, first)):
            run(work, history(store, world, day=day))


@pytest.mark.parametrize(
    ("reason", "name", "taken_at"),
    [
        (Reason.BAD_NAME, "what is this.jpg", None),
        (Reason.IMPLAUSIBLE_TIME, "alice-porch-9999999999.jpg", None),
        (Reason.TOO_MANY_BYTES, "alice-porch-1795089600.mp4", NOON - timedelta(days=1)),
        (Reason.EMPTY, "alice-porch-1795089600.jpg", NOON - timedelta(days=1)),
        (Reason.IDENTITY_CONFLICT, "alice-porch-1795089600.jpg", NOON - timedelta(days=1)),
    ],
)
def test_what_collect_refused_stands_under_the_day_of_its_quarantine(
    reason: Reason, name: str, taken_at: datetime | None
) -> None:
    store = MemoryStore()
    world = World(store)
    world.misnamed(name, reason, taken_at)
    day = (taken_at or NOON).date()
    for context in (world.close(), history(store, day=day)):
        assert run(work, context).result == {"reports": [f"{report_prefix(day)}report.html"]}
        (row,) = records(store, day)["pictures"].to_pylist()
        assert (row["outcome"], row["reason"], row["taken_at"]) == ("quarantined", reason, taken_at)
        assert store.head(f"{row['quarantine_key']}object")


@pytest.mark.parametrize(
    ("failure", "reason", "advice"),
    [
        ("", "detect", "see the run&#39;s <code>detect</code> task"),
        ("picture-missing", "picture-missing", "clear the run&#39;s <code>validate</code> task"),
        ("picture-altered", "picture-altered", "who wrote below <code>standard/</code>"),
        ("picture-undecodable", "picture-undecodable", "keep the picture for a bug report"),
    ],
)
def test_a_failure_is_recorded_with_its_reason_and_the_page_says_what_to_do(
    failure: str, reason: str, advice: str
) -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person(), detected=False, failure=failure)
    world.still(PORCH, NOON + timedelta(seconds=1))
    again = World(store, DAY.isoformat(), HISTORY)
    again.batch, again.validations, again.failures = world.batch, world.validations, world.failures
    for context in (world.close(), again.close(day=DAY)):
        manifest = run(work, context)
        assert manifest.counts.outcomes == {"detected": 1, f"failed:{reason}": 1}
        assert manifest.warnings == ()
        assert summary(store).failed == {reason: 1}
        assert advice in store.get(REPORT)[0].decode()


@pytest.mark.parametrize(
    ("state", "headline", "said"),
    [
        (AlertState.SENT, "1 motion trigger, 1 alert<", "sent"),
        (AlertState.OUTBOX, "1 motion trigger, 1 alert<", "in the outbox"),
        (AlertState.FAILED, "1 motion trigger, 0 alerts<", "1 not delivered"),
        (AlertState.CLAIMED, "1 motion trigger, 0 alerts<", "sending was interrupted"),
        (None, "1 motion trigger, 0 alerts<", "1 not alerted"),
    ],
)
def test_what_became_of_an_alert(state: AlertState | None, headline: str, said: str) -> None:
    store = MemoryStore()
    world = World(store)
    event = world.event([world.still(PORCH, NOON, person())])
    if state:
        world.alert(event, state)
    run(work, world.close())
    page = store.get(REPORT)[0].decode()
    assert headline in page and said in page


def test_a_run_without_its_batch_is_refused() -> None:
    store = MemoryStore()
    context = World(store).close()
    store.delete(f"{context.run_prefix}batch.jsonl")
    with pytest.raises(InputError, match=r"batch\.jsonl"):
        run(work, context)


def test_records_that_differ_from_the_account_are_told() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON)
    context = world.close()
    world.unproven(SHOP, NOON)  # in the batch, but reconcile did not see it
    write_lines(store, f"{context.run_prefix}batch.jsonl", world.batch)
    assert "as the account of the run says" in run(work, context).warnings[0]


# Pictures in the page


@pytest.mark.parametrize(
    ("most", "stored", "shown"), [("24", "picture", 1), ("0", "picture", 0), ("24", "nothing", 0), ("24", "garbage", 0)]
)
def test_an_alert_is_shown_with_its_picture(
    most: str, stored: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_REPORT_THUMBNAILS", most)
    store = MemoryStore()
    world = World(store)
    picture = world.still(PORCH, NOON, person())
    if stored != "nothing":
        store.put(picture.standard_key, a_jpeg() if stored == "picture" else b"not a picture")
    world.alert(world.event([picture]))
    run(work, world.close())
    assert store.get(REPORT)[0].count(b"data:image/jpeg;base64,") == shown


def a_jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (90, 110, 90)).save(out, "JPEG")
    return out.getvalue()
