"""The API server as the real `kubernetes` client sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client

from tests.kubernetes.conftest import IMAGE
from tests.kubernetes.faults import Evict, OutOfMemory, RunInstead, SlowLog, Vanish
from tests.kubernetes.server import ApiServer

NAMESPACE = "nightjar"
ENDLESS = "import time; print('started', flush=True); time.sleep(60)"


def pod(name: str = "p", code: str = "", *, image: str = IMAGE, **spec: Any) -> dict[str, Any]:
    """A pod that runs a Python program; `container` in `spec` adds to its container, the rest to its spec."""
    container = {"name": "base", "image": image, "command": ["python", "-c", code], **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "test", "pod": name}},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


def wait_for(core: client.CoreV1Api, reached: Callable[[Any], bool], name: str = "p") -> Any:
    """The pod, as soon as `reached(pod)` holds; fails after 20 s."""
    for _ in range(400):
        found = core.read_namespaced_pod(name, NAMESPACE)
        if reached(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"the pod got no further than {found.status}")


def ended(found: Any) -> bool:
    return found.status.phase in ("Succeeded", "Failed")


def running(found: Any) -> bool:
    return bool(found.status.phase == "Running")


def terminated(found: Any) -> Any:
    return found.status.container_statuses[0].state.terminated


def log_of(core: client.CoreV1Api, **options: Any) -> str:
    """The log, raw as the operator reads it: the client's own decoding of text is broken in version 36."""
    response = core.read_namespaced_pod_log("p", NAMESPACE, _preload_content=False, **options)
    return bytes(response.read()).decode()


def wait_until_gone(core: client.CoreV1Api, name: str = "p") -> None:
    """Fails if the pod is still there after 20 s."""
    for _ in range(400):
        if not core.list_namespaced_pod(NAMESPACE, field_selector=f"metadata.name={name}").items:
            return
        time.sleep(0.05)
    raise AssertionError(f"pod {name} is still there")


@pytest.mark.parametrize(
    ("code", "phase", "exit_code", "reason"),
    [
        ("", "Succeeded", 0, "Completed"),
        ("raise SystemExit(65)", "Failed", 65, "Error"),
        ("import os; os.kill(os.getpid(), 9)", "Failed", 137, "Error"),
        ("import os; os.kill(os.getpid(), 15)", "Failed", 143, "Error"),
    ],
)
def test_a_pod_ends_as_its_process_does(
    core: client.CoreV1Api, code: str, phase: str, exit_code: int, reason: str
) -> None:
    created = core.create_namespaced_pod(NAMESPACE, pod(code=code))
    assert created.status.phase == "Pending"
    found = wait_for(core, ended)
    assert (found.status.phase, terminated(found).exit_code, terminated(found).reason) == (phase, exit_code, reason)
    assert found.status.start_time <= terminated(found).started_at <= terminated(found).finished_at


def test_command_arguments_and_environment_reach_the_process(core: client.CoreV1Api) -> None:
    container = {
        "args": ["$(A)", "$$(A)", "$(UNKNOWN)"],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "envFrom": [{"secretRef": {"name": "s3"}}, {"configMapRef": {"name": "settings"}}],
    }
    code = "import os, sys; print(sys.argv[1:], *(os.environ[n] for n in ('POD', 'AWS_ACCESS_KEY_ID', 'COLOUR')))"
    core.create_namespaced_pod(NAMESPACE, pod(code=code, container=container))
    wait_for(core, ended)
    assert log_of(core) == "['1', '$(A)', '$(UNKNOWN)'] p key blue\n"


def test_nothing_of_this_machine_reaches_the_process(core: client.CoreV1Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "of the machine")
    core.create_namespaced_pod(NAMESPACE, pod(code="import os; print('SENDGRID_API_KEY' in os.environ)"))
    wait_for(core, ended)
    assert log_of(core) == "False\n"


def test_without_a_command_the_image_says_what_runs(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(container={"command": None}))
    wait_for(core, ended)
    assert log_of(core) == "entrypoint\n"


@pytest.mark.parametrize(
    ("code", "policy", "message"),
    [
        ("print('log'); raise SystemExit(1)", "File", None),
        ("print('log'); raise SystemExit(1)", "FallbackToLogsOnError", "log"),
        ("print('log')", "FallbackToLogsOnError", None),
    ],
)
def test_termination_message(core: client.CoreV1Api, code: str, policy: str, message: str | None) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(code=code, container={"terminationMessagePolicy": policy}))
    assert terminated(wait_for(core, ended)).message == message


def test_a_command_that_is_not_there_cannot_start(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(container={"command": ["no-such-program"]}))
    found = wait_for(core, ended)
    assert (terminated(found).exit_code, terminated(found).reason) == (128, "StartError")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image": "registry.example.com/nightjar/other:1"}, "ImagePullBackOff"),
        ({"image": "Not An Image"}, "InvalidImageName"),
        ({"container": {"envFrom": [{"secretRef": {"name": "none"}}]}}, "CreateContainerConfigError"),
    ],
)
def test_what_cannot_start_waits_and_says_why(core: client.CoreV1Api, changes: dict[str, Any], reason: str) -> None:
    def waits(found: Any) -> bool:
        states = [status.state.waiting for status in found.status.container_statuses or []]
        return any(waiting and waiting.reason == reason for waiting in states)

    core.create_namespaced_pod(NAMESPACE, pod(**changes))
    assert wait_for(core, waits).status.phase == "Pending"
    with pytest.raises(client.ApiException, match="waiting to start"):
        log_of(core)
    events = core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=p").items
    assert any(event.type == "Warning" for event in events)
    core.delete_namespaced_pod("p", NAMESPACE)
    wait_until_gone(core)


@pytest.mark.parametrize(
    ("grace", "code", "said"),
    [
        (20, "import signal, time, sys; signal.signal(15, lambda *_: sys.exit('ends')); print(1, flush=True)", "ends"),
        (1, "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)", None),
        (0, "import time; print(1, flush=True)", None),
    ],
)
def test_deleting_a_pod_stops_its_process(
    core: client.CoreV1Api, api_server: ApiServer, grace: int, code: str, said: str | None
) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(code=f"{code}; time.sleep(60)"))
    wait_for(core, running)
    stream = core.read_namespaced_pod_log("p", NAMESPACE, follow=True, _preload_content=False)
    lines = (line.decode().strip() for line in stream)
    assert next(lines) == "1"
    deleted = core.delete_namespaced_pod("p", NAMESPACE, grace_period_seconds=grace)
    assert deleted.metadata.deletion_timestamp
    assert list(lines) == ([said] if said else [])
    wait_until_gone(core)


def test_a_pod_past_its_deadline_fails(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(code=ENDLESS, activeDeadlineSeconds=1, terminationGracePeriodSeconds=1))
    found = wait_for(core, ended)
    assert (found.status.phase, found.status.reason) == ("Failed", "DeadlineExceeded")
    assert terminated(found).exit_code == 143


def test_a_pod_that_never_starts_fails_at_its_deadline(core: client.CoreV1Api) -> None:
    missing = "registry.example.com/nightjar/other:1"
    core.create_namespaced_pod(NAMESPACE, pod(image=missing, activeDeadlineSeconds=1))
    assert wait_for(core, ended).status.reason == "DeadlineExceeded"


def test_logs_follow_and_can_be_cut(core: client.CoreV1Api) -> None:
    code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(0.6)"
    core.create_namespaced_pod(NAMESPACE, pod(code=code))
    wait_for(core, running)
    followed = log_of(core, follow=True, timestamps=True)
    stamps = [line.split(" ")[0] for line in followed.splitlines()]
    assert [line.split(" ")[1] for line in followed.splitlines()] == ["0", "1", "2"]
    assert stamps == sorted(stamps)
    assert all(stamp.endswith("Z") for stamp in stamps)
    assert log_of(core, tail_lines=1) == "2\n"
    wait_for(core, ended)
    assert log_of(core, since_seconds=60) == "0\n1\n2\n"
    assert "0" not in log_of(core, since_seconds=1)


def test_lists_by_selectors_and_patches(core: client.CoreV1Api) -> None:
    for name in ("a", "b"):
        core.create_namespaced_pod(NAMESPACE, pod(name))
    core.patch_namespaced_pod("a", NAMESPACE, {"metadata": {"labels": {"already_checked": "True"}}})
    unchecked = core.list_namespaced_pod(NAMESPACE, label_selector="app=test,already_checked!=True,!airflow-worker")
    assert [found.metadata.name for found in unchecked.items] == ["b"]
    assert core.list_namespaced_pod("other").items == []
    assert len(core.list_pod_for_all_namespaces().items) == 2
    core.patch_namespaced_pod("a", NAMESPACE, {"metadata": {"labels": {"already_checked": None}}})
    assert len(core.list_namespaced_pod(NAMESPACE, label_selector="!already_checked").items) == 2


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"kind": "Job"}, 400, "expected a v1 Pod"),
        ({"spec": {"containers": [{"name": "base", "image": IMAGE}], "unknown": 1}}, 422, "unknown"),
        ({"spec": {"containers": [{"name": "base", "image": IMAGE, "args": [1]}]}}, 422, "args"),
        ({"spec": {"containers": []}}, 422, "containers"),
        ({"spec": {"containers": [{"name": "Base", "image": IMAGE}]}}, 422, "RFC 1123"),
        ({"spec": {"containers": [{"name": "base"}]}}, 422, "image"),
        ({"spec": {"containers": [{"name": "base", "image": IMAGE}]}}, 422, "never restarted"),
        ({"metadata": {"name": "p_1"}}, 422, "RFC 1123"),
        ({"metadata": {"name": "p", "labels": {"a": "{{ x }}"}}}, 422, "label value"),
        ({"metadata": {"name": "p", "labels": {"a": "x" * 64}}}, 422, "label value"),
        ({"metadata": {"name": "p", "labels": {"a b": "x"}}}, 422, "qualified name"),
        ({"metadata": {"name": "p", "annotations": {"a": "x" * 300_000}}}, 422, "annotations"),
        ({"metadata": {"name": "p", "namespace": "other"}}, 400, "namespace"),
    ],
)
def test_bad_pods_are_refused(core: client.CoreV1Api, change: dict[str, Any], code: int, said: str) -> None:
    with pytest.raises(client.ApiException) as refusal:
        core.create_namespaced_pod(NAMESPACE, pod() | change)
    assert refusal.value.status == code
    assert said in refusal.value.body


def test_what_is_not_there_or_not_allowed(core: client.CoreV1Api, api_server: ApiServer) -> None:
    core.create_namespaced_pod(NAMESPACE, pod())
    refused: list[tuple[int, Callable[[], Any]]] = [
        (404, lambda: core.read_namespaced_pod("none", NAMESPACE)),
        (404, lambda: core.delete_namespaced_pod("none", NAMESPACE)),
        (404, lambda: core.list_node()),
        (409, lambda: core.create_namespaced_pod(NAMESPACE, pod())),
        (422, lambda: core.patch_namespaced_pod("p", NAMESPACE, {"spec": {"hostname": "x"}})),
        (403, lambda: core.list_namespaced_event(NAMESPACE, watch=True)),
        (400, lambda: core.list_namespaced_pod(NAMESPACE, label_selector="a=b c")),
    ]
    for code, request in refused:
        with pytest.raises(client.ApiException) as refusal:
            request()
        assert refusal.value.status == code
    api_server.token = "another"
    with pytest.raises(client.ApiException, match="401"):
        core.list_namespaced_pod(NAMESPACE)


def test_requests_and_pods_are_recorded(core: client.CoreV1Api, api_server: ApiServer) -> None:
    posted = pod()
    core.create_namespaced_pod(NAMESPACE, posted)
    core.list_namespaced_pod(NAMESPACE, label_selector="app=test")
    assert api_server.store.created == [posted]
    assert [(request.method, request.path, request.code) for request in api_server.requests] == [
        ("POST", "/api/v1/namespaces/nightjar/pods", 201),
        ("GET", "/api/v1/namespaces/nightjar/pods", 200),
    ]
    assert api_server.requests[1].query == {"labelSelector": "app=test"}


def test_faults_befall_the_chosen_pods(core: client.CoreV1Api, api_server: ApiServer) -> None:
    def named(name: str) -> Callable[[dict[str, Any]], bool]:
        return lambda posted: bool(posted["metadata"]["name"] == name)

    api_server.faults.add(named("memory"), OutOfMemory(0.2))
    api_server.faults.add(named("evicted"), Evict(0.2))
    api_server.faults.add(named("instead"), RunInstead(("python", "-c", "raise SystemExit(75)")), times=1)
    api_server.faults.add(named("lost"), Vanish(0.2))
    for name in ("memory", "evicted", "instead", "lost"):
        core.create_namespaced_pod(NAMESPACE, pod(name, ENDLESS))
    wait_until_gone(core, "lost")
    memory = wait_for(core, ended, "memory")
    assert (terminated(memory).exit_code, terminated(memory).reason) == (137, "OOMKilled")
    evicted = wait_for(core, ended, "evicted")
    assert (evicted.status.phase, evicted.status.reason) == ("Failed", "Evicted")
    assert terminated(wait_for(core, ended, "instead")).exit_code == 75
    core.delete_namespaced_pod("instead", NAMESPACE)
    core.create_namespaced_pod(NAMESPACE, pod("instead"))
    assert terminated(wait_for(core, ended, "instead")).exit_code == 0


def test_a_slow_log_comes_late(core: client.CoreV1Api, api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, SlowLog(0.3))
    core.create_namespaced_pod(NAMESPACE, pod(code="print(1); print(2)"))
    wait_for(core, ended)
    began = time.monotonic()
    assert log_of(core) == "1\n2\n"
    assert time.monotonic() - began > 0.6


def test_the_api_fails_for_a_while(core: client.CoreV1Api, api_server: ApiServer) -> None:
    api_server.faults.fail_requests(429, 1, method="GET", path=r"/pods($|\?)", retry_after=1)
    api_server.faults.fail_requests(500, 1, path="/events")
    assert core.list_namespaced_pod(NAMESPACE).items == []  # the client itself heeds Retry-After
    with pytest.raises(client.ApiException, match="500"):
        core.list_namespaced_event(NAMESPACE)
    assert core.list_namespaced_event(NAMESPACE).items == []
    assert [request.code for request in api_server.requests] == [429, 200, 500, 200]


def test_no_process_outlives_the_server(core: client.CoreV1Api, api_server: ApiServer) -> None:
    core.create_namespaced_pod(NAMESPACE, pod(code=ENDLESS))
    wait_for(core, running)
    began = time.monotonic()
    api_server.__exit__(None, None, None)
    assert time.monotonic() - began < 20
