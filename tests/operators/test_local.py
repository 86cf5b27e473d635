"""Stages in the local runtime: real programs in a local image store, over a real bucket."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from kubernetes.client import models as k8s
from pydantic import JsonValue

from nightjar.domain.batch import Footage
from nightjar.domain.manifest import Manifest
from nightjar.runtime.manifests import read_manifest, write_lines, write_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Run
from operators import local
from operators.bucket import bucket
from operators.failures import StageFailedError, StageRefusedError
from operators.settings import deployment
from operators.stage import StageOperator
from tests.operators.conftest import TaskStates, make_context
from tests.operators.stage_programs import REGISTRY, misbehave
from tests.operators.worked import NOW, pin

pytestmark = pytest.mark.slow

RUN = "runs/nightjar_live/20261120T130500Z-0123456789ab/"
SHARD = f"{RUN}shards/alice-porch/"


@pytest.fixture
def shard(s3_store: S3Store) -> S3Store:
    """A bucket with one shard of one picture, in a run that is pinned."""
    fields = {"key": "footage/2025/11/20/14/alice-porch-1763647500.jpg", "version_id": "1", "size": 1, "sha256": "0"}
    Run(s3_store, RUN).write_shard("alice-porch", [Footage.model_validate(fields)])
    pin(s3_store, run=RUN)
    return s3_store


def validate(**options: Any) -> StageOperator:
    """The validate task of that shard."""
    settings = {
        "stage": "validate",
        "image": f"{REGISTRY}/validate:test-1",
        "run_prefix": RUN,
        "input_prefix": SHARD,
        "release": Run(bucket(), RUN).release()[1].sha256,
    }
    return StageOperator(task_id="validate", **(settings | options))


@pytest.mark.usefixtures("images")
def test_success(shard: S3Store, context: Any) -> None:
    validate().execute(context)
    output = f"{RUN}validate/alice-porch/"
    assert context["ti"].pushed == {"return_value": output, "result": {}}
    manifest, _ = read_manifest(shard, output)
    assert (manifest.run, manifest.image) == ("20261120T130500Z-0123456789ab", f"{REGISTRY}/validate:test-1")
    assert manifest.release == Run(shard, RUN).release()[1].sha256


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (64, StageRefusedError),
        (65, StageRefusedError),
        (75, StageFailedError),
        (1, StageFailedError),
        (137, StageFailedError),
    ],
)
@pytest.mark.usefixtures("shard")
def test_exit_codes(images: Path, context: Any, code: int, kind: type[AirflowException]) -> None:
    misbehave(images / "validate" / "test-1", kind="exit", code=code, sentence="no such camera")
    with pytest.raises(kind, match=f"stage validate ended with exit code {code}: validate: no such camera") as raised:
        validate().execute(context)
    assert type(raised.value) is kind
    assert context["ti"].pushed == {}


@pytest.mark.usefixtures("shard")
def test_a_good_end_without_a_manifest_is_a_failure(images: Path, context: Any) -> None:
    misbehave(images / "validate" / "test-1", kind="silent")
    with pytest.raises(StageFailedError, match="left no proof"):
        validate().execute(context)
    assert "return_value" not in context["ti"].pushed


@pytest.mark.usefixtures("shard")
def test_a_manifest_of_an_earlier_attempt_is_no_proof(images: Path, context: Any) -> None:
    validate().execute(make_context())
    misbehave(images / "validate" / "test-1", kind="silent")
    with pytest.raises(StageFailedError, match="of an earlier attempt"):
        validate().execute(context)


@pytest.mark.usefixtures("images", "shard")
def test_again_is_fine() -> None:
    validate().execute(make_context())
    validate().execute(make_context())


@pytest.mark.usefixtures("shard")
def test_a_stage_that_takes_too_long_is_stopped_and_tried_once_more(images: Path) -> None:
    misbehave(images / "validate" / "test-1", kind="hang")
    states = TaskStates()  # what Airflow keeps over the retries of a task

    def attempt(try_number: int, max_tries: int) -> None:
        context = make_context(states, try_number=try_number, max_tries=max_tries)
        validate(active_deadline_seconds=1).execute(context)

    with pytest.raises(StageFailedError, match="no exit code: stopped: it took longer than 1 s"):
        attempt(1, 5)
    with pytest.raises(AirflowFailException, match="took longer than 1 s"):
        attempt(2, 5)
    with pytest.raises(StageFailedError, match="took longer than 1 s"):
        attempt(3, 7)  # cleared: it begins anew
    assert children() == []


@pytest.mark.usefixtures("shard")
def test_the_time_bound_is_that_of_the_shard(images: Path, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGE_START_SECONDS", "1")
    misbehave(images / "validate" / "test-1", kind="hang")
    with pytest.raises(StageFailedError, match="took longer than 3 s"):  # 1 to start, 2 for its picture
        validate().execute(context)


@pytest.mark.usefixtures("shard")
def test_a_killed_task_stops_its_stage(images: Path, context: Any) -> None:
    misbehave(images / "validate" / "test-1", kind="hang")
    task = validate()

    def kill() -> None:
        wait_for_child()
        task.on_kill()

    threading.Thread(target=kill).start()
    with pytest.raises(StageFailedError, match="killed by SIGTERM"):
        task.execute(context)
    assert children() == []


@pytest.mark.usefixtures("images")
def test_told_to_stop_while_it_is_started_it_stops_at_once() -> None:
    """Airflow's signal may come between the fork and the moment at which the process is known."""
    container = k8s.V1Container(
        name="base", image=f"{REGISTRY}/validate:test-1", command=["sleep"], args=["60"], env=[]
    )
    spec = k8s.V1PodSpec(containers=[container], active_deadline_seconds=30, termination_grace_period_seconds=30)
    process = local.LocalProcess(k8s.V1Pod(spec=spec), deployment(), logging.getLogger(__name__))
    process.stop()
    ended = process.run()
    assert (ended.exit_code, ended.late) == (None, False)
    assert "killed by SIGTERM" in ended.sentence


@pytest.mark.usefixtures("shard")
def test_a_stage_that_ignores_sigterm_is_killed(images: Path, context: Any) -> None:
    program = images / "validate" / "test-1" / "nightjar_validate" / "__main__.py"
    program.write_text("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)\n")
    with pytest.raises(StageFailedError, match="took longer"):
        validate(active_deadline_seconds=1, termination_grace_period=1).execute(context)
    assert children() == []


@pytest.mark.usefixtures("shard")
def test_a_stage_that_is_killed_says_by_what(images: Path, context: Any) -> None:
    misbehave(images / "validate" / "test-1", kind="hang")

    def kill() -> None:
        os.kill(wait_for_child(), signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(StageFailedError, match="killed by SIGKILL"):
        validate().execute(context)


@pytest.mark.usefixtures("shard")
def test_what_a_stage_leaves_behind_is_ended(images: Path, context: Any) -> None:
    program = images / "validate" / "test-1" / "nightjar_validate" / "__main__.py"
    program.write_text(f"import subprocess\nsubprocess.Popen(['sleep', '60'])\n{program.read_text()}")
    validate().execute(context)
    assert children() == []


def test_a_stage_sees_nothing_but_its_spec_and_its_secrets(
    shard: S3Store, images: Path, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW__CORE__FERNET_KEY", "SENDGRID_API_KEY", "SOMETHING_ELSE", "PYTHONPATH"):
        monkeypatch.setenv(name, "secret")
    pinned = {"NIGHTJAR_LONG_SIDE": "640", "NIGHTJAR_MAIL_FROM": "$(AWS_SECRET_ACCESS_KEY)@example.com"}
    pin(shard, 2, run=RUN, settings=pinned)
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "1024")  # set after the run was pinned
    monkeypatch.setenv("NIGHTJAR_MAX_PIXELS", "12")
    monkeypatch.setenv("NIGHTJAR_RUN", "wrong")
    folder = images / "validate" / "test-1"
    (folder / "venv" / "bin" / "python").write_text("#!/bin/sh\nenv > environment\n")
    with pytest.raises(StageFailedError, match="left no proof"):
        validate().execute(context)
    seen = dict(line.split("=", 1) for line in (folder / "environment").read_text().splitlines())
    ours = {name for name in seen if not name.startswith(("AWS_", "NIGHTJAR_"))}
    assert ours - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LANG", "TMPDIR"}
    assert seen["AWS_SECRET_ACCESS_KEY"] == os.environ["AWS_SECRET_ACCESS_KEY"]
    assert seen["NIGHTJAR_RUN"] == "20261120T130500Z-0123456789ab"
    assert {name: seen[name] for name in pinned} == pinned
    assert "NIGHTJAR_MAX_PIXELS" not in seen
    assert not Path(seen["TMPDIR"]).exists()


@pytest.mark.usefixtures("images")
def test_an_image_that_is_not_built(shard: S3Store, context: Any) -> None:
    pin(shard, 2, run=RUN, tag="other")
    with pytest.raises(AirflowFailException, match=r"image validate:other is not built .* `make images .*\(test-1\)"):
        validate().execute(context)


@pytest.mark.usefixtures("images")
def test_a_run_that_another_one_has_taken_up_is_left_alone(shard: S3Store, context: Any) -> None:
    task = validate()
    pin(shard, 2, run=RUN)
    with pytest.raises(AirflowFailException, match="clear the whole run"):
        task.execute(context)
    assert shard.head(f"{RUN}validate/alice-porch/_manifest.json") is None


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("events", "skipped"), [(0, True), (1, False), (None, False)])
def test_notify_without_events_is_skipped_without_a_process(
    shard: S3Store, context: Any, events: int | None, skipped: bool
) -> None:
    assessed = f"{RUN}assess/alice-porch/"
    write_lines(shard, f"{assessed}threats.jsonl", [])
    result: dict[str, JsonValue] = {} if events is None else {"events": events}
    manifest = Manifest(stage="assess", image="i", run="r", result=result, started_at=NOW, finished_at=NOW)
    write_manifest(shard, assessed, manifest)
    image = f"{REGISTRY}/notify:test-1"
    task = validate(stage="notify", image=image, input_prefix=assessed, skip_at_zero="events")
    if skipped:
        with pytest.raises(AirflowSkipException, match="events is 0"):
            task.execute(context)
    else:
        task.execute(context)
    assert (shard.head(f"{RUN}notify/alice-porch/_manifest.json") is None) is skipped


@pytest.mark.usefixtures("images", "shard")
def test_a_deployment_that_is_set_up_wrong_is_not_tried_again(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = validate()
    monkeypatch.setenv("NIGHTJAR_BUCKET", "Not A Bucket")
    with pytest.raises(AirflowFailException, match="NIGHTJAR_BUCKET"):
        task.execute(context)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("dropped", "skipped"), [([], True), (["alice-porch-1763647500.jpg"], False)])
def test_collect_with_nothing_to_do_is_skipped(
    s3_store: S3Store, context: Any, dropped: list[str], skipped: bool
) -> None:
    for name in dropped:
        s3_store.put(f"incoming/{name}", b"picture")
    task = StageOperator(
        task_id="collect",
        stage="collect",
        image=f"{REGISTRY}/collect:test-1",
        run_prefix="runs/nightjar_watch/w/",
        input_prefix="incoming/",
        skip_without="batch_id",
    )
    if skipped:
        with pytest.raises(AirflowSkipException):
            task.execute(context)
    else:
        task.execute(context)
    assert (context["ti"].pushed["result"]["batch_id"] is None) is skipped


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain", (20, "plain")),
        ("", (20, "")),
        ("[1]", (20, "[1]")),
        ("{}", (20, "{}")),
        ('{"level": "warning", "message": "slow", "camera": "a-b", "run": "r"}', (30, "slow  camera=a-b")),
        ('{"level": "odd", "message": 7}', (20, "7")),
        ('{"level": "error", "message": "no", "traceback": "at x"}', (40, "no\nat x")),
    ],
)
def test_log_lines(line: str, expected: tuple[int, str]) -> None:
    assert local.readable(line) == expected


def children() -> list[psutil.Process]:
    """The processes of this test's stages that still run, given a moment to be gone."""
    deadline = time.monotonic() + 5
    while (found := list(_stages())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def wait_for_child() -> int:
    """The process id of the stage, once it runs."""
    while not (found := list(_stages())):
        time.sleep(0.05)
    return int(found[0].pid)


def _stages() -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "nightjar_validate" in line or line[:1] == ["sleep"]:
            yield process
