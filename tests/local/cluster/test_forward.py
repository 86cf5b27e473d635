"""A forwarded port: what callers and a person at the terminal see of connections that fail."""

import socket
import threading
from pathlib import Path

import pytest

from nightjar_local.cluster.forward import forwarded
from tests.local.cluster.fake import FakeKubernetes


def test_a_caller_sees_a_closed_connection_where_the_cluster_cannot_be_reached(tmp_path: Path) -> None:
    with (
        forwarded(FakeKubernetes(tmp_path), "nightjar", "airflow", 8080) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as caller,
    ):
        assert caller.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=30)


@pytest.mark.parametrize(
    ("name", "error", "is_told"),
    [
        ("Kubernetes port forward proxy: 8080", ConnectionResetError("gone"), False),
        ("Kubernetes port forward proxy: 8080", ValueError("a fault"), True),
        ("another", ConnectionResetError("gone"), True),
    ],
)
def test_only_the_end_of_a_connection_is_no_traceback(
    name: str, error: Exception, is_told: bool, tmp_path: Path
) -> None:
    told: list[threading.ExceptHookArgs] = []

    def die() -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", told.append)
        with forwarded(FakeKubernetes(tmp_path), "nightjar", "airflow", 8080):
            thread = threading.Thread(target=die, name=name)
            thread.start()
            thread.join()
        assert bool(told) is is_told
        assert threading.excepthook == told.append
