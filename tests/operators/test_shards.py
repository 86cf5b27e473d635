"""Between the stages: the batch of a day, the shards, the account, and whether everything was covered."""

import hashlib
from datetime import UTC, date, datetime

import pytest

from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.layout import RULES_KEY
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_manifest, write_bytes, write_manifest
from nightjar.runtime.memory import MemoryStore
from operators.release import Started, begin, pin
from operators.settings import DeploymentSettings
from operators.shards import failed_tasks, select_day, uncovered, write_account, write_shards
from tests.operators.stage_programs import REGISTRY
from tests.operators.test_release import RULES, variable

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
DAY = date(2026, 11, 20)
RUN = "runs/nightjar_history/2026-11-20/"
NOON = 1_795_176_000  # 2026-11-20T12:00:00Z
AFTER = ("assess", "notify", "report")


@pytest.fixture
def store() -> MemoryStore:
    """Two cameras with three pictures on the day, one more on the next day, and something that is no footage."""
    store = MemoryStore()
    store.put(RULES_KEY, RULES)
    for camera, seconds in (("alice-porch", 0), ("alice-porch", 1), ("bob-yard", 0)):
        file(store, camera, seconds)
    store.put("footage/2026/11/21/00/alice-porch-1795219200.jpg", b"tomorrow")
    store.put("footage/2026/11/20/12/readme.txt", b"no footage")
    pin(store, RUN, variable(), DeploymentSettings(runtime="kubernetes"))
    return store


def file(store: MemoryStore, camera: str, seconds: int) -> None:
    data = f"{camera} {seconds}".encode()
    key = f"footage/2026/11/20/12/{camera}-{NOON + seconds}.jpg"
    store.put(key, data, metadata={"sha256": hashlib.sha256(data).hexdigest()})


def manifest(
    stage: str, *inputs: ObjectRef, objects: tuple[ObjectRef, ...] = (), tag: str = "1", **outcomes: int
) -> Manifest:
    counts = Counts(received=sum(outcomes.values()), outcomes=outcomes)
    image = f"{REGISTRY}/{stage}:{tag}"
    return Manifest(
        stage=stage,
        image=image,
        run="r",
        inputs=inputs,
        objects=objects,
        counts=counts,
        started_at=NOW,
        finished_at=NOW,
    )


def do_shard(store: MemoryStore, prefix: str, detector: str = "1") -> None:
    """What validate and detect leave behind."""
    shard = prefix.rstrip("/").rsplit("/", 1)[-1]
    lines, shard_ref = read_lines(store, f"{prefix}shard.jsonl", Footage)
    validated = write_manifest(store, f"{RUN}validate/{shard}/", manifest("validate", shard_ref, standard=len(lines)))
    found = write_bytes(store, f"detections/{detector}/{shard}.jsonl", shard.encode(), content_type="x")
    done = manifest("detect", validated, objects=(found,), tag=detector, detected=len(lines))
    write_manifest(store, f"{RUN}detect/{shard}/", done)


def do_the_rest(store: MemoryStore, before: str = "reconcile") -> None:
    """What assess, notify and report leave behind, each from the one before it."""
    for stage in AFTER:
        _, source = read_manifest(store, f"{RUN}{before}/")
        write_manifest(store, f"{RUN}{stage}/", manifest(stage, source))
        before = stage


def plan(store: MemoryStore) -> list[str]:
    select_day(store, RUN, DAY)
    return write_shards(store, RUN, 100, 2000)


def test_select(store: MemoryStore) -> None:
    assert select_day(store, RUN, DAY) == 3
    lines, _ = read_lines(store, f"{RUN}batch.jsonl", BatchLine)
    assert [line.outcome for line in lines] == [Outcome.FILED] * 3
    first = lines[0].footage
    assert first.key == f"footage/2026/11/20/12/alice-porch-{NOON}.jpg"
    assert first.sha256 == hashlib.sha256(b"alice-porch 0").hexdigest()
    assert store.head(first.key, first.version_id)


def test_select_an_empty_day(store: MemoryStore) -> None:
    assert select_day(store, RUN, date(2020, 1, 1)) == 0
    assert write_shards(store, RUN, 100, 2000) == []
    write_account(store, RUN, [], NOW)
    do_the_rest(store)
    assert uncovered(store, RUN, []) == []


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


def test_no_batch() -> None:
    with pytest.raises(InputError, match=r"expected an object at 'runs/.*batch\.jsonl'"):
        write_shards(MemoryStore(), RUN, 100, 2000)


def test_account_of_a_good_run(store: MemoryStore) -> None:
    shards = plan(store)
    for prefix in shards:
        do_shard(store, prefix)
    output = write_account(store, RUN, shards, NOW)
    found, _ = read_manifest(store, output)
    assert found.counts.outcomes == {"detected": 3}
    assert [ref.key for ref in found.objects] == ["detections/1/alice-porch.jsonl", "detections/1/bob-yard.jsonl"]
    assert found.result == {"account": f"{RUN}reconcile/account.json", "shards": 2, "failed_shards": []}
    do_the_rest(store)
    assert uncovered(store, RUN, shards) == []


def test_a_failed_shard_does_not_hold_back_the_other(store: MemoryStore) -> None:
    shards = plan(store)
    do_shard(store, shards[1])
    found, _ = read_manifest(store, write_account(store, RUN, shards, NOW))
    assert found.counts.outcomes == {"detected": 1, "failed:validate": 2}
    assert [ref.key for ref in found.objects] == ["detections/1/bob-yard.jsonl"]
    assert found.result["failed_shards"] == ["alice-porch"]
    do_the_rest(store)
    assert uncovered(store, RUN, shards) == [
        "shard alice-porch has no proof of its work: clear it and what is downstream of it"
    ]


def test_a_manifest_of_other_input_proves_nothing(store: MemoryStore) -> None:
    for prefix in plan(store):
        do_shard(store, prefix)
    file(store, "bob-yard", 5)  # arrives late: the shard is another one now, its manifests are of the old one
    shards = plan(store)
    found, _ = read_manifest(store, write_account(store, RUN, shards, NOW))
    assert found.counts.outcomes == {"detected": 2, "failed:validate": 2}


def test_detect_of_an_older_validate_proves_nothing(store: MemoryStore) -> None:
    shards = plan(store)
    for prefix in shards:
        do_shard(store, prefix)
    validated, _ = read_manifest(store, f"{RUN}validate/bob-yard/")
    again = validated.model_copy(update={"finished_at": NOW.replace(minute=9)})
    write_manifest(store, f"{RUN}validate/bob-yard/", again)
    found, _ = read_manifest(store, write_account(store, RUN, shards, NOW))
    assert found.counts.outcomes == {"detected": 2, "failed:detect": 1}


@pytest.mark.parametrize(
    ("bumped", "outcomes"), [("detect", {"detected": 1, "failed:detect": 2}), ("validate", {"failed:validate": 3})]
)
def test_a_manifest_of_another_release_proves_nothing(
    store: MemoryStore, bumped: str, outcomes: dict[str, int]
) -> None:
    shards = plan(store)
    for prefix in shards:
        do_shard(store, prefix)
    for start in "12":  # cleared after the bump
        begin(store, RUN, Started(dag_run="manual", start=start), lambda _: False)
    pin(store, RUN, variable(**{bumped: "2"}), DeploymentSettings(runtime="kubernetes"))
    if bumped == "detect":
        do_shard(store, shards[1], detector="2")
    found, _ = read_manifest(store, write_account(store, RUN, shards, NOW))
    assert found.counts.outcomes == outcomes
    assert {ref.key for ref in found.objects} <= {"detections/2/bob-yard.jsonl"}
    do_the_rest(store)
    assert uncovered(store, RUN, shards)


@pytest.mark.parametrize(
    ("redone", "complaint"),
    [
        ("detect/bob-yard", "shard bob-yard changed after reconcile"),
        ("reconcile", "assess worked from another reconcile"),
        ("assess", "notify worked from another assess"),
        ("notify", "report worked from another notify"),
        ("report", None),
    ],
)
def test_what_changed_after_it_was_used(store: MemoryStore, redone: str, complaint: str | None) -> None:
    shards = plan(store)
    for prefix in shards:
        do_shard(store, prefix)
    write_account(store, RUN, shards, NOW)
    do_the_rest(store)
    there, _ = read_manifest(store, f"{RUN}{redone}/")
    write_manifest(store, f"{RUN}{redone}/", there.model_copy(update={"finished_at": NOW.replace(minute=9)}))
    problems = uncovered(store, RUN, shards)
    assert [complaint in problem for problem in problems] == [True] if complaint else problems == []


def test_rules_that_are_not_the_newest_are_told(store: MemoryStore) -> None:
    store.put(RULES_KEY, b"version: 2\n")
    begin(store, RUN, Started(dag_run="manual", start="1"), lambda _: False)
    begin(store, RUN, Started(dag_run="manual", start="2"), lambda _: False)
    pin(store, RUN, variable(), DeploymentSettings(runtime="kubernetes"))
    found, _ = read_manifest(store, write_account(store, RUN, plan(store), NOW))
    assert "the last good rules are used" in found.warnings[0]


def test_an_account_that_does_not_add_up(store: MemoryStore) -> None:
    with pytest.raises(InputError, match="does not add up: expected the shards to hold each of 3 filed objects once"):
        write_account(store, RUN, plan(store)[:1], NOW)


@pytest.mark.parametrize(
    ("states", "problems"),
    [
        ({}, []),
        ({"a": "success", "b": "skipped", "close_run": "running", "c": None}, []),
        (
            {"shard.detect_1": "failed", "shard.detect_0": "success", "notify": "upstream_failed"},
            ["1 tasks failed: shard.detect_1", "1 tasks never ran because of that: notify"],
        ),
    ],
)
def test_failed_tasks(states: dict[str, str | None], problems: list[str]) -> None:
    assert failed_tasks(states) == problems
