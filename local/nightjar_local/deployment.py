"""One deployment: SeaweedFS and Airflow's four processes, from one folder, started and stopped together."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nightjar_local import airflow, seaweedfs
from nightjar_local.airflow_api import AirflowApi
from nightjar_local.layout import ROOT
from nightjar_local.processes import Child, LocalError, ask_to_stop, stop, uninterrupted
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import Settings


@dataclass(frozen=True)
class Deployment:
    """A running deployment."""

    settings: Settings
    access: S3Access
    children: list[Child]

    @property
    def url(self) -> str:
        """The address of Airflow's UI and API."""
        return f"http://127.0.0.1:{self.settings.ui_port}"

    def api(self) -> AirflowApi:
        """A signed-in client of its Airflow."""
        return AirflowApi(self.url, self.settings.password)

    def check(self) -> None:
        """Raise LocalError, with the end of its log, if one of its processes has ended."""
        for child in self.children:
            if (code := child.exit_code()) is not None:
                raise LocalError(f"{child.name} ended with exit code {code}; its log ends with:\n{child.tail()}")

    def watch(self) -> None:
        """Return never; raise LocalError when one of its processes ends."""
        while True:
            self.check()
            time.sleep(1)


@contextlib.contextmanager
def running(directory: Path, settings: Settings, *, dags: Path = ROOT / "dags") -> Iterator[Deployment]:
    """Start everything, wait until it is healthy, and on the way out stop everything, with all it started."""
    access = S3Access(
        endpoint=f"http://127.0.0.1:{settings.s3_port}",
        bucket=settings.bucket,
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key,
    )
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)  # before there is footage in it, and also where somebody else has made it
    home, logs = directory / "airflow", directory / "logs"
    airflow.prepare(home, settings)
    store = seaweedfs.server(directory / "seaweedfs", access, settings.token, log=logs / "seaweedfs.log")
    processes = airflow.children(home, settings, access, dags, logs)
    children = [store, *processes]
    try:
        for child in children:
            child.start()
        seaweedfs.wait_until_ready(access, store)
        deployment = Deployment(settings, access, children)
        with deployment.api() as api:
            airflow.wait_until_healthy(api, children)
        yield deployment
    except KeyboardInterrupt:
        print("stopping what was started", file=sys.stderr, flush=True)
        raise
    finally:
        with uninterrupted():
            ask_to_stop(processes)  # before their store goes, which tasks that end early still write to
            stop(children, settings.token)
