"""The pods of stages as the operator makes them, over a run in memory."""

from typing import Any

from kubernetes.client import ApiClient

from nightjar.domain.batch import Footage
from nightjar.domain.manifest import Counts, Manifest
from nightjar.domain.release import Started
from nightjar.domain.stages import STAGES
from nightjar.runtime.manifests import write_lines, write_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.runs import Run
from operators.stage import StageOperator
from tests.bucket import release_of
from tests.operators.conftest import make_context
from tests.operators.stage_programs import REGISTRY
from tests.operators.worked import NOW

RUN = "runs/nightjar_live/20261120T130500Z-0123456789ab/"
SHARD = f"{RUN}shards/alice-porch/"
SECRET = "do-not-tell"
SETTINGS = {"NIGHTJAR_LONG_SIDE": "640", "NIGHTJAR_MAIL_FROM": "$(AWS_SECRET_ACCESS_KEY)@example.com"}
SHARDED = [stage.name for stage in STAGES.values() if stage.sharded]


def fill(store: MemoryStore, prefix: str, *names: str) -> None:
    footage = [
        Footage.model_validate({"key": f"footage/2025/11/20/14/{name}", "version_id": "1", "size": 9, "sha256": ""})
        for name in names
    ]
    write_lines(store, f"{prefix}shard.jsonl", footage)


def pin(store: MemoryStore, tag: str = "1.0.0", start: str = "1") -> str:
    """Pin the run to a release with the same settings for every stage; returns its SHA-256."""
    started = Started(dag_run="r", start=start)
    settings = dict.fromkeys(STAGES, SETTINGS)
    release = release_of("20261120T130500Z-0123456789ab", started, dict.fromkeys(STAGES, tag), settings)
    return Run(store, RUN).pin(started, lambda: release)[1].sha256


def operator(stage: str, input_prefix: str = SHARD, **options: Any) -> StageOperator:
    image = f"{REGISTRY}/{STAGES[stage].image}:1.0.0"
    return StageOperator(task_id=stage, stage=stage, image=image, run_prefix=RUN, input_prefix=input_prefix, **options)


def stage_pod(store: MemoryStore, stage: str, input_prefix: str = SHARD, **options: Any) -> dict[str, Any]:
    """The pod of a stage as the API gets it."""
    made = operator(stage, input_prefix, **({"release": pin(store)} | options))
    made.assign(store)
    pod = made.build_pod_request_obj(make_context(), dry_run=True)
    return dict(ApiClient().sanitize_for_serialization(pod))


def left_by(store: MemoryStore, stage: str, **outcomes: int) -> str:
    """The prefix below which `stage` left this many pictures."""
    prefix = f"{RUN}{stage}/alice-porch/"
    counts = Counts(received=sum(outcomes.values()), outcomes=outcomes)
    manifest = Manifest(stage=stage, image="i", run="r", counts=counts, started_at=NOW, finished_at=NOW)
    write_manifest(store, prefix, manifest)
    return prefix


def shard_of_three() -> MemoryStore:
    """A bucket with a shard of two stills and a short video."""
    store = MemoryStore()
    names = ("alice-porch-1763647500.jpg", "alice-porch-1763647501.jpg", "alice-porch-1763647502.mp4")
    fill(store, SHARD, *names)
    return store
