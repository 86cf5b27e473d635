"""What befalls the pod of a stage on a real node, and that it costs no work: StageOperator against the API's double."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException

from nightjar.domain.layout import MANIFEST
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from operators.failures import StageFailedError, StageRefusedError
from tests.kubernetes.faults import OutOfMemory, RunInstead, SlowStart, Unschedulable
from tests.kubernetes.server import ApiServer
from tests.kubernetes.stages.conftest import OUTPUT, SLEEP, Attempt
from tests.kubernetes.store import Pod, key_of

DIRECT = pytest.mark.parametrize("attempt", ["direct"], indirect=True)
NO_ROOM = "0/1 nodes are available: 1 Insufficient memory."


ARGUMENTS = (
    f"--input-prefix runs/nightjar_live/20261120T130500Z-0123456789ab/shards/alice-porch/ --output-prefix {OUTPUT} "
    "--release runs/nightjar_live/20261120T130500Z-0123456789ab/release.json"
)


def work_for(seconds: float, then: str = "") -> RunInstead:
    """The stage does its work after so many seconds."""
    return RunInstead(
        ("sh", "-c", f"sleep {seconds}; python -m nightjar_validate {ARGUMENTS}; code=$?; {then}exit $code")
    )


def running(server: ApiServer) -> bool:
    return any(pod["status"]["phase"] == "Running" for pod in server.store.select(None))


def once_running(server: ApiServer, act: Callable[[], object]) -> None:
    """Do `act` from another thread, as soon as a pod runs."""

    def wait() -> None:
        while not running(server):
            time.sleep(0.02)
        time.sleep(0.1)
        act()

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize("what", ["the kubelet is away", "the role has no pods/log"])
def test_a_log_that_cannot_be_read_is_a_warning(
    attempt: Attempt, api_server: ApiServer, capfd: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "the kubelet is away":
        message = 'Get "https://10.0.0.1:10250/containerLogs": dial tcp: connect: connection refused'
        api_server.faults.fail_requests(500, 3, path="/log", message=message)
    else:
        api_server.faults.forbid("get", "pods/log")
    api_server.faults.add(lambda _: True, work_for(1))
    assert attempt().pushed["return_value"] == OUTPUT
    assert [request.method for request in api_server.requests].count("DELETE") == 1  # once it had succeeded
    said = capfd.readouterr().out
    assert "cannot be read" in said
    assert ("validate: done, 1 received" in said) is (what == "the kubelet is away")  # read once it is back


def test_out_of_memory_is_named_and_the_next_try_gets_more(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_MEMORY_MOST", "2560Mi")
    loud = RunInstead(("sh", "-c", "echo at work; sleep 60"))
    api_server.faults.add(lambda _: True, loud, OutOfMemory(1), times=2)
    for number in (1, 2):
        with pytest.raises(StageFailedError, match="exit code 137: OOMKilled: at work"):
            attempt(try_number=number)
    attempt(try_number=3)
    asked = [pod["spec"]["containers"][0]["resources"] for pod in api_server.store.created]
    assert [each["limits"]["memory"] for each in asked] == ["2Gi", "2560Mi", "2560Mi"]
    assert [each["requests"]["memory"] for each in asked] == ["2Gi", "2560Mi", "2560Mi"]


def test_a_pod_that_finds_no_node_says_so_while_it_waits(
    attempt: Attempt, api_server: ApiServer, capfd: pytest.CaptureFixture[str]
) -> None:
    api_server.faults.add(lambda _: True, Unschedulable(NO_ROOM, seconds=0.5), times=1)
    attempt()
    assert capfd.readouterr().out.count(f"waits: Unschedulable: {NO_ROOM}") == 1


def test_start_up_has_a_bound_for_a_try_and_one_over_all(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_START_SECONDS", "1")
    monkeypatch.setenv("NIGHTJAR_START_TOTAL_SECONDS", "2")
    api_server.faults.add(lambda _: True, Unschedulable(NO_ROOM))
    with pytest.raises(StageFailedError, match=f"did not start in 1 s: Unschedulable: {NO_ROOM}"):
        attempt()
    with pytest.raises(StageRefusedError, match=r"Unschedulable.* over all tries, NIGHTJAR_START_TOTAL_SECONDS"):
        attempt(try_number=2)
    assert api_server.store.select(None) == []  # none of them may start later


@DIRECT
def test_what_is_missing_and_only_events_tell_is_in_the_error(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_START_SECONDS", "1")
    api_server.faults.add(lambda _: True, SlowStart(5))
    with pytest.raises(StageFailedError, match="did not start in 1 s: nobody says why"):
        attempt()


@DIRECT
@pytest.mark.parametrize("what", ["service account", "right"])
def test_what_is_set_wrong_fails_at_once(attempt: Attempt, api_server: ApiServer, what: str) -> None:
    if what == "right":
        api_server.faults.forbid("create", "pods")
    else:
        api_server.service_accounts = frozenset({"default"})
    with pytest.raises(StageRefusedError, match=r"the cluster takes no such pod: .*(not found|cannot create)") as error:
        attempt()
    assert isinstance(error.value, AirflowFailException)  # no retry
    assert error.value.__context__ is None or error.value.__suppress_context__  # one traceback, not a chain
    assert "AWS_" not in str(error.value)


@DIRECT
def test_a_quota_that_is_used_up_is_waited_for(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    api_server.faults.exceed_quota(times=3)
    attempt()
    assert capfd.readouterr().out.count("the pod is not created yet, it is tried again: ") == 1
    monkeypatch.setenv("NIGHTJAR_START_SECONDS", "1")
    api_server.faults.exceed_quota()
    with pytest.raises(StageFailedError, match=r"the cluster took no pod in 1 s: .*exceeded quota"):
        attempt(try_number=2)


def test_a_try_that_comes_later_takes_up_a_pod_that_has_finished(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is newer than the pod, whenever somebody looks."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        lose_the_worker_after_the_creation(patch)
        attempt()
    while [pod["status"]["phase"] for pod in api_server.store.select(None)] != ["Succeeded"]:
        time.sleep(0.05)
    assert attempt(try_number=2).pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == 1
    assert api_server.store.select(None) == []


def lose_the_worker_after_the_creation(patch: pytest.MonkeyPatch) -> None:
    """Let the pod be created, and the task die right after it, without a chance to do anything."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    patch.setattr("operators.pod_run.PodRun.follow", die)
    patch.setattr("operators.pod_run.PodRun.trigger", die)


def test_a_container_that_ends_well_at_its_deadline_has_done_its_work(
    attempt: Attempt, api_server: ApiServer, s3_store: S3Store
) -> None:
    command = f"trap 'python -m nightjar_validate {ARGUMENTS}; exit 0' TERM; sleep 60 & wait $!"
    api_server.faults.add(lambda _: True, RunInstead(("sh", "-c", command)))
    attempt(active_deadline_seconds=3, termination_grace_period=30)
    assert read_manifest(s3_store, OUTPUT)[0].counts.received == 1
    assert len(api_server.store.created) == 1
    assert api_server.store.select(None) == []


def test_a_pod_that_is_lost_after_its_work_is_proven_all_the_same(
    attempt: Attempt, api_server: ApiServer, s3_store: S3Store
) -> None:
    def lose() -> None:
        while s3_store.head(f"{OUTPUT}{MANIFEST}") is None:
            time.sleep(0.1)
        for pod in api_server.store.select(None):
            api_server.store.remove(key_of(pod), pod["metadata"]["uid"])

    api_server.faults.add(lambda _: True, work_for(0, then="sleep 60; "))
    threading.Thread(target=lose, daemon=True).start()
    assert attempt().pushed["return_value"] == OUTPUT


def test_an_api_server_that_is_away_costs_nothing(
    attempt: Attempt, api_server: ApiServer, capfd: pytest.CaptureFixture[str]
) -> None:
    api_server.faults.add(lambda _: True, work_for(1.5))

    def leave() -> None:
        with api_server.away():
            time.sleep(1)

    once_running(api_server, leave)
    assert attempt().pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == 1
    said = capfd.readouterr().out
    assert said.count("the Kubernetes API cannot be read, it is tried again") == 1
    assert said.count("validate: done, 1 received") == 1  # no line of the log comes twice


@DIRECT
def test_an_answer_that_is_lost_costs_no_second_pod(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = api_server.store.create
    lost: list[Pod] = []

    def create_and_lose_the_answer(namespace: str, posted: Pod) -> Pod:
        pod = create(namespace, posted)
        if not lost:
            lost.append(pod)
            api_server.cut()
        return pod

    monkeypatch.setattr(api_server.store, "create", create_and_lose_the_answer)
    assert attempt().pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == 1
    assert [request.method for request in api_server.requests].count("POST") == 2


@pytest.mark.parametrize("what", ["cut", "expired", "forbidden"])
def test_a_watch_that_ends_is_begun_again(attempt: Attempt, api_server: ApiServer, what: str) -> None:
    api_server.faults.add(lambda _: True, work_for(0.5))
    if what == "forbidden":
        api_server.faults.forbid("watch", "pods")
    once_running(api_server, api_server.cut if what == "cut" else api_server.store.forget)
    assert attempt().pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == 1


@DIRECT
@pytest.mark.parametrize(
    ("state", "goes_on"), [("running", True), ("failed", False), ("restarting", False), (None, False)]
)
def test_sigterm_ends_a_pod_only_when_the_task_was_ended(
    attempt: Attempt, api_server: ApiServer, state: str | None, goes_on: bool
) -> None:
    api_server.faults.add(lambda _: True, work_for(1.5))
    before = signal.getsignal(signal.SIGTERM)
    once_running(api_server, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(AirflowException) as error:
            attempt(state=state, signalled=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(error.value, AirflowRescheduleException) is goes_on
    if goes_on:
        assert attempt().pushed["return_value"] == OUTPUT  # the same try, once Airflow is back
        assert len(api_server.store.created) == 1
    else:
        assert "was stopped: the task was ended in Airflow" in str(error.value)
        assert all("deletionTimestamp" in pod["metadata"] for pod in api_server.store.select(None))


@pytest.mark.parametrize("attempt", ["deferred"], indirect=True)
def test_a_person_who_ends_a_deferred_task_ends_its_pod(attempt: Attempt, api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, SLEEP)
    with pytest.raises(LookupError, match="killed"):
        attempt(killed=True)
    assert all("deletionTimestamp" in pod["metadata"] for pod in api_server.store.select(None))


def test_what_runs_since_before_a_task_was_cleared_is_removed(attempt: Attempt, api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, SLEEP, times=1)
    with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
        lose_the_worker_after_the_creation(patch)
        attempt()
    assert attempt(try_number=2, max_tries=6).pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == 2


def test_the_log_is_readable_while_the_stage_runs(
    attempt: Attempt, api_server: ApiServer, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = json.dumps({"time": "x", "level": "info", "message": "half way", "camera": "alice-porch"})
    program = f"echo '{line}'; while [ ! -e {tmp_path}/read ]; do sleep 0.1; done; echo the end; exit 1"
    api_server.faults.add(lambda _: True, RunInstead(("sh", "-c", program)))
    said: list[str] = []

    def read() -> None:
        until = time.monotonic() + 20
        while "half way" not in "".join(said) and time.monotonic() < until:
            said.append(capfd.readouterr().out)
            time.sleep(0.05)
        (tmp_path / "read").touch()

    threading.Thread(target=read, daemon=True).start()
    with pytest.raises(StageFailedError, match="exit code 1: the end"):
        attempt()
    before = "".join(said)
    assert "half way  camera=alice-porch" in before
    assert '"message"' not in before and "the end" not in before
