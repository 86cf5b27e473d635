"""A world for StageOperator in its Kubernetes runtime: real pods' processes, a real S3 server, and tries of a task.

An attempt is what Airflow does with a task once; the double of the API has the small stage for an image.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from nightjar.domain.batch import Footage
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Run, run_prefix, stage_prefix
from nightjar_local.seaweedfs import S3Access
from operators.pod_follow import Pace
from operators.stage import StageOperator
from tests.kubernetes.faults import RunInstead
from tests.kubernetes.images import image_store
from tests.kubernetes.server import ApiServer
from tests.operators.conftest import TaskStates
from tests.operators.stage_programs import REGISTRY, build_image
from tests.operators.worked import pin

RUN = run_prefix("nightjar_live", "20261120T130500Z-0123456789ab")
SHARD_NAME = "alice-porch"
OUTPUT = stage_prefix(RUN, "validate", SHARD_NAME)
SLEEP = RunInstead(("sleep", "60"))

Attempt = Callable[..., "TaskInstance"]


QUICK = Pace(again=0.05, again_most=0.1, read=0.1, rest_of_log=2)


class TaskInstance(SimpleNamespace):
    """As much of a task instance as the operator looks at; remembers what is pushed."""

    def get_task_states(self, **_: Any) -> dict[str, dict[str, str | None]]:
        """As Airflow answers for a mapped task."""
        return {"{{ run }}": {f"{self.task_id}_{self.map_index}": self.state}}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.pushed[key]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A local image store with the small stage that does nothing but keep the contract of validate."""
    build_image(tmp_path / "images", "validate", "test-1")
    return tmp_path / "images"


@pytest.fixture
def api_server(tmp_path: Path, images: Path, seaweedfs: S3Access) -> Iterator[ApiServer]:
    secrets = {name: value for name, value in seaweedfs.environment().items() if name.startswith("AWS_")}
    with ApiServer(image_store(images), tmp_path / "pods", {"nightjar-s3": secrets}) as server:
        yield server


@pytest.fixture(params=["direct", "deferred"])
def attempt(
    request: pytest.FixtureRequest, kubeconfig: Path, s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> Attempt:
    """Runs one attempt of a task over a shard with one picture, in both modes of the operator."""
    extra = {"in_cluster": False, "kube_config_path": str(kubeconfig)}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")
    monkeypatch.setenv("NIGHTJAR_DEFERRABLE", str(request.param == "deferred"))
    key = "footage/2025/11/20/14/alice-porch-1763647500.jpg"
    line = Footage.model_validate({"key": key, "version_id": "1", "size": 1, "sha256": "0" * 64})
    shard = Run(s3_store, RUN).write_shard(SHARD_NAME, [line])
    monkeypatch.setattr(StageOperator, "pace", QUICK)
    states = TaskStates()

    def run(
        try_number: int = 1,
        tag: str = "test-1",
        meanwhile: Callable[[], None] | None = None,
        tag_meanwhile: str | None = None,
        digest: str | None = None,
        state: str | None = "running",
        max_tries: int = 5,
        signalled: bool = False,
        killed: bool = False,
        **options: Any,
    ) -> TaskInstance:
        ti = TaskInstance(
            dag_id="nightjar_live",
            task_id="v",
            map_index=0,
            try_number=try_number,
            start_date=datetime.now(UTC),
            pushed={},
            state=state,
            max_tries=max_tries,
            task=SimpleNamespace(retries=5),
        )
        context: Any = {
            "ti": ti,
            "task_instance": ti,
            "run_id": "{{ run }}",
            "dag": None,
            "task_state_store": states,
        }
        start = 1 if tag == "test-1" and max_tries == 5 else 2
        release = pin(s3_store, run=RUN, tag=tag, start=start, digest=digest)

        def task(tag: str) -> StageOperator:
            return StageOperator(
                task_id="v",
                stage="validate",
                image=f"{REGISTRY}/validate:{tag}",
                release=release,
                run_prefix=RUN,
                input_prefix=shard,
                **({"termination_grace_period": 1} | options),
            )

        first = task(tag)
        if signalled:  # as Airflow does in the process of a task
            signal.signal(signal.SIGTERM, lambda *_: first.on_kill())
        try:
            first.execute(context)
        except TaskDeferred as deferred:
            if meanwhile:
                meanwhile()
            if killed:
                asyncio.run(deferred.trigger.on_kill())
                raise LookupError("killed") from None
            # As in Airflow, where a task comes back in another process, with its templates rendered anew.
            resume = getattr(task(tag_meanwhile or tag), deferred.method_name)
            resume(context, asyncio.run(_first_event(deferred.trigger)))
        return ti

    return run


async def _first_event(trigger: Any) -> dict[str, Any]:
    events = trigger.run()
    try:
        return dict((await anext(events)).payload)
    finally:
        await events.aclose()
        await trigger.cleanup()
