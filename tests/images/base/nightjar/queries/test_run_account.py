"""The account in a run's folder: as a whole, of its shards some at a time, and of a shard's pictures."""

from datetime import date, timedelta
from typing import Any

import pytest

from nightjar.domain.operator_troubles import DagRun, run_failed
from nightjar.domain.release import Ended, Started
from nightjar.queries.run_account import OF_NIGHTJAR, FootageOf, folder_name, run_account
from nightjar.queries.run_shards import ShardWork, refusals, shard_events, shard_work
from nightjar.queries.shard_pictures import shard_pictures
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.events import Events
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, WATCH, run_name
from nightjar.stores.troubles import Troubles
from tests.bucket import NOON
from tests.golden.test_golden import bucket
from tests.images.base.nightjar.queries.eventful import BATCH_ID, SHARD, eventful_run, shards_of

ODD = "manual__2026-11-20T00:00:00+00:00/../%2e<b>" + "x" * 250


@pytest.mark.parametrize(
    ("dag", "run_id", "batch_id", "day", "expected"),
    [
        (LIVE, BATCH_ID, BATCH_ID, None, BATCH_ID),
        (LIVE, BATCH_ID, "", None, BATCH_ID),
        (LIVE, "by-hand", BATCH_ID, None, BATCH_ID),
        (LIVE, f"retry-{BATCH_ID}", "", None, f"retry-{BATCH_ID}"),
        (LIVE, "by-hand", "", None, None),
        (LIVE, "by-hand", "../../config", None, None),
        (LIVE, f"{BATCH_ID}\n", "", None, None),
        (LIVE, ODD, "", None, None),
        (HISTORY, "scheduled__2026-11-21", "", date(2026, 11, 20), "2026-11-20"),
        (HISTORY, "scheduled__2026-11-21", "", None, None),
        (REPORT, "a", "", None, "a"),
        (WATCH, ODD, "", None, run_name(ODD)),
        (PATROL, "", "", None, None),
        ("somebody_elses", "a", "", None, None),
    ],
)
def test_the_folder_of_a_run(dag: str, run_id: str, batch_id: str, day: date | None, expected: str | None) -> None:
    assert folder_name(dag, run_id, batch_id, day) == expected


@pytest.mark.parametrize("dag", OF_NIGHTJAR)
def test_a_run_without_a_folder(dag: str) -> None:
    account = run_account(MemoryStore(), dag, "2026-11-20")
    assert (account.is_there, account.problems, account.footage, account.proofs) == (False, (), None, {})


def test_a_run_of_everything() -> None:
    store = MemoryStore()
    account = run_account(store, LIVE, eventful_run(store).name)
    assert account.problems == ()
    assert account.started == Started(dag_run=BATCH_ID, start="1")
    assert account.release is not None
    assert account.release.stages["detect"].image == "registry.example.com/nightjar/detect:d1"
    assert account.account is not None
    assert account.account.counts.by_reason("quarantined") == {"bad-name": 1, "grey": 1}
    assert list(account.proofs) == ["reconcile"]
    assert account.footage == (
        FootageOf("alice-porch", stills=6, duplicates=1),
        FootageOf("alice-yard", videos=1),
        FootageOf("bob-shop", stills=1),
        FootageOf("", refused=1),
    )
    assert sum(each.triggers for each in account.footage) == 10


def test_an_end_before_the_last_beginning_is_of_an_earlier_start() -> None:
    store = MemoryStore(clock=lambda: NOON)
    run = eventful_run(store)
    assert run_account(store, LIVE, run.name).ended is not None
    run.end(Ended(state="failed", ended_at=NOON - timedelta(seconds=1)))
    assert run_account(store, LIVE, run.name).ended is None


@pytest.mark.parametrize(
    ("dag", "run_id", "told"),
    [(LIVE, BATCH_ID, "shard.notify (alice-porch): no"), (LIVE, "20261120T120000Z-aaaaaaaaaaaa", ""), (LIVE, "x", "")],
)
def test_the_operator_was_told_why_it_failed(dag: str, run_id: str, told: str) -> None:
    store = MemoryStore()
    Troubles(store).open(run_failed(DagRun(dag, run_id), "shard.notify (alice-porch): no", NOON))
    assert run_account(store, LIVE, BATCH_ID).trouble == told


def test_a_trouble_of_a_dag_that_makes_up_for_itself_is_told_for_its_own_run_alone() -> None:
    store = MemoryStore()
    Troubles(store).open(run_failed(DagRun(PATROL, "scheduled__1"), "survey: no", NOON))
    assert [run_account(store, PATROL, name).trouble for name in ("scheduled__1", "scheduled__2")] == ["survey: no", ""]


def test_what_cannot_be_read_is_told_beside_the_rest() -> None:
    store = MemoryStore()
    run = eventful_run(store)
    for key in ("release.json", "batch.jsonl", "reconcile/_manifest.json", "reconcile/account.json"):
        store.put(f"{run.prefix}{key}", b"{")
    store.make_unreadable(f"{run.prefix}started.json")
    account = run_account(store, LIVE, run.name)
    assert len(account.problems) == 5
    assert all(run.prefix in problem for problem in account.problems)
    assert account.ended is not None
    store.put(f"{run.prefix}assess/{SHARD}/_manifest.json", b"[]")
    [work] = shard_work(store, run, [SHARD], "")
    assert list(work.proofs) == ["validate", "detect", "notify"]
    assert [f"assess/{SHARD}/" in problem for problem in work.problems] == [True]


def test_a_manifest_of_another_release_is_of_an_earlier_start() -> None:
    store = MemoryStore()
    run = eventful_run(store)
    manifest, _ = run.manifest("detect", SHARD)
    run.write_manifest(manifest.model_copy(update={"release": "a" * 64}), SHARD)
    [work] = shard_work(store, run, [SHARD], run_account(store, LIVE, run.name).sha256)
    assert {stage: proof.is_current for stage, proof in work.proofs.items()} == {
        "validate": True,  # as release 0.1 left it: it does not say of which release it is
        "detect": False,
        "assess": True,
        "notify": True,
    }


def test_the_shard_of_a_run() -> None:
    store = MemoryStore()
    [work] = shard_work(store, eventful_run(store), [SHARD], "")
    assert (list(work.proofs), work.seconds, work.warnings) == (
        ["validate", "detect", "assess", "notify"],
        10.0,
        ("a warning of detect",),
    )


def test_events_and_who_was_told() -> None:
    store, problems = MemoryStore(), list[str]()
    run = eventful_run(store)
    work = shard_work(store, run, [SHARD], "")
    events = shard_events(store, run, work, NOON, problems)
    assert problems == []
    assert {
        e.event.camera.name: ([(t.delivery.recipient, t.state, t.by_this_run) for t in e.told], e.held) for e in events
    } == {
        "alice-porch": ([("alice@example.com", "in outbox", True)], ""),
        "alice-yard": ([], "too-late"),
    }
    Events(store).erase("alice")
    assert shard_events(store, run, work, NOON, problems) == []


def test_refusals_of_a_shard() -> None:
    store = MemoryStore()
    [work] = shard_work(store, eventful_run(store), [SHARD], "")
    objects = work.proofs["validate"].manifest.objects
    [refusal] = refusals(store, objects)
    assert refusal.entry is not None
    assert (refusal.entry.reason, refusal.entry.expected, refusal.is_lifted) == ("grey", "better", False)
    store.delete(f"{refusal.folder}/reason.json")
    assert [each.is_lifted for each in refusals(store, objects)] == [True]
    for version in list(store.list_versions(refusal.folder)):
        store.delete(version.key, version.version_id)
    assert [each.entry for each in refusals(store, objects)] == [None]


def test_pictures_of_a_shard_by_page() -> None:
    store = MemoryStore()
    run = eventful_run(store)
    [work] = shard_work(store, run, [SHARD], "")
    pictures = shard_pictures(store, run, work, 0, 100)
    assert (pictures.total, pictures.problems) == (7, ())
    seen = [(len(p.objects) if p.objects is not None else None, p.failed) for p in pictures.shown]
    assert seen == [(1, ""), (1, ""), (1, ""), (1, ""), (0, ""), (None, ""), (None, "picture-unreadable: why")]
    pages = [shard_pictures(store, run, work, first, 3).shown for first in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert [picture for page in pages for picture in page] == list(pictures.shown)
    store.delete(pictures.shown[0].picture.standard_key)
    assert [p.is_stored for p in shard_pictures(store, run, work, 0, 2).shown] == [False, True]


@pytest.mark.parametrize(
    ("release", "name", "stages", "events"),
    [
        ("0.1.0", "20261126T003617Z-0116c7e2a4f0", ["assess", "notify", "reconcile", "report"], 2),
        ("0.2.0", "20261126T024601Z-a6736f636d35", ["reconcile", "record"], 2),
    ],
)
def test_runs_of_earlier_releases(release: str, name: str, stages: list[str], events: int) -> None:
    store = bucket(release)
    account = run_account(store, LIVE, name)
    assert (account.problems, list(account.proofs)) == ((), stages)
    assert account.account is not None
    assert account.account.counts.problem() is None
    assert account.footage
    work = shard_work(store, run := account.run(store), run.shards(), account.sha256)
    assert [each.problems for each in work] == [(), ()]
    problems: list[str] = []
    assert len(shard_events(store, run, [*work, ShardWork("", account.proofs)], NOON, problems)) == events
    assert problems == []
    assert all(shard_pictures(store, run, each, 0, 5).total for each in work)


class Counting(MemoryStore):
    """Counts the objects that are read."""

    reads = 0

    def get(self, key: str, version_id: str | None = None) -> Any:
        """As the store gives it."""
        self.reads += 1
        return super().get(key, version_id)


def test_a_run_of_a_thousand_shards_costs_as_much_as_what_is_shown_of_it() -> None:
    store = Counting()
    run = shards_of(store, 1000)
    store.reads = 0
    account = run_account(store, LIVE, run.name)
    assert len(run.shards()) == 1000
    [last] = shard_work(store, run, run.shards()[-1:], account.sha256)
    assert (last.seconds, store.reads < 30) == (60.0, True)
