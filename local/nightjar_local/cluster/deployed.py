"""A Nightjar that was installed in a cluster, as the test reaches it."""

from dataclasses import dataclass

from nightjar.runtime.airflow_api import AirflowApi
from nightjar_local.cluster import place
from nightjar_local.cluster.kube import Kubernetes
from nightjar_local.cluster.options import Options
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access

RUN_SECONDS = 900.0


@dataclass(frozen=True)
class Deployed:
    """The installed release; `access` and `api` lead through ports that are forwarded, `pod` is Airflow's."""

    kubernetes: Kubernetes
    options: Options
    access: S3Access
    api: AirflowApi
    pod: str

    def check(self) -> None:
        """Raise LocalError if Airflow's pod is gone."""
        if self.kubernetes.get("Pod", self.pod, self.options.release) is None:
            raise LocalError(f"Airflow's pod {self.pod} is gone")

    def wait_for_run(self, dag: str, run: str) -> None:
        """Wait until a run has ended; raises LocalError unless it succeeded."""

        def state() -> str:
            states = [str(each["state"]) for each in self.api.runs(dag) if each["dag_run_id"] == run]
            return states[0] if states else "none"

        place.wait_until(f"run {run} of {dag}", lambda: state() in ("success", "failed"), RUN_SECONDS)
        if state() != "success":
            raise LocalError(f"run {run} of {dag} ended as {state()}")
