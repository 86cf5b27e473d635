"""Runs: who works on a folder, what it is pinned to, and what the newest release is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.accounts import Account
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.release import FrozenRules, Release, StageRelease, Started
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.manifests import write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.runs import Run, Runs, run_name

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def started(start: int = 1, run: str = "scheduled") -> Started:
    return Started(dag_run=run, start=str(start))


def release(started: Started, tag: str = "1") -> Release:
    source = ObjectRef(key="config/rules.yaml", version_id="v", sha256="5" * 64, size=1)
    return Release(
        run="2026-11-20",
        start=started.identity,
        stages={"detect": StageRelease(image=f"r/detect:{tag}", settings={"NIGHTJAR_MIN_PROBABILITY": "0.1"})},
        rules=FrozenRules(key="rules/5.yaml", sha256="5" * 64, source=source),
    )


def nobody(dag_run: str) -> bool:
    return False


def these(*under_way: str) -> Callable[[str], bool]:
    return lambda dag_run: dag_run in under_way


def pinned(run: Run, started: Started, tag: str = "1") -> Release:
    return run.pin(started, lambda: release(started, tag))[0]


@pytest.fixture(name="run")
def history_run() -> Run:
    return Runs(MemoryStore()).history(DAY)


@pytest.mark.parametrize("run_id", ["20261120T120000Z-0a1b2c3d4e5f", "scheduled__2026-11-20", "a"])
def test_a_safe_run_id_is_its_own_folder(run_id: str) -> None:
    assert run_name(run_id) == run_id


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "manual__2026-11-20T00:00:00+00:00", "{{x}}", "ü" * 300])
def test_any_other_run_id_becomes_one_safe_unique_segment(run_id: str) -> None:
    name = run_name(run_id)
    assert name not in {"", ".", ".."}
    assert "/" not in name and name.isascii() and len(name) <= 110
    assert name != run_name(run_id + "x")


def test_keys() -> None:
    runs = Runs(MemoryStore())
    live = runs.live("20261120T130500Z-0123456789ab")
    assert live.prefix == "runs/nightjar_live/20261120T130500Z-0123456789ab/"
    assert live.name == "20261120T130500Z-0123456789ab"
    assert live.release_key == f"{live.prefix}release.json"
    assert live.stage_prefix("detect", "alice-porch") == f"{live.prefix}detect/alice-porch/"
    assert live.stage_prefix("record") == f"{live.prefix}record/"
    assert live.shard_prefix("alice-porch") == f"{live.prefix}shards/alice-porch/"
    assert runs.history(DAY).prefix == "runs/nightjar_history/2026-11-20/"
    assert runs.watch("manual__x:y").prefix.startswith("runs/nightjar_watch/manual__x-y-")


def check_pinning(store: ObjectStore) -> None:
    run = Runs(store).history(DAY)
    assert not run.has_begun()
    with pytest.raises(InputError, match=r"expected an object at 'runs/nightjar_history/2026-11-20/release\.json'"):
        run.release()
    run.begin(started(), nobody)
    assert run.has_begun()
    first = pinned(run, started())
    assert run.release()[0] == first
    # A retry keeps it, whatever the Variable says by now.
    run.begin(started(), nobody)
    assert pinned(run, started(), tag="2") == first
    # A run that is cleared is pinned anew, and so is another run of the day.
    run.begin(started(7), nobody)
    assert run.release()[0] == first, "expected nothing to be deleted"
    assert pinned(run, started(7), tag="2").stages["detect"].image == "r/detect:2"
    run.begin(started(run="manual"), nobody)
    assert pinned(run, started(run="manual")).start == "manual 1"
    assert len([v for v in store.list_versions(run.release_key) if not v.is_delete_marker]) == 3
    assert not any(v.is_delete_marker for v in store.list_versions(run.prefix))


def test_a_run_is_pinned_once_for_each_start() -> None:
    check_pinning(MemoryStore())


def test_a_run_is_pinned_once_for_each_start_on_a_real_server(s3_store: S3Store) -> None:
    check_pinning(s3_store)


@pytest.mark.parametrize("start", [1, 7])
def test_a_folder_has_one_dag_run_at_a_time(run: Run, start: int) -> None:
    run.begin(started(), these("scheduled", "manual"))
    before = pinned(run, started())
    with pytest.raises(UsageError, match="run scheduled is working on 2026-11-20: wait for its end"):
        run.begin(started(start, run="manual"), these("scheduled", "manual"))
    assert run.release()[0] == before
    run.begin(started(2), these("scheduled", "manual"))  # cleared: it does not wait for itself
    run.begin(started(run="manual"), these("manual"))


class Racing(MemoryStore):
    """Does something else between a read of a key and the next write of it, once."""

    def __init__(self, key: str, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.key, self.meanwhile = key, meanwhile
        self.armed = False

    def put(self, key: str, *args: Any, **kwargs: Any) -> ObjectInfo:
        if key.endswith(self.key) and self.armed:
            self.armed = False
            self.meanwhile()
        return super().put(key, *args, **kwargs)


def test_of_two_dag_runs_that_begin_at_the_same_moment_the_slower_is_refused() -> None:
    run: Run
    store = Racing("started.json", lambda: run.begin(started(run="quick"), these("quick", "slow")))
    run = Runs(store).history(DAY)
    store.armed = True
    with pytest.raises(UsageError, match="run quick is working on"):
        run.begin(started(run="slow"), these("quick", "slow"))
    assert pinned(run, started(run="quick")).start == "quick 1"


def test_two_attempts_of_one_start_agree() -> None:
    run: Run
    store = Racing("release.json", lambda: pinned(run, started(), tag="first"))
    run = Runs(store).history(DAY)
    run.begin(started(), nobody)
    store.armed = True
    assert pinned(run, started(), tag="second").stages["detect"].image == "r/detect:first"


def test_an_earlier_start_that_still_writes_does_not_win() -> None:
    store = Racing("release.json", lambda: write_record(store, run.release_key, release(started(1), "late")))
    run = Runs(store).history(DAY)
    run.begin(started(1), nobody)
    run.begin(started(2), nobody)
    store.armed = True
    assert pinned(run, started(2), tag="new").stages["detect"].image == "r/detect:new"


class Restless(MemoryStore):
    """Somebody else always writes first."""

    def put(self, key: str, *args: Any, **kwargs: Any) -> ObjectInfo:
        super().put(key, f'{{"dag_run": "{len(list(self.list_versions(key)))}", "start": "1"}}'.encode())
        return super().put(key, *args, **kwargs)


def test_others_that_never_rest_mean_try_again() -> None:
    with pytest.raises(TryAgainError, match=r"started\.json"):
        Runs(Restless()).history(DAY).begin(started(), nobody)


def test_a_document_that_is_none_is_refused() -> None:
    store = MemoryStore()
    run = Runs(store).history(DAY)
    store.put(run.started_key, b"[]")
    with pytest.raises(InputError, match="expected a Started at"):
        run.begin(started(), nobody)


def test_the_account_and_its_manifest(run: Run) -> None:
    account = Account(counts=Counts(), shards={}, failures={"alice-porch": "detect left no proof"})
    ref = run.write_account(account)
    assert ref.key == f"{run.prefix}reconcile/account.json"
    assert run.account() == account
    manifest = Manifest(stage="reconcile", image="airflow", run=run.name, started_at=NOW, finished_at=NOW)
    run.write_manifest(manifest)
    assert run.manifest("reconcile")[0] == manifest
    with pytest.raises(InputError):
        run.manifest("record")


def test_the_newest_release_is_remembered() -> None:
    runs = Runs(MemoryStore())
    assert runs.deployed() is None
    first, second = release(started()), release(started(2), tag="2")
    runs.deploy("runs/a/", first, NOW)
    runs.deploy("runs/b/", first, NOW + timedelta(hours=1))
    deployed = runs.deployed()
    assert deployed and (deployed.run, deployed.since, deployed.stages) == ("runs/a/", NOW, first.stages)
    runs.deploy("runs/c/", second, NOW + timedelta(hours=2))
    runs.deploy("runs/d/", first, NOW + timedelta(hours=1))  # an older run that is slower
    deployed = runs.deployed()
    assert deployed and (deployed.run, deployed.stages) == ("runs/c/", second.stages)


def test_when_two_runs_remember_at_once_one_of_them_is_kept() -> None:
    store = Racing("deployed.json", lambda: Runs(store).deploy("runs/a/", release(started(), "1"), NOW))
    store.armed = True
    Runs(store).deploy("runs/b/", release(started(), "2"), NOW)
    deployed = Runs(store).deployed()
    assert deployed and deployed.run == "runs/a/"
