"""A bucket whose status is looked at: images that are deployed, runs that began, and a clock."""

from datetime import UTC, datetime

from nightjar.cli.status import as_text
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Release, StageRelease, Started
from nightjar.queries.deployment import DeploymentState, deployment_state
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Runs

LIVE, HISTORY, REPORT = "runs/nightjar_live/", "runs/nightjar_history/", "runs/nightjar_report/"
PATROL = "runs/nightjar_patrol/"
NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
FROZEN = FrozenRules(key="rules/x.yaml", sha256="x", source=ObjectRef(key="k", version_id="v", sha256="x", size=1))
RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: a@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}, yard: {}}}
"""


class Clock:
    """The time of a MemoryStore: that of its objects."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def deploy(store: MemoryStore | S3Store, since: datetime = NOW, **images: str) -> None:
    stages = {stage: StageRelease(image=image) for stage, image in images.items()}
    Runs(store).deploy("runs/nightjar_live/r1/", Release(run="r1", stages=stages, rules=FROZEN), since)


def begin(store: MemoryStore | S3Store, prefix: str, rules: FrozenRules = FROZEN) -> None:
    run = Runs(store).at(prefix)
    started = Started(dag_run=run.name, start="1")
    run.begin(started, lambda _: False)
    run.pin(started, lambda: Release(run=run.name, start=started.identity, stages={}, rules=rules))


def look(store: MemoryStore) -> DeploymentState:
    return deployment_state(store, "nightjar", NOW)


def text(store: MemoryStore) -> list[str]:
    return list(as_text(look(store)))
