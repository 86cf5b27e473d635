"""One deployment: SeaweedFS and Airflow's four components, from one folder, under one supervisor."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightjar.runtime.airflow_api import AirflowApi
from nightjar_local import airflow, journal, seaweedfs
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError, uninterrupted, wait_for
from nightjar_local.s3_server import access_of, check_bucket
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import Settings
from nightjar_local.supervision import Supervisor

HEALTHY_TIMEOUT = 180.0
DEATHS_AT_START = 3


@dataclass(frozen=True)
class Deployment:
    """The deployment in `directory`, whether it is up or not."""

    directory: Path
    settings: Settings

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor, which starts its components again."""
        return Supervisor(self.directory)

    @property
    def access(self) -> S3Access:
        """Its S3 server."""
        return access_of(self.settings)

    @property
    def home(self) -> Path:
        """Its AIRFLOW_HOME."""
        return self.directory / "airflow"

    @property
    def url(self) -> str:
        """The address of Airflow's UI and API."""
        return f"http://127.0.0.1:{self.settings.ui_port}"

    def api(self) -> AirflowApi:
        """A signed-in client of its Airflow."""
        return AirflowApi(self.url, self.settings.password)

    def check(self) -> None:
        """Raise LocalError, with the end of its log, if a component was given up, or if the supervisor is gone."""
        self.supervisor.check()

    def spawn(self, dags: Path, variables: Mapping[str, str], *, with_parent: bool) -> None:
        """Start the supervisor, and no component yet. `variables` are Airflow's, besides its usual ones."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)  # before there is footage in it, and also where somebody else has made it
        airflow.prepare(self.home, self.settings)
        token = self.settings.token
        store = []
        if self.settings.s3_endpoint is None:
            scratch = self.supervisor.scratch()
            store.append(seaweedfs.server(self.directory / seaweedfs.NAME, self.access, token, scratch))
        components = airflow.components(self.home, self.settings, self.access, dags, variables)
        self.supervisor.spawn(store, components, token, with_parent=with_parent)

    def bring_up(self) -> None:
        """Start what does not run, in order: the S3 server, Airflow's API server, the others.

        A scheduler without its API server would hand out tasks that cannot but fail. Raises LocalError if a component
        ends three times meanwhile, or if it takes more than three minutes.
        """
        earlier = len(journal.read(self.supervisor.journal))

        def check() -> None:
            self.check()
            entries = journal.read(self.supervisor.journal)[earlier:]
            deaths = Counter(entry.component for entry in entries if entry.kind == "died")
            for name, number in deaths.items():
                if number >= DEATHS_AT_START:
                    raise LocalError(f"{name} does not start: {self.supervisor.ended(name)}")

        if self.settings.s3_endpoint is None:
            self.supervisor.start(seaweedfs.NAME)
            seaweedfs.wait_until_ready(self.access, check)
        else:
            check_bucket(self.access)
        with self.api() as api:
            self.supervisor.start(airflow.API_SERVER)
            wait_for("Airflow's API server", api.answers, check, timeout=HEALTHY_TIMEOUT, every=0.3)
            for name in airflow.COMMANDS:
                self.supervisor.start(name)
            wait_for("Airflow", api.is_healthy, check, timeout=HEALTHY_TIMEOUT, every=0.3)

    def stop(self) -> bool:
        """Stop everything; returns whether it was up."""
        return self.supervisor.stop(self.settings.token)


@contextlib.contextmanager
def running(
    directory: Path, settings: Settings, *, dags: Path = ROOT / "dags", variables: Mapping[str, str] | None = None
) -> Iterator[Deployment]:
    """Start everything, wait until it is healthy, and on the way out stop everything, with all it started.

    It does not outlive this process. `variables` replace those of Airflow's components.
    """
    deployment = Deployment(directory, settings)
    try:
        deployment.spawn(dags, variables or {}, with_parent=True)
        deployment.bring_up()
        yield deployment
    except KeyboardInterrupt:
        print("stopping what was started", file=sys.stderr, flush=True)
        raise
    finally:
        with uninterrupted():
            deployment.stop()
