"""The batch of a day, how it is cut into shards, and what is proven of each."""

import hashlib
from datetime import date

import pytest
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.batch import Outcome
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Runs
from operators.shards import ProvenShard, plan_shards, proven_shards, select, select_day, write_shards
from tests.operators.worked import DAY, NOON, RUN, SHARD_STAGES, do_shard, file, pin, redo


@pytest.fixture
def store() -> MemoryStore:
    """Two cameras with three pictures on the day, one more on the next day, and something that is no footage."""
    store = MemoryStore()
    for camera, seconds in (("alice-porch", 0), ("alice-porch", 1), ("bob-yard", 0)):
        file(store, camera, seconds)
    store.put("footage/2026/11/21/00/alice-porch-1795219200.jpg", b"tomorrow")
    store.put("footage/2026/11/20/12/readme.txt", b"no footage")
    return store


def plan(store: MemoryStore) -> list[str]:
    select_day(store, RUN, DAY)
    return write_shards(store, RUN, 100, 2000)


def test_select(store: MemoryStore) -> None:
    assert select_day(store, RUN, DAY) == 3
    lines, _ = Runs(store).at(RUN).batch()
    assert [line.outcome for line in lines] == [Outcome.FILED] * 3
    first = lines[0].footage
    assert first.key == f"footage/2026/11/20/12/alice-porch-{NOON}.jpg"
    assert first.camera.name == "alice-porch"
    assert first.sha256 == hashlib.sha256(b"alice-porch 0").hexdigest()
    assert store.head(first.key, first.version_id)


def test_select_an_empty_day(store: MemoryStore) -> None:
    assert select_day(store, RUN, date(2020, 1, 1)) == 0
    assert write_shards(store, RUN, 100, 2000) == []


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ((100, 2000), ["alice-porch", "bob-yard"]),
        ((100, 1), ["alice-porch.1", "alice-porch.2", "bob-yard"]),
        ((1, 2000), ["pack-0001"]),
    ],
)
def test_plan(store: MemoryStore, bounds: tuple[int, int], names: list[str]) -> None:
    select_day(store, RUN, DAY)
    assert write_shards(store, RUN, *bounds) == [f"{RUN}shards/{name}/" for name in names]


def test_a_folder_that_another_run_has_taken_up_is_left_as_it_is(s3_store: S3Store) -> None:
    """Clearing `select` of an older run of a day must not pull the batch from under the run that works there now."""
    first, second = pin(s3_store, start=1), pin(s3_store, start=2)
    assert select.function(RUN, DAY.isoformat(), second) == 0
    assert plan_shards.function(RUN, second) == []
    written = {info.key: info.version_id for info in s3_store.list_objects(RUN)}
    for again in (lambda: select.function(RUN, DAY.isoformat(), first), lambda: plan_shards.function(RUN, first)):
        with pytest.raises(AirflowFailException, match="has taken up 2026-11-20; clear the whole run"):
            again()
    assert {info.key: info.version_id for info in s3_store.list_objects(RUN)} == written


def test_no_batch() -> None:
    with pytest.raises(InputError, match=r"expected an object at 'runs/.*batch\.jsonl'"):
        write_shards(MemoryStore(), RUN, 100, 2000)


def proven(store: MemoryStore, prefix: str, release: str) -> ProvenShard:
    [shard] = proven_shards(Runs(store).at(RUN), [prefix], release)
    return shard


@pytest.mark.parametrize("done", range(5))
def test_a_shard_is_proven_as_far_as_it_came(store: MemoryStore, done: int) -> None:
    release, [alice, _] = pin(store), plan(store)
    do_shard(store, alice, release, SHARD_STAGES[:done])
    shard = proven(store, alice, release)
    assert tuple(shard.manifests) == SHARD_STAGES[:done]
    assert [ref.key for ref in shard.references] == [
        f"{RUN}{stage}/alice-porch/_manifest.json" for stage in SHARD_STAGES[:done]
    ]
    assert (shard.problem or "").startswith("" if done == 4 else f"{SHARD_STAGES[done]} left no proof of its work")
    assert (shard.problem is None) is (done == 4)


def test_without_events_notify_has_nothing_to_prove(store: MemoryStore) -> None:
    release, [alice, _] = pin(store), plan(store)
    do_shard(store, alice, release, events=0)
    shard = proven(store, alice, release)
    assert (tuple(shard.manifests), shard.problem) == (("validate", "detect", "assess"), None)


@pytest.mark.parametrize("redone", SHARD_STAGES[:3])
def test_a_stage_that_worked_from_something_older_proves_nothing(store: MemoryStore, redone: str) -> None:
    release, [alice, _] = pin(store), plan(store)
    do_shard(store, alice, release)
    redo(store, redone, "alice-porch")
    shard = proven(store, alice, release)
    assert tuple(shard.manifests)[-1] == redone
    assert f"is of another {RUN}{redone}/alice-porch/_manifest.json than the one that is there now" in str(
        shard.problem
    )


def test_a_shard_that_is_another_one_by_now_is_not_proven(store: MemoryStore) -> None:
    release, [_, bob] = pin(store), plan(store)
    do_shard(store, bob, release)
    file(store, "bob-yard", 5)  # arrives late
    plan(store)
    assert proven(store, bob, release).manifests == {}


def test_work_by_another_release_proves_nothing(store: MemoryStore) -> None:
    first, [alice, _] = pin(store, 1), plan(store)
    do_shard(store, alice, first)
    second = pin(store, 2)
    shard = proven(store, alice, second)
    assert shard.manifests == {}
    assert f"is of release {first}; this run is pinned to {second}" in str(shard.problem)
