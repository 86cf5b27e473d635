"""A Nightjar in a cluster of its own that is no more than its answers: what `make test-cluster` sees from outside.

The chart is the real one, rendered by Helm, and so are the S3 server and the objects in it. Airflow is its REST API
with runs that do as they should, or as `Faults` says.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from nightjar.domain.accounts import Account
from nightjar.domain.manifest import Counts
from nightjar.runtime.airflow_api import COMPONENTS, AirflowApi
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.runs import BATCH, LIVE, run_prefix
from nightjar_local.cluster.kube import PLACES
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access
from nightjar_local.summary import ACCOUNT
from tests.helm import chart
from tests.local.cluster.fake import Body, FakeKubernetes, good_pod

NODE: Body = {
    "metadata": {"name": "n"},
    "spec": {},
    "status": {
        "allocatable": {"cpu": "4", "memory": "16Gi"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
ENDPOINTS: Body = {
    "kind": "Endpoints",
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 6443}]}],
}


@dataclass(frozen=True)
class Faults:
    """The troubles of this Nightjar; none by default.

    Attributes:
        missing_image: part of the reference of an image that the node has not.
        refusal: what Helm says, if it does not install.
        lost: pictures that no run accounts for.
        old_tag: pods keep the tag that was installed, whatever the Variable says.
        root: pods run as root.
        tells: logs of tasks tell the password.
        late: no alert comes.
        history: the state in which the run of history ends.
    """

    missing_image: str = ""
    refusal: str = ""
    lost: int = 0
    old_tag: bool = False
    root: bool = False
    tells: bool = False
    late: bool = False
    history: str = "success"


@dataclass
class World:
    """The cluster, and what Airflow in it remembers."""

    kubernetes: FakeKubernetes
    faults: Faults
    values: Mapping[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[Body]] = field(default_factory=dict)
    password: str = ""
    removals: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def stages(self) -> str:
        """The namespace of the stages' pods."""
        return str(self.values["stages"]["namespace"])

    def step(self, access: S3Access) -> None:
        """Let the runs go on: landed footage begins one; the first one ends once its pod was killed and made again."""
        with self.lock:
            runs = self.runs.setdefault(LIVE, [])
            if runs and runs[0]["state"] == "running":
                self._go_on(runs[0], access)
            elif landed := _keys(access, INCOMING):
                name = f"20261120T12000{len(runs)}Z-0123456789ab"
                runs.insert(0, {"dag_run_id": name, "state": "running", "landed": landed})
                self._make_pod(name, "detect")

    def _go_on(self, run: Body, access: S3Access) -> None:
        pods = [pod for pod in self.kubernetes.list("Pod", self.stages) if _is_of(pod, run["dag_run_id"])]
        if len(self.runs[LIVE]) == 1 and not run.get("retried"):  # the test kills a pod of the first run
            if not pods:
                run["retried"] = True
                self._make_pod(run["dag_run_id"], "detect")
            return
        if run.setdefault("steps", 0) < 4:  # whoever looks at pods twice a second sees these, too
            run["steps"] += 1
        else:
            self._end(run, access)

    def _end(self, run: Body, access: S3Access) -> None:
        client, prefix = access.client(), run_prefix(LIVE, run["dag_run_id"])
        pictures = len(run["landed"])
        counts = Counts(received=pictures - self.faults.lost, outcomes={"detected": pictures - self.faults.lost})
        account = Account(counts=counts, shards={}, failures={})
        left = {f"{prefix}{ACCOUNT}": account.model_dump_json().encode(), f"{prefix}{BATCH}": b""}
        if pictures == 1 and not self.faults.late:  # the picture of a person, alone
            left[f"{OUTBOX}2026/11/20/alice-porch/{run['dag_run_id']}.eml"] = b""
        for key, body in left.items():
            client.put_object(Bucket=access.bucket, Key=key, Body=body)
        for key in run["landed"]:
            client.delete_object(Bucket=access.bucket, Key=key)
        run["state"] = "success"

    def _make_pod(self, run: str, stage: str) -> None:
        number = len(self.kubernetes.calls)
        pod = good_pod(name=f"{stage}-{number}", uid=str(number), run=run, stage=stage)
        tag = self.values["images"]["tag"] if self.faults.old_tag or not self.variables else "2"
        pod["spec"]["containers"][0]["image"] = f"{self.values['images']['registry']}/{stage}:{tag}"
        if self.faults.root:
            pod["spec"]["securityContext"] = {"runAsUser": 0}
        pod["metadata"]["namespace"] = self.stages
        self.kubernetes.create({"kind": "Pod", **pod})


class AClusterOfItsOwn(FakeKubernetes):
    """A cluster with a node, whose pods run as soon as they are made."""

    missing_image = ""

    def call(self, method: str, path: str, body: Body | None = None, query: Mapping[str, str] | None = None) -> Body:
        """As in the class below; `/version` is no object."""
        if path == "/version":
            return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        if (method, path) == ("GET", "/api/v1/nodes"):
            return {"items": [NODE]}
        return super().call(method, path, body, query)

    def create(self, body: Body) -> Body:
        """Make an object; a pod runs at once, but for an image that is not there."""
        if body["kind"] == "Pod" and "status" not in body:
            body = {**body, "status": self._status(body["spec"]["containers"])}
        return super().create(body)

    def _status(self, containers: list[Body]) -> Body:
        waiting = {"reason": "ErrImageNeverPull", "message": "is not present with pull policy of Never"}
        statuses = [
            {
                "name": each["name"],
                "state": {"waiting": waiting}
                if self.missing_image and self.missing_image in each["image"]
                else {"terminated": {"exitCode": 0}},
            }
            for each in containers
        ]
        return {"phase": "Running", "containerStatuses": statuses}


class FakeHelm:
    """Renders the chart with Helm, and puts what it gives into the cluster, with a pod for Airflow's Deployment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def install(self, values: Mapping[str, Any], seconds: int) -> None:
        """Put the chart's objects into the cluster."""
        world = self._world
        if world.faults.refusal:
            raise LocalError(f"Helm: {world.faults.refusal}")
        world.values = values
        [namespace] = [
            each["metadata"]["name"]
            for each in world.kubernetes.list("Namespace")
            if each["metadata"]["name"].count("-") == 2
        ]
        for each in chart.rendered(values, namespace=namespace):
            each["metadata"].setdefault("namespace", namespace)
            if each["kind"] in PLACES:
                world.kubernetes.create(each)
            if each["kind"] == "Deployment" and (template := copy.deepcopy(each["spec"]["template"])):
                template["metadata"] |= {"name": "nightjar-airflow-0", "namespace": namespace}
                world.kubernetes.create({"kind": "Pod", **template})

    def upgrade(self, values: Mapping[str, Any], seconds: int) -> None:
        """Not used."""
        raise NotImplementedError

    def uninstall(self) -> None:
        """Count the removals; the objects go with their namespace."""
        self._world.removals += 1


class FakeAirflow(AirflowApi):
    """Airflow's REST API, as far as the test of a cluster asks it."""

    def __init__(self, world: World, access: Callable[[], S3Access], password: str) -> None:
        super().__init__("http://127.0.0.1:9", password)
        world.password = password
        self._world, self._access = world, access
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="the runs", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopped.wait(0.2):
            self._world.step(self._access())

    def health(self) -> dict[str, str]:
        """Everything is well."""
        return dict.fromkeys(COMPONENTS, "healthy")

    def _call(self, method: str, path: str, *, absent_ok: bool = False, **arguments: Any) -> Any:
        world = self._world
        match method, path.strip("/").split("/"):
            case "GET", ["variables", key]:
                return {"value": world.variables[key]} if key in world.variables else None
            case "POST", ["variables"]:
                world.variables[arguments["json"]["key"]] = arguments["json"]["value"]
                return None
            case "GET", ["dags"]:
                return {"dags": [{"dag_id": dag} for dag in (LIVE, "nightjar_history")]}
            case "PATCH", ["dags", _]:
                return None
            case "GET", ["dags", dag, "dagRuns"]:
                runs = world.runs.get(dag, [])
                return {"dag_runs": runs, "total_entries": len(runs)}
            case "POST", ["dags", dag, "dagRuns"]:
                state = world.faults.history
                world.runs.setdefault(dag, []).append({"dag_run_id": arguments["json"]["dag_run_id"], "state": state})
                return None
            case "GET", ["dags", dag, "dagRuns", run, "taskInstances"]:
                return {"task_instances": [_task(dag, run)], "total_entries": 1}
            case "GET", ["dags", *_, "logs", "1"]:
                return {"content": [{"event": f"pod done {world.password if world.faults.tells else ''}"}]}
        raise AssertionError(f"the test of a cluster is not expected to ask for {method} {path}")


def _task(dag: str, run: str) -> Body:
    return {
        "dag_id": dag,
        "dag_run_id": run,
        "task_id": "shard.detect",
        "map_index": 0,
        "try_number": 1,
        "state": "success",
        "start_date": datetime.now(UTC).isoformat(),
    }


@contextlib.contextmanager
def no_forward(*_: object) -> Iterator[int]:
    """A port that nobody connects to."""
    yield 9


def _keys(access: S3Access, prefix: str) -> list[str]:
    found = access.client().list_objects_v2(Bucket=access.bucket, Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", [])]


def _is_of(pod: Body, run: str) -> bool:
    return bool(pod["metadata"]["labels"].get("nightjar/run") == run)
