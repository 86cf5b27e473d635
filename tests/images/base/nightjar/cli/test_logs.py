"""`nightjar logs`: from an alert, a camera or a run to the tasks, and to what these logged, wherever that is kept."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nightjar.cli.main import main
from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import AlertState
from nightjar.domain.log_lines import readable
from nightjar.domain.manifest import Manifest, TaskRef
from nightjar.domain.release import Started
from nightjar.errors import TryAgainError
from nightjar.queries.tasks_of import tasks_of
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.ledger import Ledger
from nightjar.stores.runs import LIVE, WATCH, Run, Runs, run_prefix
from nightjar.stores.task_logs import TaskLogs
from tests.bucket import put_footage

NOW = datetime.now(UTC)
RUN = f"{NOW:%Y%m%dT%H%M%S}Z-0123456789ab"
TASK = TaskRef(dag_id=LIVE, run_id=RUN, task_id="shard.detect", map_index=3, try_number=2, pod="detect-1")
LOG = f"airflow-logs/dag_id={LIVE}/run_id={RUN}/task_id="


def leave(run: Run, stage: str, shard: str | None, task: TaskRef | None) -> None:
    manifest = Manifest(stage=stage, image="r/x:1", run=run.name, started_at=NOW, finished_at=NOW, task=task)
    run.write_manifest(manifest, shard)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A live run with a shard of alice's porch, whose assess failed, and one of two cameras."""
    memory = MemoryStore()
    monkeypatch.setenv("NIGHTJAR_BUCKET", "bucket")
    for name in (
        "NIGHTJAR_AIRFLOW_URL",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("nightjar.runtime.s3.S3Store", lambda _: memory)
    run = Runs(memory).at(run_prefix(LIVE, RUN))
    run.begin(Started(dag_run=RUN, start="1"), lambda _: False)
    run.write_shard("alice-porch", [put_footage(memory, "alice-porch-1795574000.jpg", b"1")])
    both = [put_footage(memory, f"{name}-1795574000.jpg", b"1") for name in ("bob-shop", "carol-garden")]
    run.write_shard("pack-0001", both)
    leave(run, "validate", "alice-porch", TASK.model_copy(update={"task_id": "shard.validate", "try_number": 1}))
    leave(run, "detect", "alice-porch", TASK)
    leave(run, "detect", "pack-0001", TASK.model_copy(update={"map_index": 0, "try_number": 1, "pod": None}))
    leave(run, "record", None, TaskRef(dag_id=LIVE, run_id=RUN, task_id="record"))
    lines = [
        {"timestamp": "2026-11-20T12:00:00Z", "level": "info", "event": "pictures looked at", "pictures": 3},
        {"timestamp": "2026-11-20T12:00:01Z", "level": "error", "event": "it failed",
         "error_detail": [{"exc_type": "OSError", "exc_value": "no disk"}]},
    ]  # fmt: skip
    log = "\n".join(map(json.dumps, lines)).encode()
    memory.put(f"{LOG}shard.detect/map_index=3/attempt=1.log", b"the first try")
    memory.put(f"{LOG}shard.detect/map_index=3/attempt=2.log", log)
    memory.put(f"{LOG}shard.detect/map_index=0/attempt=1.log.gz", gzip.compress(b"of two cameras"))
    memory.put(f"{LOG}shard.assess/map_index=3/attempt=1.log", b"the first try of assess")
    memory.put(f"{LOG}shard.assess/map_index=3/attempt=2.log", b"assess says why it failed")
    memory.put(f"{LOG}record/attempt=1.log", b"rows recorded")
    return memory


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["logs", *arguments]) == 0
    return capsys.readouterr().out


def test_of_a_camera(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "alice-porch", "--stage", "detect").splitlines()
    assert said == [
        f"=== detect of shard alice-porch: run {LIVE}/{RUN}, task shard.detect, map index 3, try 2, pod detect-1",
        "--- try 2, from airflow-logs/ in the bucket",
        "2026-11-20T12:00:00Z INFO pictures looked at pictures=3",
        "2026-11-20T12:00:01Z ERROR it failed",
        "    OSError: no disk",
    ]
    assert printed(capsys, "alice-porch", "--stage", "detect", "--tail", "1").splitlines()[2:] == [said[-1]]


def test_of_a_camera_in_a_shard_of_several(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "carol-garden", "--stage", "detect")
    assert "of shard pack-0001" in said and "of two cameras" in said and "alice" not in said


def test_a_stage_that_left_no_manifest_has_the_map_index_of_the_others(
    store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(capsys, "alice-porch")
    assert "=== assess of shard alice-porch" in said and "task shard.assess, map index 3, its last try" in said
    assert "assess says why it failed" in said
    assert "the first try of assess" not in said
    assert "=== notify of shard alice-porch" in said
    assert "no log of it is kept" in said


def test_of_a_run_with_what_is_no_shards(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (RUN, f"{LIVE}/{RUN}", f"runs/{LIVE}/{RUN}/"):
        said = printed(capsys, name)
        assert "=== record: run" in said and "rows recorded" in said
        assert "of shard alice-porch" in said and "of shard pack-0001" in said
    assert printed(capsys, RUN, "--stage", "record").count("===") == 1


def test_of_an_alert(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    at = {"started_at": NOW, "claimed_at": NOW, "finished_at": NOW}
    alert = Alert(
        event_id="message-1",
        event_key="",
        user="alice",
        device="porch",
        rule_id=0,
        state=AlertState.SENT,
        channel="email",
        recipient="a@example.com",
        subject="a message",
        possibly_repeated=False,
        run=RUN,
        holder=f"{run_prefix(LIVE, RUN)}notify/alice-porch/",
        **at,
    )
    ledger = Ledger(store)
    ledger.claim_at(ledger.notice_key("message-1", NOW.date()), alert, None)
    said = printed(capsys, "message-1", "--stage", "detect")
    assert "pictures looked at" in said and "of two cameras" not in said


def test_a_run_of_an_older_release_says_that_its_tasks_are_not_recorded(
    store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Runs(store).at(run_prefix(LIVE, "20260101T000000Z-0123456789ab"))
    old.begin(Started(dag_run="1", start="1"), lambda _: False)
    old.write_shard("alice-porch", [])
    leave(old, "detect", "alice-porch", None)
    assert "which of the mapped tasks it was is not recorded" in printed(capsys, old.name)


@pytest.mark.parametrize(
    "name",
    ["dave-attic", "nightjar_live/none", "0123", "", "../x", pytest.param(f"{WATCH}/{RUN}", id="a run of the watch")],
)
def test_of_what_there_is_not(name: str, store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", name]) == 65
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--stage", "look"], ["--runs", "0"], ["--tail", "x"], []])
def test_what_is_asked_for_wrongly(more: list[str], store: MemoryStore) -> None:
    assert main(["logs", *(["alice-porch"] if more else []), *more]) == 64


class Airflow:
    """An Airflow that knows the second try of one task, or is away."""

    def __init__(self, *, away: bool) -> None:
        self.away = away

    def tries(self, _: object) -> list[dict[str, Any]]:
        return [{"try_number": 1}, {"try_number": 2}]

    def log(self, task: dict[str, Any], number: int) -> str:
        if self.away or task["task_id"] != "shard.detect":
            raise TryAgainError("away")
        return f"Airflow has {task['dag_run_id']} {task['map_index']} {number}"

    def __exit__(self, *_: object) -> None:
        pass


@contextmanager
def an_airflow(monkeypatch: pytest.MonkeyPatch, away: bool) -> Iterator[None]:
    monkeypatch.setattr("nightjar.settings.airflow.is_reachable", lambda: True)
    monkeypatch.setattr("nightjar.settings.airflow.connect", lambda: Airflow(away=away))
    yield


@pytest.mark.parametrize(("away", "says"), [(False, "Airflow has {} 3 2"), (True, "pictures looked at")])
def test_airflow_is_asked_first(
    away: bool, says: str, store: MemoryStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with an_airflow(monkeypatch, away):
        assert says.format(RUN) in printed(capsys, "alice-porch", "--stage", "detect")
        assert "assess says why it failed" in printed(capsys, "alice-porch", "--stage", "assess")


def test_logs_on_this_machines_disk_come_last(
    store: MemoryStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    file = tmp_path / f"dag_id={LIVE}/run_id={RUN}/task_id=shard.validate/map_index=3/attempt=1.log"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"on disk\n")
    said = printed(capsys, "alice-porch", "--stage", "validate")
    assert "on disk" in said and str(file) in said


def test_the_tries_and_map_indexes_of_which_there_are_logs(store: MemoryStore) -> None:
    logs = TaskLogs(store, "/airflow-logs/")
    assert logs.tries(TASK) == [1, 2]
    assert logs.mapped(TASK) == [0, 3]
    assert logs.read(TASK, 7) is None
    assert logs.tries(TASK.model_copy(update={"task_id": "x"})) == []


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"plain\n\xff\n", ["plain", "\ufffd"]),
        (b"[1]\n", ["[1]"]),
        (b'{"a": 1}\n', ['{"a": 1}']),
        (b'{"event": "x", "n": null, "shard": "alice-porch"}\n', ["x n=null shard=alice-porch"]),
        (b'{"event": "x", "level": "warning", "error_detail": ["odd"]}\n', ["WARNING x"]),
    ],
)
def test_lines_for_people(data: bytes, lines: list[str]) -> None:
    assert list(readable(data)) == lines


def test_the_newest_runs_come_first_and_no_more_than_asked_for(store: MemoryStore) -> None:
    assert [each.run for each in tasks_of(store, "alice-porch", None, NOW, 5)] == [f"{LIVE}/{RUN}"]
    assert tasks_of(store, "alice-porch", "detect", NOW, 1)[0].tasks[0].task == TASK
