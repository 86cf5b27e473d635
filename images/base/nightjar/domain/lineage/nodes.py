"""A node of a lineage: one version of one object (or a line in it), a run, an image, or a version of the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kind of thing that a node stands for."""

    ALERT = "alert"
    NOTICE = "notice"  # a message that is about no event: equipment, a digest, the end of an event
    EVENT = "event"
    DETECTION = "detection"
    PICTURE = "picture"
    ORIGINAL = "original"
    UPLOAD = "upload"  # an original as it landed in the drop zone
    REFUSAL = "refusal"
    REPORT = "report"
    PLOT = "plot"
    ROWS = "rows"  # a part of the warehouse
    RULES = "rules"
    RULES_FILE = "rules file"  # a version of the file that people put
    RUN = "run"
    IMAGE = "image"
    COMPARISON = "comparison"  # of two detectors or two sets of rules, over one user's day
    REPRODUCTION = "reproduction"  # a run that was done again
    REVIEW = "review"  # what a person said of an event
    MESSAGE = "message"  # as it was rendered, where it was not sent
    OBJECT = "object"  # any other object of the bucket


class State(StrEnum):
    """Whether the object is still in the bucket in the version that took part."""

    CURRENT = "current"
    OVERWRITTEN = "overwritten since"  # the version is kept; the key has a newer one
    DELETED = "deleted since"  # the version is kept below a delete marker
    ERASED = "erased since"  # the version is gone for good
    COLLECTED = "collected"  # an upload: collect removed it once it was filed; the original is the same content
    OTHER = "another by now"  # its version was not recorded, and the content at its key is another one
    UNREADABLE = "not readable"  # S3 does not give it: archived, its key disabled
    UNKNOWN = "not known"  # neither version nor SHA-256 was recorded, so nobody can tell
    NONE = ""  # no object: a run, an image

    @property
    def is_there(self) -> bool:
        """Whether the very content that took part can still be read."""
        return self in (State.CURRENT, State.OVERWRITTEN, State.DELETED)

    @property
    def is_ordinary(self) -> bool:
        """Whether there is nothing to say about it."""
        return self in (State.CURRENT, State.COLLECTED, State.NONE)


@dataclass(frozen=True)
class Maker:
    """The task that made a thing, as far as that was recorded; an empty field was not.

    `run` is the run's folder as people find it, `<dag>/<run>`; `release` the SHA-256 of its release.json; `digest` the
    image's content digest; `task` names the try in Airflow, and its pod. `settings` are those of the stage in the
    release: no secret is among them.
    """

    stage: str = ""
    run: str = ""
    shard: str = ""
    image: str = ""
    digest: str = ""
    model: str = ""
    model_sha256: str = ""
    detector: str = ""  # the id of the detector
    rules_sha256: str = ""
    release: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    task: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A thing. `id` tells it apart in its graph; `title` is for people, in a few words; by `name` it is asked about.

    `key`, `version`, `sha256` and `size` (bytes) are those of its object, in the version that took part; empty where it
    has none, or where they were not recorded. `facts` are further values by name, `notes` sentences: most of them say
    why something is not known.
    """

    id: str
    kind: Kind
    title: str
    name: str = ""
    key: str = ""
    version: str = ""
    sha256: str = ""
    size: int | None = None
    state: State = State.NONE
    maker: Maker | None = None
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def printable(text: str, most: int = 300) -> str:
    """Untrusted `text` for a terminal, a page or a drawing: one line, no control characters, `most` characters."""
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
