"""The real KubernetesPodOperator, as a task runs it, against the API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import ApiException

from tests.kubernetes.conftest import IMAGE
from tests.kubernetes.faults import Evict, OutOfMemory, RunInstead, SlowLog, Vanish
from tests.kubernetes.server import ApiServer

SECONDS = "print('started', flush=True); import time; time.sleep(30)"


class TaskInstance(SimpleNamespace):
    """As much of a task instance as the operator looks at; remembers what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(try_number: int = 1, map_index: int = -1) -> Any:
    """The context of one attempt of a task."""
    ti = TaskInstance(dag_id="dag", task_id="task", map_index=map_index, try_number=try_number, pushed={})
    return {"ti": ti, "run_id": "manual__{{ 2026 }}", "dag": None, "task_instance": ti}


def operator(code: str, **options: Any) -> KubernetesPodOperator:
    """A pod task that runs a Python program, with the settings that matter to Nightjar."""
    settings: dict[str, Any] = {
        "task_id": "task",
        "name": "task",
        "image": IMAGE,
        "cmds": ["python", "-c", code],
        "on_finish_action": "delete_succeeded_pod",
        "termination_message_policy": "FallbackToLogsOnError",
        "log_events_on_failure": True,
        "startup_check_interval_seconds": 0.2,
        "do_xcom_push": False,
    }
    return KubernetesPodOperator(**settings | options)


@pytest.fixture(autouse=True)
def connection(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Airflow's default connection to Kubernetes leads to the API server."""
    extra = {"in_cluster": False, "kube_config_path": str(kubeconfig), "namespace": "nightjar"}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    yield


def test_success(api_server: ApiServer, capfd: pytest.CaptureFixture[str]) -> None:
    attempt = context()
    operator("print('a line of the pod')").execute(attempt)
    assert "[base] a line of the pod" in capfd.readouterr().out
    assert api_server.store.select(None) == []
    [created] = api_server.store.created
    assert attempt["ti"].pushed == {"pod_name": created["metadata"]["name"], "pod_namespace": "nightjar"}
    assert created["metadata"]["labels"]["run_id"].startswith("manual__2026-")  # the name was not fit for a label


def test_a_failure_says_why_and_leaves_the_pod(api_server: ApiServer) -> None:
    with pytest.raises(AirflowException, match="no such camera"):
        operator("print('no such camera'); raise SystemExit(65)").execute(context())
    [left] = api_server.store.select(None)
    assert left["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 65
    assert left["metadata"]["labels"]["already_checked"] == "True"


def test_a_retry_gets_a_new_pod(api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, RunInstead(("python", "-c", "raise SystemExit(75)")), times=1)
    with pytest.raises(AirflowException):
        operator("").execute(context(try_number=1))
    operator("").execute(context(try_number=2))
    assert [pod["metadata"]["labels"]["try_number"] for pod in api_server.store.created] == ["1", "2"]


def test_an_attempt_after_a_crash_finds_the_running_pod_again(api_server: ApiServer) -> None:
    crashed = operator("import time; time.sleep(2); print('the same pod')")
    crashed.get_or_create_pod(crashed.build_pod_request_obj(context(1)), context(1))
    operator("raise SystemExit('another pod')").execute(context(2))
    assert len(api_server.store.created) == 1


def test_a_pod_that_vanishes_fails_the_task(api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, Vanish(after=2))
    with pytest.raises((AirflowException, ApiException)):
        operator(SECONDS).execute(context())


@pytest.mark.parametrize(("fault", "reason"), [(OutOfMemory(1), "OOMKilled"), (Evict(1), "Evicted")])
def test_a_killed_pod_fails_the_task(
    api_server: ApiServer, capfd: pytest.CaptureFixture[str], fault: OutOfMemory | Evict, reason: str
) -> None:
    api_server.faults.add(lambda _: True, fault)
    with pytest.raises(AirflowException):
        operator(SECONDS).execute(context())
    logged = capfd.readouterr().out
    assert reason in logged
    assert "exit_code=137" in logged


def test_an_image_that_is_not_there_fails_the_task_at_once(
    api_server: ApiServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AirflowException):
        operator("", image="registry.example.com/nightjar/none:1").execute(context())
    assert "ImagePullBackOff" in capfd.readouterr().out


def test_a_deadline_fails_the_task(api_server: ApiServer, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AirflowException):
        operator(SECONDS, active_deadline_seconds=1, termination_grace_period=1).execute(context())
    assert "DeadlineExceeded" in capfd.readouterr().out


def test_parallel_mapped_pods_run_at_once(api_server: ApiServer) -> None:
    def run(index: int) -> None:
        operator("import time; time.sleep(1.5)").execute(context(map_index=index))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    created = api_server.store.created
    assert sorted(pod["metadata"]["labels"]["map_index"] for pod in created) == [str(index) for index in range(8)]
    # A pod of the second half is there before one of the first half is deleted.
    order = [request.method for request in api_server.requests if request.method in ("POST", "DELETE")]
    assert order.index("DELETE") == 8


def test_an_api_that_fails_for_a_while_is_waited_out(api_server: ApiServer) -> None:
    api_server.faults.fail_requests(500, 1, method="POST")
    api_server.faults.fail_requests(429, 2, method="GET", retry_after=1)
    operator("").execute(context())
    assert {request.code for request in api_server.requests} == {200, 201, 429, 500}


def test_killing_the_task_deletes_its_pod(api_server: ApiServer) -> None:
    task = operator(SECONDS, termination_grace_period=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(task.execute, context())
        while task.pod is None or api_server.store.select(None)[0]["status"]["phase"] != "Running":
            assert not running.done()
            time.sleep(0.05)
        task.on_kill()
        with pytest.raises((AirflowException, ApiException)):
            running.result(timeout=20)
    assert api_server.store.select(None) == []


def test_a_slow_log_is_read_to_its_end(api_server: ApiServer, capfd: pytest.CaptureFixture[str]) -> None:
    api_server.faults.add(lambda _: True, SlowLog(0.2))
    operator("for i in range(5): print('line', i, flush=True)").execute(context())
    assert "[base] line 4" in capfd.readouterr().out
