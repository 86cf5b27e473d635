"""The deployment that stays: `make up` starts a supervisor that outlives it, `make down` ends it and all it started."""

import os
from dataclasses import dataclass
from pathlib import Path

from nightjar_local import settings
from nightjar_local.cluster.runtime import RUNTIME, asked_kubeconfig
from nightjar_local.deployment import Deployment
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from nightjar_local.s3_server import access_of
from nightjar_local.settings import ENDPOINT_VARIABLE, Settings, asked_endpoint
from nightjar_local.supervision import Supervisor


@dataclass(frozen=True)
class Daemon:
    """The deployment in one folder, whether it is up or not."""

    directory: Path
    dags: Path = ROOT / "dags"

    @property
    def _settings(self) -> Path:
        return self.directory / "settings.json"

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor, which starts its components again."""
        return Supervisor(self.directory)

    def start(self) -> Settings:
        """Start what does not run, and wait until all is healthy.

        Raises LocalError, with the end of a log, if it does not come up; then nothing of it runs. One that was up stays
        up. Raises LocalError too if another S3 server or another cluster is asked for than that of the deployment that
        is up.
        """
        was_up = self.supervisor.process() is not None
        if was_up:
            chosen = self.settings()
            _refuse_another_s3(chosen)
            _refuse_another_runtime(chosen)
        else:
            self.stop()
            chosen = settings.for_deployment(self._settings)
        deployment = Deployment(self.directory, chosen)
        try:
            if not was_up:
                deployment.spawn(self.dags, {}, with_parent=False)
            deployment.bring_up()
        except BaseException:
            if not was_up:
                deployment.stop()
            raise
        return chosen

    def stop(self) -> bool:
        """Stop everything, also what a killed supervisor left; returns whether it was up."""
        stored = settings.load(self._settings)
        return self.supervisor.stop(stored.token if stored else None)

    def settings(self) -> Settings:
        """The settings it was set up with; raises LocalError if it never was."""
        stored = settings.load(self._settings)
        if stored is None:
            raise LocalError(f"expected the deployment's settings at {self._settings}; `make up` writes them")
        return stored


def _refuse_another_s3(chosen: Settings) -> None:
    asked = asked_endpoint(chosen, os.environ)
    used = access_of(chosen).endpoint
    if asked is not None and asked != used:
        raise LocalError(
            f"the deployment is up and uses S3 at {used}; for {ENDPOINT_VARIABLE}={asked}, first `make down`"
        )


def _refuse_another_runtime(chosen: Settings) -> None:
    asked = asked_kubeconfig(os.environ) if os.environ.get(RUNTIME) else chosen.kubeconfig
    if asked != chosen.kubeconfig:
        words = {
            path: f"pods of the cluster of {path}" if path else "processes of this machine"
            for path in (asked, chosen.kubeconfig)
        }
        raise LocalError(
            f"the deployment is up and its stages are {words[chosen.kubeconfig]}; for {words[asked]}, first `make down`"
        )
