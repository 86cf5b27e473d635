"""An API server whose one image is the environment that the tests run in, and the real client on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

from tests.kubernetes.images import LocalImage
from tests.kubernetes.server import ApiServer

IMAGE = "registry.example.com/nightjar/test:1.0.0"


def only_test_image(reference: str) -> LocalImage | None:
    """A registry with the one image."""
    return LocalImage(Path(sys.prefix) / "bin", ("python", "-c", "print('entrypoint')")) if reference == IMAGE else None


@pytest.fixture
def api_server(tmp_path: Path) -> Iterator[ApiServer]:
    secrets = {"s3": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}}
    config_maps = {"settings": {"COLOUR": "blue"}}
    with ApiServer(only_test_image, tmp_path / "pods", secrets, config_maps) as server:
        yield server


@pytest.fixture
def kubeconfig(api_server: ApiServer, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(api_server.kubeconfig("nightjar")))
    return path


@pytest.fixture
def core(kubeconfig: Path) -> Iterator[client.CoreV1Api]:
    """The real client."""
    with config.new_client_from_config(str(kubeconfig)) as api_client:
        yield client.CoreV1Api(api_client)
