"""The account of a run, and whether what was counted and recorded is what is there."""

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from nightjar.errors import InputError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.health import EndedRuns
from nightjar.stores.runs import Runs
from operators.account import end_run, failed_tasks, reconcile, uncovered, write_account
from operators.shards import select_day, write_shards
from tests.operators.worked import DAY, NOW, RUN, SHARD_STAGES, do_record, do_shard, file, pin, redo


@pytest.fixture
def store() -> MemoryStore:
    """Two cameras with three pictures on the day."""
    store = MemoryStore()
    for camera, seconds in (("alice-porch", 0), ("alice-porch", 1), ("bob-yard", 0)):
        file(store, camera, seconds)
    return store


def plan(store: MemoryStore) -> list[str]:
    select_day(store, RUN, DAY)
    return write_shards(store, RUN, 100, 2000)


def test_an_empty_run_is_green() -> None:
    store = MemoryStore()
    release, shards = pin(store), plan(store)
    assert shards == []
    write_account(store, RUN, shards, release, NOW)
    do_record(store, release)
    assert uncovered(store, RUN, shards, release) == []


def test_a_good_run(store: MemoryStore) -> None:
    release, shards = pin(store), plan(store)
    do_shard(store, shards[0], release)
    do_shard(store, shards[1], release, events=0)
    assert write_account(store, RUN, shards, release, NOW) == f"{RUN}reconcile/"
    manifest, _ = Runs(store).at(RUN).manifest("reconcile")
    assert manifest.counts.outcomes == {"detected": 3}
    assert manifest.release == release
    assert [ref.key for ref in manifest.objects] == ["detections/1/alice-porch.jsonl", "detections/1/bob-yard.jsonl"]
    assert manifest.result == {"account": f"{RUN}reconcile/account.json", "shards": 2, "failed_shards": []}
    stages = [ref.key.removeprefix(RUN).split("/")[0] for ref in manifest.inputs]
    assert stages == ["batch.jsonl", *SHARD_STAGES, "validate", "detect", "assess"]
    do_record(store, release)
    assert uncovered(store, RUN, shards, release) == []


@pytest.mark.parametrize(
    ("done", "outcomes", "objects"),
    [
        ((), {"detected": 1, "failed:validate": 2}, 1),
        (("validate",), {"detected": 1, "failed:detect": 2}, 1),
        (("validate", "detect"), {"detected": 3}, 2),
        (("validate", "detect", "assess"), {"detected": 3}, 2),
    ],
)
def test_a_failed_shard_is_told_and_does_not_change_the_other(
    store: MemoryStore, done: tuple[str, ...], outcomes: dict[str, int], objects: int
) -> None:
    release, shards = pin(store), plan(store)
    do_shard(store, shards[0], release, done)
    do_shard(store, shards[1], release)
    write_account(store, RUN, shards, release, NOW)
    run = Runs(store).at(RUN)
    manifest, _ = run.manifest("reconcile")
    assert manifest.counts.outcomes == outcomes
    assert len(manifest.objects) == objects
    assert manifest.result["failed_shards"] == list(run.account().failures) == ["alice-porch"]
    do_record(store, release)
    missing = SHARD_STAGES[len(done)]
    [problem] = uncovered(store, RUN, shards, release)
    assert problem.startswith(f"shard alice-porch: {missing} left no proof of its work")
    assert problem.endswith(": clear it and what is downstream of it")


def test_a_shard_that_is_cleared_later_with_its_downstream_is_enough(store: MemoryStore) -> None:
    release, shards = pin(store), plan(store)
    do_shard(store, shards[0], release, ("validate",))
    do_shard(store, shards[1], release)
    write_account(store, RUN, shards, release, NOW)
    do_record(store, release)
    do_shard(store, shards[0], release)
    assert uncovered(store, RUN, shards, release) == [
        "shard alice-porch changed after reconcile: clear it and what is downstream of it"
    ]
    write_account(store, RUN, shards, release, NOW)
    assert uncovered(store, RUN, shards, release) == [
        "record worked from another account than the one that is there now: clear it and what is downstream of it"
    ]
    do_record(store, release)
    assert uncovered(store, RUN, shards, release) == []


@pytest.mark.parametrize(
    ("stage", "shard", "complaint"),
    [
        ("validate", "bob-yard", "shard bob-yard: detect left no proof of its work"),
        ("notify", "bob-yard", "shard bob-yard changed after reconcile"),
        ("reconcile", None, "record worked from another account"),
        ("record", None, None),
    ],
)
def test_what_changed_after_it_was_used(
    store: MemoryStore, stage: str, shard: str | None, complaint: str | None
) -> None:
    release, shards = pin(store), plan(store)
    for prefix in shards:
        do_shard(store, prefix, release)
    write_account(store, RUN, shards, release, NOW)
    do_record(store, release)
    redo(store, stage, shard)
    problems = uncovered(store, RUN, shards, release)
    assert [complaint in problem for problem in problems] == [True] if complaint else problems == []


@pytest.mark.parametrize(
    ("states", "shards", "release"),
    [
        ({"plan_shards": "failed"}, None, "r1"),
        (
            {"plan_shards": "upstream_failed"},
            [f"{RUN}shards/bob-yard/"],
            "r1",
        ),  # of an earlier start, which was cleared
        ({"plan_shards": "upstream_failed", "freeze_release": "failed"}, None, None),
        ({}, None, None),
    ],
)
def test_without_a_plan_there_is_nothing_to_settle(
    states: dict[str, str | None], shards: list[str] | None, release: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.account.task_states", lambda: states)
    with pytest.raises(AirflowSkipException, match="plan_shards did not succeed: there is nothing to settle"):
        reconcile.function(RUN, shards, release)


def test_rules_that_are_not_the_newest_are_told(store: MemoryStore) -> None:
    release, shards = pin(store, problem="the last good rules are used: line 2"), plan(store)
    write_account(store, RUN, shards, release, NOW)
    assert Runs(store).at(RUN).manifest("reconcile")[0].warnings == ("the last good rules are used: line 2",)


def test_a_run_whose_folder_another_run_has_taken_up_counts_nothing(store: MemoryStore) -> None:
    release, shards = pin(store), plan(store)
    pin(store, 2)
    with pytest.raises(UsageError, match="another DAG run, or a later start of this one, has taken up 2026-11-20"):
        write_account(store, RUN, shards, release, NOW)


def test_an_account_that_does_not_add_up(store: MemoryStore) -> None:
    release, shards = pin(store), plan(store)
    with pytest.raises(InputError, match="does not add up: expected the shards to hold each of 3 filed objects once"):
        write_account(store, RUN, shards[:1], release, NOW)


@pytest.mark.parametrize(
    ("states", "problems"),
    [
        ({}, []),
        ({"a": "success", "b": "skipped", "close_run": "running", "c": None}, []),
        (
            {"shard.detect_1": "failed", "shard.detect_0": "success", "shard.notify_1": "upstream_failed"},
            ["1 task failed: shard.detect_1", "1 task never ran because of that: shard.notify_1"],
        ),
        ({"b": "failed", "a": "failed"}, ["2 tasks failed: a, b"]),
        (
            {f"t{n:02}": "failed" for n in range(12)},
            [f"12 tasks failed: {', '.join(f't{n:02}' for n in range(10))} and 2 more"],
        ),
        ({"rules_in_force": "failed"}, []),
        ({"rules_in_force": "upstream_failed", "a": "failed"}, ["1 task failed: a"]),
    ],
)
def test_failed_tasks(states: dict[str, str | None], problems: list[str]) -> None:
    assert failed_tasks(states) == problems


LIVE_RUN = "runs/nightjar_live/20261120T120000Z-0123456789ab/"


@pytest.mark.parametrize(
    ("run", "has_account", "waiting"),
    [
        (LIVE_RUN, True, ["20261120T120000Z-0123456789ab"]),
        (LIVE_RUN, False, ["20261120T120000Z-0123456789ab"]),  # reconcile failed, or never ran
        (RUN, True, []),  # history sees what live runs saw before
        (RUN, False, []),
    ],
)
def test_a_live_run_is_announced_to_the_survey_once(run: str, has_account: bool, waiting: list[str]) -> None:
    store = MemoryStore()
    ended = EndedRuns(store)
    release = pin(store, run=run)
    Runs(store).at(run).write_batch([])
    for _ in range(2):
        if has_account:
            write_account(store, run, [], release, NOW)
            assert [each.name for each in ended.waiting(9)] == waiting, "before record, which starts the survey"
        end_run(store, run, [], NOW)
    assert [(each.name, len(each.markers)) for each in ended.waiting(9)] == [(name, 1) for name in waiting]
    for each in ended.waiting(9):
        ended.counted(each)
    if has_account:
        write_account(store, run, [], release, NOW)
    end_run(store, run, [], NOW)
    assert ended.waiting(9) == [], "a run that is cleared is not counted again"
