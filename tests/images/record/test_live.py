"""A live run's rows: what it records, and what it leaves alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from nightjar.domain.alerts import AlertState
from nightjar.domain.detections import How, LookedAt, Mark
from nightjar.domain.events import EventState
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest, write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.events import Events
from nightjar.stores.records import Records
from nightjar.stores.tables import TABLES
from nightjar_record.stage import work
from tests.bucket import NOON, PORCH, SHOP, YARD
from tests.images.record.warehouse import keys, parts, rows, versions
from tests.images.record.world import DAY, NEXT_DAY, World, person


def an_eventful_run(store: ObjectStore) -> StageContext:
    """One of everything: 13 pictures of 9 triggers, 2 events, 1 alert."""
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


def test_a_picture_that_was_not_looked_at_is_recorded_with_its_mark() -> None:
    store = MemoryStore()
    world = World(store)
    first = world.still(PORCH, NOON, person())
    mark = Mark(how=How.CARRIED, sources=(LookedAt.of(first),))
    world.still(PORCH, NOON + timedelta(seconds=30), person(), mark=mark)
    world.still(PORCH, NOON + timedelta(seconds=60), failure="picture-missing")
    run(work, world.close())
    recorded = rows(store)
    assert [row["mark"] for row in recorded["pictures"]] == ["looked-at", "carried", None]
    assert [row["mark"] for row in recorded["detections"]] == ["looked-at", "carried"]


def test_every_picture_is_recorded_with_its_outcome() -> None:
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
    assert manifest.result == {"days": [DAY.isoformat()]}
    recorded = rows(store)
    assert manifest.counts.received == len(recorded["pictures"]) == 13
    assert [len(recorded[t.name]) for t in TABLES] == [13, 4, 2, 1]
    assert len({row["id"] for row in recorded["pictures"]}) == 13
    by_verdict = {r["verdict"]: r for r in recorded["pictures"] if r["verdict"]}
    assert set(by_verdict) == {"threat", "suppressed", "nothing"}
    assert by_verdict["suppressed"]["suppressed_by"] == ["below-probability"]
    assert {r["threat"] for r in recorded["detections"] if r["probability"] > 0.6} == {True}
    event = next(r for r in recorded["events"] if r["camera"] == "alice-porch")
    assert (event["pictures"], event["timezone"], event["site"], event["state"]) == (
        2,
        "Europe/Berlin",
        "home",
        "current",
    )
    assert {event_id for r in recorded["pictures"] for event_id in r["events"]} == {r["id"] for r in recorded["events"]}


def test_the_manifest_names_the_manifests_it_worked_from_and_what_it_wrote() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    manifest = run(work, context)
    consumed = {(ref.key, ref.sha256) for ref in manifest.inputs}
    for stage in ("reconcile/", "validate/all/", "detect/all/", "assess/all/", "notify/all/"):
        _, ref = read_manifest(store, f"{context.run_prefix}{stage}")
        assert (ref.key, ref.sha256) in consumed
    assert [ref.key.split("/")[1] for ref in manifest.objects] == [*(table.name for table in TABLES), "news"]
    for ref in manifest.objects:
        info = store.head(ref.key, ref.version_id)
        assert info is not None and info.size == ref.size


def test_a_second_time_nothing_changes_but_that_the_page_is_made_again() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    first = run(work, context)
    before = [v for v in versions(store, "") if not v.key.startswith(("records/news/", context.output_prefix))]
    news = Records(store).news()
    Records(store).forget(news[DAY])
    again = run(work, context)
    assert again.objects[: len(TABLES)] == first.objects[: len(TABLES)]  # what follows are the news
    assert [v for v in versions(store, "") if not v.key.startswith(("records/news/", context.output_prefix))] == before
    assert list(Records(store).news()) == [DAY]


def test_rows_say_by_what_they_were_made() -> None:
    store = MemoryStore()
    context = an_eventful_run(store)
    run(work, context)
    recorded, release = rows(store), context.release()[0]
    seen = [row for row in recorded["pictures"] if row["outcome"] == "detected" and row["verdict"]]
    assert seen
    for row in (*seen, *recorded["detections"]):
        assert (row["shard"], row["rules_sha256"]) == ("all", release.rules.sha256)
    validated, _ = read_manifest(store, f"{context.run_prefix}validate/all/")
    assert {row["validate_image"] for row in seen} == {validated.image}
    unfiled = [row for row in recorded["pictures"] if not row["footage_key"]]
    assert unfiled and {(row["shard"], row["validate_image"]) for row in unfiled} == {(None, None)}
    for row in recorded["events"]:
        stored = store.head(row["event_key"])
        assert stored and row["event_version"] == stored.version_id
        assert row["detector"] and len(row["model_sha256"]) == 64
    [alert] = recorded["alerts"]
    line = store.head(alert["ledger_key"])
    assert line and alert["ledger_version"] == line.version_id
    # Nobody is known to have made these: they are as a release before 0.3 left them.
    assert (alert["notify_image"], alert["pictures"], recorded["events"][0]["judged_in"]) == (None, None, None)


def test_a_run_without_footage_writes_nothing() -> None:
    store = MemoryStore()
    manifest = run(work, World(store).close())
    assert (manifest.counts.received, manifest.objects, manifest.result) == (0, (), {"days": []})
    assert keys(store, "records/") == []


def test_a_video_across_midnight_is_in_two_days() -> None:
    store = MemoryStore()
    world = World(store)
    world.video(PORCH, NOON.replace(hour=23, minute=59, second=58), [[person()]] * 4)
    manifest = run(work, world.close())
    assert [len(rows(store, day)["pictures"]) for day in (DAY, NEXT_DAY)] == [2, 2]
    assert manifest.result == {"days": ["2026-11-20", "2026-11-21"]}
    assert list(Records(store).news()) == [DAY, NEXT_DAY]


class Watched(MemoryStore):
    """Notes the keys that are read and the prefixes that are listed."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.read.add(key)
        return super().get(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        raise AssertionError(f"expected a live run to list nothing, it lists {prefix}")


def test_a_live_run_reads_only_its_own_outputs_its_events_and_their_alerts() -> None:
    store = Watched()
    for number in range(3):
        world = World(store, f"20261120T12000{number}Z-000000000001")
        world.alert(world.event([world.still(PORCH, NOON + timedelta(hours=number), person())], number))
        context = world.close()
        store.read.clear()
        run(work, context)
        others = {key for key in store.read if not key.startswith((context.run_prefix, "rules/"))}
        tops = sorted(key.partition("/")[0] for key in others)
        assert tops == ["alerts", "detections", "events", "validations"], others
        assert all(world.name in key for key in others if key.startswith(("detections", "validations")))


def test_an_event_that_a_later_run_extends_counts_once_as_that_run_saw_it() -> None:
    store = MemoryStore()
    first = World(store, "20261120T120000Z-000000000001")
    a = first.still(PORCH, NOON, person())
    event = first.event([a])
    first.alert(event)
    run(work, first.close())
    second = World(store, "20261120T120100Z-000000000002", before=[first])
    b = second.still(PORCH, NOON + timedelta(seconds=40), person())
    second.event([a, b], base=event)
    run(work, second.close())
    recorded = rows(store)
    assert [r["pictures"] for r in recorded["events"]] == [2]
    assert [len(parts(store, table.name)) for table in TABLES] == [2, 2, 2, 2]
    assert [len(recorded[table.name]) for table in TABLES] == [2, 2, 1, 1]


def test_of_two_runs_at_once_the_event_counts_as_it_changed_last_whichever_run_records_last() -> None:
    store = MemoryStore()
    first = World(store, "20261120T120000Z-000000000001")
    a = first.still(PORCH, NOON, person())
    event = first.event([a])
    slow = first.close()
    second = World(store, "20261120T120100Z-000000000002", before=[first])
    second.event([a, second.still(PORCH, NOON + timedelta(seconds=40), person())], base=event)
    run(work, second.close())
    first.store_event(event)  # as the slow run read it, before the second one changed it
    run(work, slow)
    assert [r["pictures"] for r in rows(store)["events"]] == [2]


def test_an_event_keeps_its_day_when_it_is_extended_to_the_day_before() -> None:
    store = MemoryStore()
    midnight = NOON.replace(hour=0)
    first = World(store, "20261120T000100Z-000000000001")
    a = first.still(PORCH, midnight + timedelta(seconds=10), person())
    event = first.event([a])
    first.alert(event)
    run(work, first.close())
    second = World(store, "20261120T000200Z-000000000002", before=[first])
    b = second.still(PORCH, midnight - timedelta(seconds=20), person())
    second.event([b, a], base=event)
    assert run(work, second.close()).result == {"days": ["2026-11-19", "2026-11-20"]}
    (row,) = rows(store)["events"]
    assert (row["pictures"], row["started_at"]) == (2, b.taken_at)
    before = rows(store, DAY - timedelta(days=1))
    assert (len(before["pictures"]), before["events"], before["alerts"]) == (1, [], [])
    assert len(rows(store)["alerts"]) == 1


def test_events_that_were_withdrawn_or_absorbed_are_recorded_as_such() -> None:
    store = MemoryStore()
    first = World(store, "20261120T120000Z-000000000001")
    pictures = [first.still(PORCH, NOON + timedelta(seconds=n), person()) for n in (0, 100, 200)]
    kept, absorbed, withdrawn = (first.event([picture], n) for n, picture in enumerate(pictures))
    first.alert(absorbed)
    run(work, first.close())
    assert {r["state"] for r in rows(store)["events"]} == {"current"}
    second = World(store, "20261120T120100Z-000000000002", before=[first])
    between = second.still(PORCH, NOON + timedelta(seconds=50), person())
    second.event([pictures[0], between, pictures[1]], base=kept, absorbed=(absorbed.ref,))
    # That assess was killed after its transaction, and wrote nothing when it was tried again: only the heir tells.
    Events(store)
    first.store_event(
        absorbed.model_copy(update={"state": EventState.ABSORBED, "absorbed_by": kept.ref, "revision": 2})
    )
    second.store_event(withdrawn.model_copy(update={"state": EventState.WITHDRAWN, "revision": 2}))
    run(work, second.close())
    by_id = {r["id"]: r for r in rows(store)["events"]}
    assert {i: r["state"] for i, r in by_id.items()} == {
        kept.id: "current",
        absorbed.id: "absorbed",
        withdrawn.id: "withdrawn",
    }
    assert by_id[kept.id]["absorbed"] == [absorbed.id]
    assert [r["event"] for r in rows(store)["alerts"]] == [absorbed.id]


def test_an_event_that_another_run_absorbed_meanwhile_comes_with_its_heir_and_the_heirs_alert() -> None:
    store = MemoryStore()
    world = World(store)
    a, b = world.still(PORCH, NOON, person()), world.still(PORCH, NOON + timedelta(seconds=90), person())
    event, heir = world.event([a], 1), world.event([b], 2)
    context = world.close()
    world.events = [event]
    world.written = []
    context = world.close()
    world.alert(heir)
    world.store_event(event.model_copy(update={"state": EventState.ABSORBED, "absorbed_by": heir.ref, "revision": 2}))
    run(work, context)
    assert {r["id"]: r["state"] for r in rows(store)["events"]} == {event.id: "absorbed", heir.id: "current"}
    assert [r["event"] for r in rows(store)["alerts"]] == [heir.id]


def test_pictures_of_a_shard_that_was_not_assessed_have_no_verdict() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person())
    world.is_assessed = False
    run(work, world.close())
    assert [(r["outcome"], r["objects"], r["verdict"]) for r in rows(store)["pictures"]] == [("detected", 1, None)]


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
def test_refusals_of_collect_stand_under_the_day_of_their_quarantine(
    reason: Reason, name: str, taken_at: datetime | None
) -> None:
    store = MemoryStore()
    world = World(store)
    world.misnamed(name, reason, taken_at)
    day = (taken_at or NOON).date()
    assert run(work, world.close()).result == {"days": [day.isoformat()]}
    (row,) = rows(store, day)["pictures"]
    assert (row["outcome"], row["reason"], row["taken_at"]) == ("quarantined", reason, taken_at)
    assert store.head(f"{row['quarantine_key']}object")


@pytest.mark.parametrize("failure", ["", "picture-missing", "picture-altered", "picture-undecodable"])
def test_a_failure_is_recorded_with_its_reason(failure: str) -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person(), detected=False, failure=failure)
    world.still(PORCH, NOON + timedelta(seconds=1))
    manifest = run(work, world.close())
    assert manifest.counts.outcomes == {"detected": 1, f"failed:{failure or 'detect'}": 1}
    assert manifest.warnings == ()


def test_footage_that_could_not_be_looked_at_is_recorded_with_the_reason() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON)
    world.unread(YARD, NOON, "footage-unreadable:InvalidObjectState")
    manifest = run(work, world.close())
    assert manifest.counts.outcomes == {"detected": 1, "failed:footage-unreadable:InvalidObjectState": 1}
    assert manifest.warnings == ()


@pytest.mark.parametrize("state", list(AlertState))
def test_the_alert_is_recorded_in_the_state_in_which_it_is(state: AlertState) -> None:
    store = MemoryStore()
    world = World(store)
    world.alert(world.event([world.still(PORCH, NOON, person())]), state)
    run(work, world.close())
    (row,) = rows(store)["alerts"]
    assert (row["state"], row["finished_at"] is None) == (state, state is AlertState.CLAIMED)


def test_a_run_that_was_cleared_leaves_nothing_of_what_it_recorded_before() -> None:
    store = MemoryStore()
    world = World(store)
    frames = world.video(PORCH, NOON.replace(hour=23, minute=59, second=59), [[person()], [person()]])
    world.event(frames[1:])
    run(work, world.close())
    assert [len(rows(store, day)["events"]) for day in (DAY, NEXT_DAY)] == [0, 1]
    again = World(store)  # by other settings, the video's second frame is not looked at
    again.video(PORCH, NOON.replace(hour=23, minute=59, second=59), [[person()]])
    run(work, again.close())
    assert {table.name: parts(store, table.name, NEXT_DAY) for table in TABLES} == {t.name: [] for t in TABLES}


def test_a_run_without_its_batch_is_refused() -> None:
    store = MemoryStore()
    context = World(store).close()
    store.delete(f"{context.run_prefix}batch.jsonl")
    with pytest.raises(InputError, match=r"batch\.jsonl"):
        run(work, context)


def test_rows_that_differ_from_the_account_are_told() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON)
    context = world.close()
    world.unproven(SHOP, NOON)  # in the batch, but reconcile did not see it
    write_lines(store, f"{context.run_prefix}batch.jsonl", world.batch)
    assert "as the account of the run says" in run(work, context).warnings[0]


def test_what_reconcile_does_not_vouch_for_is_not_read() -> None:
    store = MemoryStore()
    world = World(store)
    world.still(PORCH, NOON, person())
    context = world.close()
    world.still(PORCH, NOON + timedelta(seconds=1), person())
    world.close()  # a shard done again; its reconcile is put back
    older = next(v for v in store.list_versions(context.input_prefix) if not v.is_latest)
    data, _ = store.get(older.key, older.version_id)
    store.put(older.key, data)
    batch = next(v for v in store.list_versions(f"{context.run_prefix}batch") if not v.is_latest)
    store.put(batch.key, store.get(batch.key, batch.version_id)[0])
    assert run(work, context).counts.outcomes == {"detected": 1}
