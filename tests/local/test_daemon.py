"""The deployment that stays up: started once, watched, stopped whole, also after its supervisor was killed."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nightjar_local import processes
from nightjar_local.airflow_api import AirflowApi
from nightjar_local.daemon import Daemon
from nightjar_local.processes import LocalError

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    ui, s3 = processes.free_ports(2)
    monkeypatch.setenv("NIGHTJAR_UI_PORT", str(ui))
    monkeypatch.setenv("NIGHTJAR_S3_PORT", str(s3))
    deployment = Daemon(tmp_path / "deployment")
    yield deployment
    deployment.stop()


def test_it_is_healthy_private_and_stops_whole(daemon: Daemon) -> None:
    assert daemon.supervisor() is None
    chosen = daemon.start()
    supervisor = daemon.supervisor()
    assert supervisor is not None
    assert daemon.start() == chosen, "a second start does nothing"
    assert daemon.supervisor() == supervisor
    found = processes.members(chosen.token)
    listening = {
        each.laddr.ip for one in found for each in one.net_connections("inet") if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    secrets = (chosen.password, chosen.secret_access_key, chosen.fernet_key, chosen.jwt_secret, chosen.api_secret)
    commands = " ".join(word for one in found for word in one.cmdline())
    logs = "".join(log.read_text(errors="replace") for log in (daemon.directory / "logs").iterdir())
    assert not [secret for secret in secrets if secret in commands + logs]
    readable_by_others = [path for path in daemon.directory.rglob("*.json") if path.stat().st_mode & 0o077]
    assert readable_by_others == []
    with AirflowApi(f"http://127.0.0.1:{chosen.ui_port}", chosen.password) as api:
        assert api.import_errors() == []
    with (
        AirflowApi(f"http://127.0.0.1:{chosen.ui_port}", "not the password") as stranger,
        pytest.raises(LocalError, match="refused the login with 401"),
    ):
        stranger.dags()

    assert daemon.stop()
    assert processes.members(chosen.token) == []
    assert not daemon.stop(), "a second stop does nothing"


def test_when_a_process_dies_it_says_so_and_stops_the_others(daemon: Daemon) -> None:
    chosen = daemon.start()
    [triggerer] = [
        one
        for one in processes.members(chosen.token)
        if "triggerer" in one.cmdline() and (parent := one.parent()) and "supervise" in parent.cmdline()
    ]
    triggerer.kill()
    deadline = time.monotonic() + 60
    while daemon.supervisor() is not None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert daemon.supervisor() is None
    assert "triggerer ended with exit code -9" in daemon.log.read_text()
    assert processes.members(chosen.token) == []


def test_what_a_killed_supervisor_left_is_stopped_too(daemon: Daemon) -> None:
    chosen = daemon.start()
    supervisor = daemon.supervisor()
    assert supervisor is not None
    supervisor.kill()
    supervisor.wait(10)
    assert processes.members(chosen.token) != []
    daemon.stop()
    assert processes.members(chosen.token) == []
