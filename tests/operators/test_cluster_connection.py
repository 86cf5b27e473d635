"""How the Kubernetes API is reached: from a pod without any connection, and by what a connection says."""

import asyncio
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

from nightjar.errors import UsageError
from operators.cluster_connection import connection_to, in_cluster
from operators.pods_api import PodsApi

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.mark.parametrize(
    ("extras", "environment", "expected"),
    [
        ({}, POD, True),
        ({"namespace": "x", "in_cluster": False}, POD, True),
        ({"in_cluster": True}, POD, None),
        ({"kube_config_path": "/x"}, POD, None),
        ({"kube_config": {"kind": "Config"}}, POD, None),
        ({"extra__kubernetes__kube_config_path": "/x"}, POD, None),
        ({}, {}, None),  # a laptop: the default kubeconfig
    ],
)
def test_the_service_account_counts_where_nothing_else_is_said(
    extras: dict[str, Any], environment: dict[str, str], expected: bool | None
) -> None:
    assert in_cluster(extras, environment) is expected


@pytest.mark.parametrize("connection", [None, "kubernetes_default", "there_is_none"])
def test_a_pod_needs_no_connection(connection: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in POD.items():
        monkeypatch.setenv(name, value)
    arguments = connection_to(connection)
    assert arguments == {"conn_id": connection, "connection_extras": {}, "in_cluster": True}

    api = PodsApi(AsyncKubernetesHook(**arguments), "nightjar")
    # This machine has no account, of which it says so, and not that it has no kubeconfig.
    with pytest.raises(UsageError, match=r"expected a service account, or a connection .*: Service token file"):
        asyncio.run(api.read("p"))
