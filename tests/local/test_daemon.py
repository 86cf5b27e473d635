"""The deployment that stays: started once, healed when a process of it dies, stopped whole.

The tests share it, and the last one ends it. It has the DAGs of Nightjar and `probe`, but no images of stages.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from botocore.exceptions import ClientError

from nightjar.errors import NightjarError
from nightjar.runtime.airflow_api import AirflowApi, AirflowRefusedError
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.runs import HISTORY, LIVE, WATCH
from nightjar_local import journal, processes
from nightjar_local.airflow import ADMIN, VIEWER
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.keeper import sessions
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from nightjar_local.settings import Settings, write_private
from nightjar_local.status import Status, as_table, status
from nightjar_local.up import exports, put_rules, set_images, start_once
from tests.end_to_end.local_runtime import Operator
from tests.plugins.web.routes import walk
from tests.plugins.web_world import make_pages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMPONENTS = ["seaweedfs", "api-server", "scheduler", "dag-processor", "triggerer"]
WORKER = "airflow worker -- LocalExecutor"


@dataclass(frozen=True)
class Up:
    """A deployment that `make up` has started."""

    daemon: Daemon
    settings: Settings
    api: Operator

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.daemon.directory, self.settings)

    def state(self, name: str) -> Status:
        """The state of a component."""
        return next(each for each in status(self.daemon.supervisor) if each.name == name)

    def members(self) -> list[psutil.Process]:
        """All of its processes."""
        return processes.members(self.settings.token, sessions(self.daemon.directory))

    def workers(self, doing: str = "") -> list[psutil.Process]:
        """The workers of the executor that do this."""
        return [each for each in self.members() if command(each).startswith(f"{WORKER}: {doing}")]

    def wait(self, awaited: str, reached: Callable[[], bool], timeout: float = 90.0) -> None:
        """Wait until `reached()`; an API server that is being started again is waited for too."""

        def ready() -> bool:
            try:
                return reached()
            except (NightjarError, psutil.NoSuchProcess, ClientError):
                return False

        try:
            processes.wait_for(awaited, ready, self.deployment.check, timeout=timeout, every=0.3)
        except LocalError as error:
            states = {
                (dag, str(run["dag_run_id"])): self.api.states(dag, str(run["dag_run_id"]))
                for dag in (WATCH, "probe")
                for run in self.api.runs(dag)[:2]
            }
            raise LocalError(f"{error}\n{states}\n{as_table(status(self.daemon.supervisor))}") from None


def command(process: psutil.Process) -> str:
    """Its command line; empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("daemon")
    shutil.copytree(ROOT / "dags", directory / "dags")
    shutil.copy(Path(__file__).with_name("probe.py"), directory / "dags")
    daemon = Daemon(directory / "deployment", directory / "dags")
    with pytest.MonkeyPatch.context() as patch:
        ui, s3 = processes.free_ports(2)
        patch.setenv("NIGHTJAR_UI_PORT", str(ui))
        patch.setenv("NIGHTJAR_S3_PORT", str(s3))
        assert daemon.supervisor.process() is None
        chosen = daemon.start()
        try:
            with Operator(Deployment(daemon.directory, chosen).url, chosen.password) as api:
                yield Up(daemon, chosen, api)
        finally:
            daemon.stop()


def test_it_starts_in_order_and_is_healthy(up: Up) -> None:
    entries = journal.read(up.daemon.supervisor.journal)
    started = {entry.component: entry.at for entry in entries if entry.kind == "started"}
    assert list(started)[:3] == ["supervisor", "seaweedfs", "api-server"]
    log = (up.daemon.directory / "logs" / "api-server.log").read_text()
    answers = re.search(r"^(\S+)\.\d+Z .*Application startup complete", log, re.MULTILINE)
    assert answers is not None
    assert f"{answers[1]}Z" <= min(started["scheduler"], started["dag-processor"], started["triggerer"])
    assert sorted(each.name for each in status(up.daemon.supervisor) if each.is_running) == sorted(COMPONENTS)
    assert up.api.is_healthy()


def connections(process: psutil.Process) -> Sequence[Any]:
    """The process's connections; none of one that has ended since it was listed, as those of the dag-processor do."""
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return ()


def test_it_is_private_and_started_once(up: Up) -> None:
    supervisor = up.daemon.supervisor.process()
    assert supervisor is not None
    assert up.daemon.start() == up.settings, "a second start does nothing"
    assert up.daemon.supervisor.process() == supervisor
    members = up.members()
    assert len(members) > 2 * len(COMPONENTS)
    listening = {
        each.laddr.ip for process in members for each in connections(process) if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    chosen = up.settings
    passwords = (chosen.password, chosen.viewer_password)
    secrets = (*passwords, chosen.secret_access_key, chosen.fernet_key, chosen.jwt_secret, chosen.api_secret)
    commands = " ".join(command(process) for process in members)
    logs = "".join(log.read_text(errors="replace") for log in (up.daemon.directory / "logs").iterdir())
    assert not [secret for secret in secrets if secret in commands + logs]
    readable_by_others = [path for path in up.daemon.directory.rglob("*.json") if path.stat().st_mode & 0o077]
    assert readable_by_others == []
    assert up.daemon.directory.stat().st_mode & 0o077 == 0, "or others could read footage"
    assert up.api.import_errors() == []
    with (
        AirflowApi(up.deployment.url, "not the password") as stranger,
        pytest.raises(AirflowRefusedError, match="refused the login with 401"),
    ):
        stranger.dags()


def test_its_pages_ask_airflow_who_may_what(up: Up) -> None:
    """The viewer may read every page and change nothing, which the audit log keeps; nobody else gets in."""
    routes = list(walk(make_pages().routes))
    changing = next(route for route in routes if route.changes).address()
    # Airflow shows the log's lines of DAGs that it has read from their files, which takes a while after the start.
    up.wait("the DAGs to be read", lambda: {WATCH, LIVE, HISTORY} <= set(up.api.dags()))
    passwords = {ADMIN: up.settings.password, VIEWER: up.settings.viewer_password}
    with httpx.Client(base_url=up.deployment.url, trust_env=False) as nobody:
        tokens = {
            name: nobody.post("/auth/token", json={"username": name, "password": password}).json()["access_token"]
            for name, password in passwords.items()
        }
        assert {nobody.get(each.address()).status_code for each in routes} == {401}
        assert nobody.get("/nightjar-ui/", headers={"Authorization": "Bearer none"}).status_code == 401
    for name, token in tokens.items():
        cookie, ours = {"_token": token}, {"Sec-Fetch-Site": "same-origin"}
        with httpx.Client(
            base_url=up.deployment.url, trust_env=False, cookies=cookie, follow_redirects=True
        ) as browser:
            first = browser.get("/nightjar-ui/")
            assert first.status_code == 200 and "<nav" in first.text
            assert first.headers["content-security-policy"].startswith("default-src 'none'")
            assert browser.post(changing, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
            status = browser.post(changing, headers=ours).status_code
            assert (status == 403) == (name == VIEWER), status
            refused = browser.get("/api/v2/eventLogs", params={"event": "nightjar.refused"}).json()["event_logs"]
    address = f"POST {changing}"
    assert (VIEWER, address) in {(line["owner"], json.loads(line["extra"])["address"]) for line in refused}


def test_its_dags_are_let_run_once_and_a_shell_can_use_it(up: Up, tmp_path: Path) -> None:
    put_rules(up.deployment.access)
    set_images(up.api, {"an earlier": "make up was interrupted here"})
    assert set_images(up.api, {}) == {"an earlier": "make up was interrupted here"}
    start_once(up.api)
    assert not any(dag["is_paused"] for dag in up.api.dags().values())
    up.wait("a run of the watch", lambda: bool(up.api.runs(WATCH)))
    up.api.pause(HISTORY, paused=True)
    start_once(up.api)
    assert up.api.dags()[HISTORY]["is_paused"], "what somebody has paused stays paused"

    write_private(tmp_path / "env", exports(up.deployment))
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
    assert up.settings.token not in (tmp_path / "env").read_text(), "a person's shell is not the deployment's to end"


def shell(*commands: str) -> str:
    """The output of these commands, one after the other, in a shell of somebody who has nothing set."""
    result = subprocess.run(
        ["bash", "-euc", "\n".join(commands)],
        env={"PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def work(up: Up, run: str, file: Path) -> Callable[[], bool]:
    """Start a run of `probe`; gives whether it has succeeded."""
    up.api.trigger("probe", run, {"file": str(file)})
    return lambda: up.api.state("probe", run) == "success"


def test_an_idle_worker_that_is_killed_holds_nobody_up(up: Up, tmp_path: Path) -> None:
    up.wait("all workers to be idle", lambda: len(up.workers("<idle>")) == len(up.workers()) > 0)
    before = up.state("scheduler").restarts
    for worker in up.workers():  # the one that holds the queue's lock among them
        worker.kill()
    (tmp_path / "done").touch()
    up.wait("a task that wants a worker", work(up, "idle", tmp_path / "done"))
    scheduler = up.state("scheduler")
    assert scheduler.restarts == before + 1
    assert re.search(
        r"exit code 70: worker \d+ of the executor (was killed by SIGKILL|has ended)", scheduler.last_death
    )


def test_a_busy_worker_that_is_killed_is_noticed_at_once(up: Up, tmp_path: Path) -> None:
    before = up.state("scheduler").restarts
    is_done = work(up, "busy", tmp_path / "done")
    up.wait("the task to work", lambda: any("sleep 600" in command(each) for each in up.members()))
    [sleep] = [each for each in up.members() if "sleep 600" in command(each)]
    [busy] = [each for each in sleep.parents() if command(each).startswith(WORKER)]
    (tmp_path / "done").touch()
    busy.kill()
    killed = time.monotonic()
    up.wait("the task to be done after all", is_done)
    assert time.monotonic() - killed < 90  # not the 300 s of a late heartbeat
    assert not sleep.is_running()
    assert up.state("scheduler").restarts == before + 1


def kill(up: Up, name: str) -> None:
    """Kill a component, and wait until it is started again and all is healthy; no other may have been touched."""
    others = {each.name: each.restarts for each in status(up.daemon.supervisor) if each.name != name}
    [component] = [each for each in up.daemon.supervisor.components() if each.name == name]
    [process] = psutil.Process(component.pid).children()
    process.kill()
    up.wait(f"{name} to be started again", lambda: up.state(name).restarts == 1)
    up.daemon.start()  # as the next `make up` does
    assert up.state(name).last_death.endswith("Z killed by SIGKILL")
    assert f"exited: {name} (terminated by SIGKILL" in up.daemon.supervisor.log.read_text()
    assert {each.name: each.restarts for each in status(up.daemon.supervisor) if each.name != name} == others


def test_a_killed_s3_server_is_started_again_with_all_it_had(up: Up) -> None:
    access = up.deployment.access
    client = access.client()
    client.put_object(Bucket=access.bucket, Key="before", Body=b"the fault")
    kill(up, "seaweedfs")
    up.wait("its object", lambda: client.get_object(Bucket=access.bucket, Key="before")["Body"].read() == b"the fault")


def test_a_killed_triggerer_is_started_again_and_sees_footage(up: Up) -> None:
    run = str(up.api.runs(WATCH)[0]["dag_run_id"])
    kill(up, "triggerer")
    access = up.deployment.access
    name = f"bob-lobby-{int(datetime.now(UTC).timestamp()) - 30}.jpg"
    access.client().put_object(Bucket=access.bucket, Key=f"{INCOMING}{name}", Body=b"a picture")
    up.wait("the footage to be seen", lambda: up.api.states(WATCH, run).get("wait_for_footage") == "success")


def test_a_killed_supervisor_leaves_nothing_behind_and_no_start_erases_why(up: Up) -> None:
    supervisor = up.daemon.supervisor.process()
    assert supervisor is not None
    supervisor.kill()
    processes.wait_for("all to end", lambda: up.members() == [], lambda: None, timeout=60)
    assert up.daemon.supervisor.process() is None
    assert not up.daemon.stop(), "there is nothing left to stop"

    up.deployment.spawn(up.deployment.home, {}, with_parent=True)  # the next `make up`, before any component starts
    scheduler = up.state("scheduler")
    assert (scheduler.state, scheduler.restarts) == ("stopped", 0)
    assert scheduler.last_death.endswith("its supervisor was killed")
    assert "Application startup complete" in (up.daemon.directory / "logs" / "api-server.log").read_text()
    assert up.daemon.stop()
    assert up.members() == []
    assert not up.daemon.stop(), "a second stop does nothing"
