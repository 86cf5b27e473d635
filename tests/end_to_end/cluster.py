"""Airflow on its real scheduler, with a double of a Kubernetes cluster for its pods and a real S3 server."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion, batch_id
from nightjar.domain.layout import digest
from nightjar.domain.names import parse_footage_name
from nightjar.runtime.airflow_api import AirflowApi, AirflowRefusedError
from nightjar.runtime.manifests import write_bytes, write_lines
from nightjar.runtime.store import ObjectStore
from nightjar.stores.footage import footage_key
from nightjar.stores.runs import BATCH, LIVE, run_prefix
from nightjar_local import deployment
from nightjar_local.deployment import Deployment
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from nightjar_local.s3_server import access_of
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import for_once
from tests.kubernetes.images import Registry
from tests.kubernetes.server import ApiServer
from tests.kubernetes.store import Pod

NAMESPACE = "nightjar"
# As in the Airflow image, where these are installed.
PYTHONPATH = os.pathsep.join(str(ROOT / part) for part in (".", "images/base", "images/airflow"))
ENDED = frozenset({"success", "failed"})
TIMEOUT = 300.0


class Airflow(AirflowApi):
    """Calls of the tests to Airflow, besides those of the local deployment."""

    def trigger_over(self, dag: str, run: str, day: date) -> None:
        """Start a run over the data interval that is `day`."""
        self.trigger_day(dag, run, day)

    def _call(self, method: str, path: str, *, absent_ok: bool = False, **arguments: Any) -> Any:
        """As every client of it, try again when SQLite was locked by another process of Airflow."""
        for _ in range(10):
            try:
                return super()._call(method, path, absent_ok=absent_ok, **arguments)
            except AirflowRefusedError as error:
                if "Database error" not in str(error):
                    raise
                time.sleep(0.5)
        return super()._call(method, path, absent_ok=absent_ok, **arguments)

    def states(self, dag: str, run: str) -> dict[str, str]:
        """The state of every task instance of a run, by task id, for a mapped one `task[shard]`."""
        return {_name(task): task["state"] for task in self.tasks(dag, run)}

    def buttons(self, task: Mapping[str, Any]) -> dict[str, str]:
        """The buttons that the UI shows on the page of a task instance, with their addresses."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/links"
        links = self._call("GET", path, params={"map_index": task["map_index"]})["extra_links"]
        return {name: address for name, address in links.items() if address}

    def last_line(self, task: Mapping[str, Any]) -> str:
        """The line at the end of a task's log as the UI shows it: the ends of groups are no lines there."""
        return [line for line in self.log(task).splitlines() if line != "::endgroup::"][-1]

    def complaints(self, dag: str, run: str) -> str:
        """The logs of the tasks that failed."""
        return "\n\n".join(
            f"{_name(task)}\n{self.log(task)}" for task in self.tasks(dag, run) if task["state"] == "failed"
        )


@dataclass(frozen=True)
class Cluster:
    """A running deployment whose stages are pods.

    Attributes:
        kubernetes: the double of the API server, with what it was asked and every pod it was given.
        airflow: a signed-in client.
        access: to the S3 server; its credentials are what must never be seen.
        directory: of the whole deployment: `airflow` has its database and the logs of tasks, `logs` those of processes.
    """

    kubernetes: ApiServer
    airflow: Airflow
    access: S3Access
    deployment: Deployment
    directory: Path

    def wait(self, what: str, reached: Callable[[], bool]) -> None:
        """Wait until `reached()`; raises LocalError when a component is given up or it takes too long."""
        wait_until(what, reached, TIMEOUT, self.deployment.check)

    def wait_for_run(self, dag: str, run: str) -> str:
        """Wait until a run has ended; returns its state."""
        self.wait(f"run {run} of {dag}", lambda: self._state(dag, run) in ENDED)
        return self._state(dag, run)

    def pods(self, run: str, stage: str, shard: str | None = None) -> list[Pod]:
        """The pods that a run made for a stage, as posted, in order."""
        is_wanted = pod_of(run, stage, shard)
        return [pod for pod in self.kubernetes.store.created if is_wanted(pod)]

    def _state(self, dag: str, run: str) -> str:
        states = [each["state"] for each in self.airflow.runs(dag) if each["dag_run_id"] == run]
        return str(states[0]) if states else "none"


def wait_until(
    what: str, reached: Callable[[], bool], timeout: float, check: Callable[[], object] = lambda: None
) -> None:
    """Wait until `reached()`, which `check` may end with an error; raises LocalError after `timeout` seconds.

    A look costs Airflow hundredths of a second for each run that it lists: what takes long is looked at less often.
    """
    begun = time.monotonic()
    while not reached():
        check()
        waited = time.monotonic() - begun
        if waited > timeout:
            raise LocalError(f"waited {timeout:.0f} s for {what}")
        time.sleep(min(1.5, max(0.2, waited / 10)))


def pod_of(run: str, stage: str, shard: str | None = None) -> Callable[[Pod], bool]:
    """Whether a pod is one that `run` made for `stage` (and `shard`)."""
    wanted = {"nightjar/run": run, "nightjar/stage": stage} | ({"nightjar/shard": digest(shard)} if shard else {})
    return lambda pod: wanted.items() <= pod["metadata"]["labels"].items()


def file_batch(store: ObjectStore, names: Sequence[str]) -> str:
    """File footage of these names and hand it over as collect does; returns the batch's id."""
    lines = []
    for name in names:
        filed = write_bytes(store, footage_key(parse_footage_name(name)), name.encode(), content_type="image/jpeg")
        info = store.head(filed.key)
        assert info is not None
        source = ReceivedVersion(
            key=f"incoming/{name}", version_id=info.version_id, size=info.size, received_at=info.modified_at
        )
        line = BatchLine(
            source=source,
            outcome=Outcome.FILED,
            footage_key=filed.key,
            footage_version=filed.version_id,
            sha256=filed.sha256,
        )
        lines.append(line)
    batch = batch_id(line.source for line in lines)
    write_lines(store, f"{run_prefix(LIVE, batch)}{BATCH}", lines)
    return batch


@contextlib.contextmanager
def running(
    directory: Path,
    images: Registry,
    mail: Mapping[str, str],
    variables: Mapping[str, str],
    channels: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Start S3, the API server's double and Airflow's four processes; on the way out stop them all.

    `mail` and `channels` are secrets that notify's pods get, `variables` are Airflow's, among them settings of stages.
    """
    kubeconfig = directory / "kubeconfig"
    settings = replace(for_once(), kubeconfig=str(kubeconfig))
    access = access_of(settings)
    credentials = {name: value for name, value in access.environment().items() if name.startswith("AWS_")}
    secrets = {"nightjar-s3": credentials, "nightjar-sendgrid": mail, "nightjar-channels": channels or {}}
    with ApiServer(images, directory / "pods", secrets) as kubernetes:
        kubeconfig.write_text(json.dumps(kubernetes.kubeconfig(NAMESPACE)))
        all_variables = {"PYTHONPATH": PYTHONPATH, **variables}
        with (
            deployment.running(directory, settings, variables=all_variables) as started,
            Airflow(started.url, settings.password) as api,
        ):
            yield Cluster(kubernetes, api, access, started, directory)


def _name(task: Mapping[str, Any]) -> str:
    return f"{task['task_id']}[{task['rendered_map_index']}]" if task["map_index"] >= 0 else str(task["task_id"])
