"""The request for a reproduction: which run, and what each of its shards is worked from."""

from datetime import date

from pydantic import Field

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Part, Stored

# The stages that are done again. notify would tell people, and record adds up what these three leave.
REPRODUCED = ("validate", "detect", "assess")


class RecordedStage(Part):
    """A stage of a shard as the run left it: its manifest, in that version, and the day on which it worked."""

    stage: str
    manifest: ObjectRef
    as_of: date


class RecordedShard(Part):
    """A shard of the run: what it is worked from, and what is in the way.

    `given` is the number of versions that it is worked from, `gone` names those of them that the bucket has no more.
    `problem` says why the shard is not done again; None where it is. `inexact` says what the run's manifests do not
    tell and was worked out from times.
    """

    name: str
    stages: tuple[RecordedStage, ...] = ()
    given: int = 0
    gone: tuple[ObjectRef, ...] = ()
    problem: str | None = None
    inexact: str | None = None

    def recorded(self, stage: str) -> RecordedStage | None:
        """The stage as the run left it; None when it left nothing."""
        return next((each for each in self.stages if each.stage == stage), None)


class Reproduction(Stored):
    """`run.json`: the run that is reproduced, by its folder's prefix, and its shards.

    `release` is the SHA-256 of its release.json. With `anew`, what the run took over from earlier runs is computed too.
    `images` and `digests` are those of the release by stage, `digests_now` those that the images have by now, as far as
    either is known.
    """

    id: str
    run: str
    release: str
    anew: bool = False
    images: dict[str, str] = Field(default_factory=dict)
    digests: dict[str, str] = Field(default_factory=dict)
    digests_now: dict[str, str] = Field(default_factory=dict)
    shards: tuple[RecordedShard, ...] = ()

    def shard(self, name: str) -> RecordedShard | None:
        """The shard called `name`; None when the run has none, or it was not asked for."""
        return next((each for each in self.shards if each.name == name), None)
