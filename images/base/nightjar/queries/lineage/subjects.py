"""Things of a lineage, with the facts beside their node: enough to find its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from nightjar.domain.detections import Detection
from nightjar.domain.events import Event, EventRef
from nightjar.domain.names import Camera
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.stores.ledger import LedgerLine


@dataclass(frozen=True)
class By:
    """The task that made a thing: the prefix of its run, its stage, its shard; empty where that is not known."""

    run: str = ""
    stage: str = ""
    shard: str = ""


@dataclass(frozen=True)
class AlertOf:
    """A line of the ledger: the alert of an event, or a notice."""

    line: LedgerLine


@dataclass(frozen=True)
class EventOf:
    """An event, in the `version` that a task wrote (as it is now, if that is empty)."""

    event: Event
    by: By = By()
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class DetectionOf:
    """A line of the detections store, in a `version` of its file."""

    line: Detection
    key: str
    by: By = By()
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class PictureOf:
    """A standard picture of a moment of `camera`, and the original that it is of."""

    camera: Camera
    taken_at: datetime
    key: str
    version: str = ""
    sha256: str = ""
    footage_key: str = ""
    footage_version: str = ""
    by: By = By()


@dataclass(frozen=True)
class OriginalOf:
    """An object of `footage/`."""

    key: str
    version: str = ""
    sha256: str = ""
    batch: str = ""  # the prefix of a run on whose batch it was


@dataclass(frozen=True)
class UploadOf:
    """An object of the drop zone; most are gone once they are filed."""

    key: str
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class RefusalOf:
    """A refusal in quarantine, in its `folder`."""

    folder: str
    entry: QuarantineEntry


@dataclass(frozen=True)
class ReportOf:
    """The page of a day, or a plot of it."""

    day: date
    key: str
    version: str = ""


@dataclass(frozen=True)
class RowsOf:
    """A part of the warehouse: a table's rows of a day that one run recorded, or all of them."""

    table: str
    day: date
    key: str
    version: str = ""
    by: By = By()


@dataclass(frozen=True)
class RulesOf:
    """Rules by content; `source` is the version of the rules file that they were read from (key, version)."""

    sha256: str
    source: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class RunOf:
    """A run: all of it, or the work of `stages` alone, for which it is in the graph."""

    prefix: str
    stages: Sequence[str] = ()


@dataclass(frozen=True)
class ImageOf:
    """An image by its name and tag, or by its digest; `stages` are those that it holds."""

    image: str = ""
    tag: str = ""
    digest: str = ""
    stages: Sequence[str] = ()


@dataclass(frozen=True)
class ComparedOf:
    """One user's day in a comparison of a candidate with what is deployed."""

    key: str
    version: str = ""
    sha256: str = ""
    by: By = By()


@dataclass(frozen=True)
class ReproducedOf:
    """A reproduction, by its id."""

    id: str


@dataclass(frozen=True)
class ObjectOf:
    """Any other object of the bucket, of which nothing further is looked up."""

    key: str
    version: str = ""
    sha256: str = ""
    title: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class ReviewOf:
    """A person's word about an event."""

    ref: EventRef
    key: str
    said: str
    by: str
    at: datetime


@dataclass
class Rest:
    """Everything that the neighbours of a thing leave out: their number, where it is known, and sentences about it."""

    number: int = 0
    notes: list[str] = field(default_factory=list)


Subject = (
    AlertOf
    | EventOf
    | DetectionOf
    | PictureOf
    | OriginalOf
    | UploadOf
    | RefusalOf
    | ReportOf
    | RowsOf
    | RulesOf
    | RunOf
    | ImageOf
    | ComparedOf
    | ReproducedOf
    | ObjectOf
    | ReviewOf
)
