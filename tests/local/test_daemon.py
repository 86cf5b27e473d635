"""The deployment that stays: started once, healed when a process of it dies, stopped whole.

Its stages are the small programs of `stage_programs`. The tests share it, and the last ones end it.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from nightjar.domain.layout import HISTORY, INCOMING, LIVE, WATCH
from nightjar_local import airflow, journal, processes
from nightjar_local.airflow_api import AirflowApi
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.keeper import sessions
from nightjar_local.processes import LocalError
from nightjar_local.settings import Settings, write_private
from nightjar_local.status import Status, as_table, status
from nightjar_local.up import exports, put_rules, set_images, start_once
from tests.end_to_end.local_runtime import Operator
from tests.operators.stage_programs import MISBEHAVE, build_images, misbehave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMPONENTS = ["seaweedfs", "api-server", "scheduler", "dag-processor", "triggerer"]
WORKER = "airflow worker -- LocalExecutor"


@dataclass(frozen=True)
class Up:
    """A deployment that `make up` has started."""

    daemon: Daemon
    settings: Settings
    images: dict[str, str]
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
            except (LocalError, psutil.NoSuchProcess):
                return False

        try:
            processes.wait_for(awaited, ready, self.deployment.check, timeout=timeout, every=0.3)
        except LocalError as error:
            states = {
                (dag, str(run["dag_run_id"])): self.api.states(dag, str(run["dag_run_id"]))
                for dag in (WATCH, LIVE)
                for run in self.api.runs(dag)[:2]
            }
            raise LocalError(f"{error}\n{states}\n{as_table(status(self.daemon.supervisor))}") from None

    def sensor(self) -> str:
        """The state of the sensor of the newest watch run; empty before there is one."""
        run = str(self.api.runs(WATCH)[0]["dag_run_id"])
        return self.api.states(WATCH, run).get("wait_for_footage") or ""


def command(process: psutil.Process) -> str:
    """Its command line; empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("daemon")
    images = build_images(directory / "images")
    daemon = Daemon(directory / "deployment")
    with pytest.MonkeyPatch.context() as patch:
        ui, s3 = processes.free_ports(2)
        patch.setenv("NIGHTJAR_UI_PORT", str(ui))
        patch.setenv("NIGHTJAR_S3_PORT", str(s3))
        patch.setattr(airflow, "IMAGES", directory / "images")
        assert daemon.supervisor.process() is None
        chosen = daemon.start()
        try:
            with Operator(Deployment(daemon.directory, chosen).url, chosen.password) as api:
                yield Up(daemon, chosen, images, api)
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


def test_it_is_private_and_started_once(up: Up) -> None:
    supervisor = up.daemon.supervisor.process()
    assert supervisor is not None
    assert up.daemon.start() == up.settings, "a second start does nothing"
    assert up.daemon.supervisor.process() == supervisor
    members = up.members()
    assert len(members) > 2 * len(COMPONENTS)
    listening = {
        each.laddr.ip
        for process in members
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    chosen = up.settings
    secrets = (chosen.password, chosen.secret_access_key, chosen.fernet_key, chosen.jwt_secret, chosen.api_secret)
    commands = " ".join(command(process) for process in members)
    logs = "".join(log.read_text(errors="replace") for log in (up.daemon.directory / "logs").iterdir())
    assert not [secret for secret in secrets if secret in commands + logs]
    readable_by_others = [path for path in up.daemon.directory.rglob("*.json") if path.stat().st_mode & 0o077]
    assert readable_by_others == []
    assert up.daemon.directory.stat().st_mode & 0o077 == 0, "or others could read footage"
    assert up.api.import_errors() == []
    with (
        AirflowApi(up.deployment.url, "not the password") as stranger,
        pytest.raises(LocalError, match="refused the login with 401"),
    ):
        stranger.dags()


def test_its_dags_are_let_run_once_and_a_shell_can_use_it(up: Up, tmp_path: Path) -> None:
    put_rules(up.deployment.access)
    assert set_images(up.api, dict(up.images)) == up.images
    assert set_images(up.api, {}) == up.images, "an earlier `make up` was interrupted here"
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


def test_an_idle_worker_that_is_killed_holds_nobody_up(up: Up) -> None:
    up.wait("the sensor to wait", lambda: up.sensor() == "deferred")
    up.wait("all workers to be idle", lambda: len(up.workers("<idle>")) == len(up.workers()) > 0)
    before = up.state("scheduler").restarts
    for worker in up.workers():  # the one that holds the queue's lock among them
        worker.kill()
    run = str(up.api.runs(WATCH)[0]["dag_run_id"])
    up.api.clear(WATCH, run)  # so that a task wants a worker
    up.wait("the scheduler to be started again", lambda: up.state("scheduler").restarts == before + 1)
    up.wait("the sensor to wait again", lambda: up.sensor() == "deferred")
    assert re.search(
        r"exit code 70: worker \d+ of the executor was killed by SIGKILL", up.state("scheduler").last_death
    )


def test_a_busy_worker_that_is_killed_is_noticed_at_once(up: Up) -> None:
    before = up.state("scheduler").restarts
    collect = airflow.IMAGES / "collect" / up.images["collect"]
    misbehave(collect, kind="hang")
    put(up, f"alice-porch-{int(datetime.now(UTC).timestamp()) - 30}.jpg")
    up.wait("collect to hang", lambda: any("nightjar_collect" in command(each) for each in up.members()))
    [stage] = [each for each in up.members() if "nightjar_collect" in command(each)]
    [busy] = [each for each in stage.parents() if command(each).startswith(WORKER)]
    (collect / MISBEHAVE).unlink()
    busy.kill()
    killed = time.monotonic()
    up.wait("collect to be done after all", lambda: bool(up.api.runs(LIVE)))
    assert time.monotonic() - killed < 90  # not the 300 s of a late heartbeat
    assert not stage.is_running()
    assert up.state("scheduler").restarts == before + 1


def put(up: Up, name: str) -> None:
    access = up.deployment.access
    access.client().put_object(Bucket=access.bucket, Key=f"{INCOMING}{name}", Body=b"a picture")


@pytest.mark.parametrize("name", ["triggerer", "seaweedfs"])
def test_a_component_that_is_killed_is_started_again_and_told(up: Up, name: str) -> None:
    others = {each.name: each.restarts for each in status(up.daemon.supervisor) if each.name != name}
    [component] = [each for each in up.daemon.supervisor.components() if each.name == name]
    [process] = psutil.Process(component.pid).children()
    process.kill()
    up.wait(f"{name} to be started again", lambda: up.state(name).restarts == 1)
    up.daemon.start()  # as the next `make up`: waits until all is healthy
    assert up.state(name).last_death.endswith("Z killed by SIGKILL")
    assert f"exited: {name} (terminated by SIGKILL" in up.daemon.supervisor.log.read_text()
    assert {each.name: each.restarts for each in status(up.daemon.supervisor) if each.name != name} == others
    put(up, f"bob-lobby-{int(datetime.now(UTC).timestamp()) - 30}.jpg")
    runs = len(up.api.runs(LIVE))
    up.wait("the footage to be seen", lambda: len(up.api.runs(LIVE)) > runs)


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
