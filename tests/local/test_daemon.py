"""The deployment that stays up: started once, watched, stopped whole, also after its supervisor was killed."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nightjar.domain.layout import HISTORY, LIVE, WATCH
from nightjar_local import processes
from nightjar_local.airflow_api import AirflowApi
from nightjar_local.daemon import Daemon
from nightjar_local.processes import LocalError
from nightjar_local.settings import write_private
from nightjar_local.up import access_of, exports, set_images, start_once, url_of
from tests.end_to_end.local_runtime import Operator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


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
    assert daemon.directory.stat().st_mode & 0o077 == 0, "or others could read footage"
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


def test_its_dags_are_let_run_once_and_a_shell_can_use_it(daemon: Daemon, tmp_path: Path) -> None:
    chosen = daemon.start()
    access = access_of(chosen)
    with Operator(url_of(chosen), chosen.password) as api:
        set_images(api, {"an earlier": "make up was interrupted here"})
        assert set_images(api, {}) == {"an earlier": "make up was interrupted here"}
        start_once(api)
        assert not any(dag["is_paused"] for dag in api.dags().values())
        processes.wait_for("a run of the watch", lambda: bool(api.runs(WATCH)), [], timeout=60)
        api.pause(HISTORY, paused=True)
        start_once(api)
        assert api.dags()[HISTORY]["is_paused"], "what somebody has paused stays paused"

    write_private(tmp_path / "env", exports(chosen, access, daemon.directory))
    (tmp_path / "me.jpg").write_bytes(b"a picture")
    said = shell(
        f"cd {tmp_path} && source ./env",
        "airflow dags list --output plain",
        "airflow backfill create --dag-id nightjar_history --from-date 2026-11-18 --to-date 2026-11-19 --dry-run",
        "aws s3 cp me.jpg s3://$NIGHTJAR_BUCKET/outbox/me.jpg",
        "aws s3 ls --recursive s3://$NIGHTJAR_BUCKET/outbox/",
        "nightjar export --help",
    )
    assert {WATCH, LIVE, HISTORY} <= set(said.split())
    assert "2026-11-18" in said
    assert re.search(r"^20[0-9-]+ [0-9:]+ +9 outbox/me.jpg$", said, re.MULTILINE)
    assert chosen.token not in (tmp_path / "env").read_text(), "a person's shell is not the deployment's to end"


def shell(*commands: str) -> str:
    """What these commands print, one after the other, in a shell of somebody who has nothing set."""
    result = subprocess.run(
        ["bash", "-euc", "\n".join(commands)],
        env={"PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


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
