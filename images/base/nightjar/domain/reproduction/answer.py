"""The answer of a reproduction: `answer.json`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from nightjar.domain.model import Part, Stored


class Verdict(StrEnum):
    """How the results compare."""

    SAME = "same"
    DIFFERS = "differs"
    INCOMPLETE = "incomplete"  # something could not be done again, so that nothing is said of it


StoredVerdict = Annotated[Verdict | str, Field(union_mode="left_to_right")]


class FieldDifference(Part):
    """A field that differs, over all lines of an object: how often, and an example.

    `line` says of which line the example is, `was` and `now` are its values, as JSON, shortened.
    """

    field: str
    number: int
    line: str = ""
    was: str
    now: str


class ObjectDifference(Part):
    """An object that differs. `problem` says so of an object as a whole; else the fields that differ, or lines that
    only one side has.
    """

    key: str
    problem: str | None = None
    fields: tuple[FieldDifference, ...] = ()
    only_then: int = 0
    only_now: int = 0
    examples: tuple[str, ...] = ()


class StageAnswer(Part):
    """A stage of a shard. `same` objects have the same bytes; `same_but_versions` have them but for the versions that
    they name, of objects which the reproduction wrote itself.

    `differences` are bounded; `differing` is the number of objects that differ. `facts` are numbers and names of the
    manifests that differ, as sentences. `reused` is how much was taken over from earlier runs: then, and now.
    """

    stage: str
    verdict: StoredVerdict
    same: int = 0
    same_but_versions: int = 0
    differing: int = 0
    differences: tuple[ObjectDifference, ...] = ()
    facts: tuple[str, ...] = ()
    reused_then: int = 0
    reused_now: int = 0
    problem: str | None = None


class ShardAnswer(Part):
    """A shard. `problem` says why it was not done again, or not whole; `gone` are keys and versions that are erased."""

    name: str
    verdict: StoredVerdict
    stages: tuple[StageAnswer, ...] = ()
    problem: str | None = None
    inexact: str | None = None
    gone: tuple[str, ...] = ()


class Answer(Stored):
    """The whole answer. `run` is `<dag>/<run>`; `facts` are sentences about the release: images that were rebuilt."""

    id: str
    run: str
    release: str
    verdict: StoredVerdict
    anew: bool = False
    images: dict[str, str] = Field(default_factory=dict)
    facts: tuple[str, ...] = ()
    shards: tuple[ShardAnswer, ...] = ()
    at: datetime


def worst(verdicts: "list[str]") -> Verdict:
    """The verdict over several: differences count more than what is missing; without any, there is nothing to say."""
    if Verdict.DIFFERS in verdicts:
        return Verdict.DIFFERS
    return Verdict.SAME if verdicts and set(verdicts) == {Verdict.SAME} else Verdict.INCOMPLETE
