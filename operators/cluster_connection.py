"""How the Kubernetes API is reached: by Airflow's connection, and without one as Airflow's operators do."""

import os
from collections.abc import Mapping
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.common.compat.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

DEFAULT: str = AsyncKubernetesHook.default_conn_name
_SAY_HOW = ("in_cluster", "kube_config_path", "kube_config")
_IN_A_POD = "KUBERNETES_SERVICE_HOST"  # the kubelet sets it in every pod


def connection_to(connection: str | None) -> dict[str, Any]:
    """The arguments of Airflow's AsyncKubernetesHook for this connection, which need not be there."""
    try:
        extras = dict(BaseHook.get_connection(connection).extra_dejson) if connection else {}
    except AirflowNotFoundException:
        extras = {}
    return {"conn_id": connection, "connection_extras": extras, "in_cluster": in_cluster(extras, os.environ)}


def in_cluster(extras: Mapping[str, Any], environment: Mapping[str, str]) -> bool | None:
    """Whether to go by the service account of this pod: where a connection does not say how (None: it does).

    The hook that waits asynchronously looks for a kubeconfig then, which no pod has; the other one tries this first.
    """
    if any(extras.get(name) or extras.get(f"extra__kubernetes__{name}") for name in _SAY_HOW):
        return None
    return True if environment.get(_IN_A_POD) else None
