"""The stages: each is named, described and given its resources here, and nowhere else.

A stage runs as `python -m <module>` in its image. To add a stage, add a line here, a folder below `images/` and a
task in the chain of the DAGs; CONTRIBUTING.md shows how.
"""

from dataclasses import dataclass
from enum import StrEnum

from nightjar.errors import UsageError


class Secret(StrEnum):
    """Credentials that a stage may be given. The value is how their environment variables begin."""

    S3 = "AWS_"
    MAIL = "SENDGRID_"
    CHANNELS = "CHANNELS_"


# Folders of lists that come and go by the minute, and of pages that show users who are forgotten: objects there are
# removed for good. Elsewhere a removal is a delete marker, and the versions stay.
REMOVED_FOR_GOOD = frozenset({"claims", "health", "incoming", "operator", "records", "reports", "troubles"})


@dataclass(frozen=True)
class Stage:
    """A program that works on one prefix of the bucket.

    `image` is the image that holds it, `sharded` whether it works on one shard of a run or on the whole run, `cpu` and
    `memory` what its pod asks for unless the deployment says otherwise, in Kubernetes' units. `seconds_per_picture` is
    the work it is expected to need at the most, from which the time bound of a shard is made; 0 for a stage whose time
    does not depend on pictures. `waiting_seconds` are allowed besides, for a service that asks it to wait. `reads` and
    `writes` are the top folders of the bucket that it needs to read (list included) and to write (delete included).
    """

    name: str
    image: str
    cpu: str
    memory: str
    sharded: bool = False
    secrets: tuple[Secret, ...] = (Secret.S3,)
    seconds_per_picture: float = 0.0
    waiting_seconds: int = 0
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The Python package that is run."""
        return f"nightjar_{self.name}"


# Measured peaks of memory with room: decoding a large video, the model and its tensors, the warehouse's tables.
STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "collect",
            "collect",
            cpu="250m",
            memory="512Mi",
            reads=("claims", "footage", "incoming", "quarantine", "runs"),
            writes=("claims", "footage", "incoming", "quarantine", "runs"),
        ),
        Stage(
            "validate",
            "validate",
            cpu="1",
            memory="2Gi",
            sharded=True,
            seconds_per_picture=2.0,
            reads=("footage", "quarantine", "reproductions", "rules", "runs", "standard", "validations"),
            writes=("quarantine", "reproductions", "runs", "standard", "validations"),
        ),
        Stage(
            "detect",
            "detect",
            cpu="1",
            memory="1Gi",
            sharded=True,
            seconds_per_picture=1.0,
            reads=("detections", "detectors", "reproductions", "rules", "runs", "standard"),
            writes=("detections", "detectors", "reproductions", "runs"),
        ),
        Stage(
            "assess",
            "assess",
            cpu="500m",
            memory="1Gi",
            sharded=True,
            seconds_per_picture=0.1,
            reads=(
                *("config", "detections", "detectors", "events", "journals"),
                *("reproductions", "rules", "runs", "threats"),
            ),
            writes=("events", "journals", "reproductions", "runs", "threats"),
        ),
        Stage(
            "notify",
            "notify",
            cpu="250m",
            memory="512Mi",
            sharded=True,
            secrets=(Secret.S3, Secret.MAIL, Secret.CHANNELS),
            seconds_per_picture=0.5,
            waiting_seconds=300,  # the most that NIGHTJAR_MAIL_PATIENCE may be
            reads=(
                *("alerts", "closings", "digests", "events", "mutes", "outbox"),
                *("rules", "runs", "standard", "telling"),
            ),
            writes=("alerts", "closings", "digests", "outbox", "runs", "telling"),
        ),
        Stage(
            "record",
            "report",
            cpu="1",
            memory="2Gi",
            reads=(
                *("alerts", "detections", "events", "footage", "quarantine"),
                *("records", "rules", "runs", "validations"),
            ),
            writes=("detections", "quarantine", "records", "runs", "validations"),
        ),
        Stage(
            "report",
            "report",
            cpu="1",
            memory="2Gi",
            reads=("records", "reports", "runs", "standard"),
            writes=("records", "reports", "runs"),
        ),
        Stage(
            "compare",
            "report",
            cpu="500m",
            memory="2Gi",
            reads=(
                *("comparisons", "config", "detections", "detectors", "events"),
                *("reviews", "rules", "runs"),
            ),
            writes=("comparisons", "runs"),
        ),
        Stage(
            "survey",
            "report",
            cpu="500m",
            memory="2Gi",
            reads=(
                *("footage", "health", "incoming", "rules"),
                *("runs", "standard", "troubles", "validations"),
            ),
            writes=("health", "runs", "troubles"),
        ),
        Stage(
            "tell",
            "notify",
            cpu="250m",
            memory="512Mi",
            secrets=(Secret.S3, Secret.MAIL, Secret.CHANNELS),
            waiting_seconds=300,  # as notify
            reads=(
                *("alerts", "closings", "digests", "events", "mutes", "outbox"),
                *("rules", "runs", "standard", "troubles"),
            ),
            writes=("alerts", "closings", "digests", "outbox", "runs", "troubles"),
        ),
    )
}

# The stages that work on a shard, in the order in which they do: each works from the one before it.
SHARD_STAGES = tuple(stage.name for stage in STAGES.values() if stage.sharded)
# The images, in the order of their first stage: the keys of the Variable `nightjar_images`.
STAGE_IMAGES = tuple(dict.fromkeys(stage.image for stage in STAGES.values()))


def stage_named(name: str) -> Stage:
    """The stage called `name`; raises UsageError for a name that is none."""
    if name not in STAGES:
        raise UsageError(f"expected a stage, one of {', '.join(STAGES)}, got {name!r}")
    return STAGES[name]
