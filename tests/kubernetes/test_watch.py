"""Watching pods, and what befalls the API server itself, as the real `kubernetes` client sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from kubernetes import watch as watching
from urllib3.exceptions import HTTPError

from tests.kubernetes.faults import OutOfMemory, RunInstead, Unschedulable
from tests.kubernetes.server import ApiServer
from tests.kubernetes.test_server import ENDLESS, NAMESPACE, ended, pod, terminated, wait_for


def watched(core: client.CoreV1Api, version: str = "0", **options: Any) -> list[tuple[str, str]]:
    """Kind and phase of the events of a second."""
    events = watching.Watch().stream(
        core.list_namespaced_pod, NAMESPACE, resource_version=version, **({"timeout_seconds": 1} | options)
    )
    return [(event["type"], event["object"].status.phase) for event in events if event["type"] != "BOOKMARK"]


def test_a_watch_sees_each_change_of_the_pods_it_selects(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("other", ENDLESS))
    core.create_namespaced_pod(NAMESPACE, pod("p"))
    wait_for(core, ended)
    core.delete_namespaced_pod("p", NAMESPACE)
    seen = watched(core, field_selector="metadata.name=p")
    assert [seen[0], seen[-1]] == [("ADDED", "Pending"), ("DELETED", "Succeeded")]
    assert {kind for kind, _ in seen[1:-1]} == {"MODIFIED"}
    assert ("MODIFIED", "Running") in seen
    last = core.list_namespaced_pod(NAMESPACE).metadata.resource_version
    assert watched(core, last) == []


def test_a_watch_ends_with_a_bookmark(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("p", ENDLESS))
    answer = core.list_namespaced_pod(NAMESPACE, watch=True, timeout_seconds=1, _preload_content=False)
    assert b'"BOOKMARK"' in answer.data.splitlines()[-1]


def test_a_version_that_is_forgotten_is_gone(core: client.CoreV1Api, api_server: ApiServer) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("p", ENDLESS))
    api_server.store.forget()
    with pytest.raises(client.ApiException) as error:
        list(watching.Watch().stream(core.list_namespaced_pod, NAMESPACE, resource_version="1", timeout_seconds=1))
    assert error.value.status == 410


def test_a_connection_can_be_cut(core: client.CoreV1Api, api_server: ApiServer) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("p", ENDLESS))
    threading.Timer(0.3, api_server.cut).start()
    # The client takes it for an end, or for an error; it does not wait for the hour.
    try:
        watched(core, timeout_seconds=3600)
    except (HTTPError, client.ApiException):
        return


def test_an_api_server_that_is_away_answers_nobody(core: client.CoreV1Api, api_server: ApiServer) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("p", "import time; time.sleep(0.2)"))
    core.api_client.configuration.retries = False
    with api_server.away(), pytest.raises(HTTPError):
        core.read_namespaced_pod("p", NAMESPACE)
    wait_for(core, ended)


def test_a_pod_that_finds_no_node_says_so(core: client.CoreV1Api, api_server: ApiServer) -> None:
    sentence = "0/1 nodes are available: 1 Insufficient memory."
    api_server.faults.add(lambda _: True, Unschedulable(sentence, seconds=0.5))
    core.create_namespaced_pod(NAMESPACE, pod("p"))
    waiting = wait_for(core, lambda found: found.status.conditions)
    [condition] = waiting.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable")
    assert condition.message == sentence
    assert waiting.status.container_statuses is None
    wait_for(core, ended)


def test_the_log_s_end_is_the_message_of_a_container_out_of_memory(
    core: client.CoreV1Api, api_server: ApiServer
) -> None:
    """As a real kubelet fills it, for whatever exit code is not 0."""
    api_server.faults.add(lambda _: True, RunInstead(("sh", "-c", "echo at work; sleep 60")), OutOfMemory(0.5))
    core.create_namespaced_pod(NAMESPACE, pod(container={"terminationMessagePolicy": "FallbackToLogsOnError"}))
    end = terminated(wait_for(core, ended))
    assert (end.exit_code, end.reason, end.message) == (137, "OOMKilled", "at work")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        ("quota", "exceeded quota"),
        ("account", 'error looking up service account nightjar/nobody: serviceaccount "nobody" not found'),
        ("role", 'cannot create resource "pods"'),
    ],
)
def test_a_pod_that_is_not_admitted(core: client.CoreV1Api, api_server: ApiServer, prepare: str, says: str) -> None:
    if prepare == "quota":
        api_server.faults.exceed_quota(times=1)
    elif prepare == "role":
        api_server.faults.forbid("create", "pods")
    else:
        api_server.service_accounts = frozenset({"default"})
    with pytest.raises(client.ApiException) as error:
        core.create_namespaced_pod(NAMESPACE, pod(serviceAccountName="nobody"))
    assert error.value.status == 403 and says in error.value.body.replace("\\", "")


@pytest.mark.parametrize(
    ("verb", "resource", "forbidden"),
    [
        ("watch", "pods", {"watch"}),
        ("list", "pods", {"list", "get", "watch"}),
        ("get", "pods/log", {"log"}),
        ("delete", "pods", {"delete"}),
    ],
)
def test_a_role_without_a_right(
    core: client.CoreV1Api, api_server: ApiServer, verb: str, resource: str, forbidden: set[str]
) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("p"))
    wait_for(core, ended)
    api_server.faults.forbid(verb, resource)
    asked: dict[str, Callable[[], Any]] = {
        "list": lambda: core.list_namespaced_pod(NAMESPACE, _preload_content=False),
        "watch": lambda: core.list_namespaced_pod(NAMESPACE, watch=True, timeout_seconds=0, _preload_content=False),
        "get": lambda: core.read_namespaced_pod("p", NAMESPACE),
        "log": lambda: core.read_namespaced_pod_log("p", NAMESPACE, _preload_content=False),
        "delete": lambda: core.delete_namespaced_pod("p", NAMESPACE),
    }
    refused = set()
    for name, ask in asked.items():
        try:
            ask()
        except client.ApiException as error:
            assert error.status == 403
            refused.add(name)
    assert refused == forbidden
