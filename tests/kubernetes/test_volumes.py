"""Secrets that a pod mounts, as the real `kubernetes` client sees it."""

from __future__ import annotations

import time

from kubernetes import client

from tests.kubernetes.test_server import NAMESPACE, ended, log_of, pod, wait_for


def test_secrets_are_mounted_as_files(core: client.CoreV1Api) -> None:
    volumes = [
        {"name": "a", "secret": {"secretName": "s3"}},
        {"name": "b", "secret": {"secretName": "none", "optional": True}},
    ]
    container = {
        "env": [{"name": "SECRETS", "value": "/etc/secrets"}, {"name": "OTHER", "value": "/etc/secrets/more"}],
        "volumeMounts": [
            {"name": "a", "mountPath": "/etc/secrets/s3", "readOnly": True},
            {"name": "b", "mountPath": "/etc/secrets/none", "readOnly": True},
        ],
    }
    code = (
        "import os, pathlib; root = pathlib.Path(os.environ['SECRETS'])\n"
        "print((root / 's3' / 'AWS_ACCESS_KEY_ID').read_text(), sorted(p.name for p in root.iterdir()))\n"
        "print(os.environ['OTHER'])"
    )
    core.create_namespaced_pod(NAMESPACE, pod(code=code, container=container, volumes=volumes))
    wait_for(core, ended)
    assert log_of(core) == "key ['none', 's3']\n/etc/secrets/more\n"


def test_a_secret_that_is_not_there_holds_its_pod_up(core: client.CoreV1Api) -> None:
    volumes = [{"name": "a", "secret": {"secretName": "none"}}]
    container = {"volumeMounts": [{"name": "a", "mountPath": "/etc/secrets"}]}
    core.create_namespaced_pod(NAMESPACE, pod(container=container, volumes=volumes))
    for _ in range(100):
        if warnings := [each for each in core.list_namespaced_event(NAMESPACE).items if each.type == "Warning"]:
            break
        time.sleep(0.05)
    assert [(each.reason, each.message) for each in warnings] == [
        ("FailedMount", 'MountVolume.SetUp failed for volume "a" : secret "none" not found')
    ]
    assert core.read_namespaced_pod("p", NAMESPACE).status.container_statuses[0].state.waiting.reason == (
        "ContainerCreating"
    )
