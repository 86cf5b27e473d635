"""The batch: what one run works on, a line a received object version.

A name is parsed where footage comes in (see `nightjar.domain.names`) and travels as fields from there on.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, field_serializer, model_validator

from nightjar.domain.layout import digest
from nightjar.domain.model import Part, Stored, iso_utc, ms_from_utc
from nightjar.domain.names import VIDEO_EXTENSIONS, Camera, FootageName, NameRefused, parse_footage_name
from nightjar.domain.quarantine import StoredReason


class Outcome(StrEnum):
    """The end of a received version in collect."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


RETRY = "retry-"  # how the id of a retry's batch begins
# A batch id, as a regular expression.
BATCH_ID = rf"^({RETRY})?[0-9]{{8}}T[0-9]{{6}}Z-[0-9a-f]{{12}}$(?!\n)"

# As stored: an outcome that only a later release knows is kept as text.
StoredOutcome = Annotated[Outcome | str, Field(union_mode="left_to_right")]


class NameFields(Part):
    """A parsed name as fields of a line: whose, when it was taken (UTC), and the extension (stills and videos)."""

    user: str
    device: str
    taken_at: datetime
    extension: str

    @classmethod
    def of(cls, name: FootageName) -> "NameFields":
        """The fields of `name`."""
        return cls(**_fields(name))

    @property
    def name(self) -> FootageName:
        """The name that these are the fields of."""
        return FootageName(Camera(self.user, self.device), ms_from_utc(self.taken_at), self.extension)

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return Camera(self.user, self.device)

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)


class Kept(Part):
    """Where the content of a refused version is by now: in quarantine, or, if S3 did not give it, where it landed."""

    key: str
    version_id: str


class ReceivedVersion(Part):
    """One version of one object that landed in the drop zone: `(key, version_id)` names it for ever.

    `named` is None where the name breaks the contract. In the batch of a history run or a retry it may also be one of
    `footage/`. With `kept`, it was refused, is retried, and is read from there.
    """

    key: str
    version_id: str
    size: int
    received_at: datetime
    named: NameFields | None = None
    kept: Kept | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_0_1(cls, value: Any) -> Any:
        """Release 0.1 left the name to every reader: what follows `incoming/`, or the end of a footage key."""
        if isinstance(value, dict) and "named" not in value and isinstance(value.get("key"), str):
            folder, _, rest = value["key"].partition("/")
            try:
                name = parse_footage_name(rest.rpartition("/")[2] if folder == "footage" else rest)
            except NameRefused:
                return value
            return {**value, "named": _fields(name)}
        return value

    @property
    def name(self) -> FootageName | None:
        """The name under which it landed; None for one that breaks the contract."""
        return self.named.name if self.named else None


class BatchLine(Stored):
    """A received version and what became of it. `footage_*` and `sha256` are set unless it was quarantined.

    For a duplicate they name the footage that is already there. Only filed lines are worked on. `first_version` is set
    for the whole of an object of which a part was filed first: the version of that part.
    """

    source: ReceivedVersion
    outcome: StoredOutcome
    reason: StoredReason | None = None
    footage_key: str | None = None
    footage_version: str | None = None
    sha256: str | None = None
    first_version: str | None = None

    @property
    def is_again(self) -> bool:
        """Whether it is about something that may have been refused before: a retry, or the whole of a part."""
        return self.first_version is not None or self.source.kept is not None or self.source.key == self.footage_key

    @property
    def filed(self) -> tuple[str, str]:
        """Key and version of the filed footage of this line; raises ValueError for a line that is not filed."""
        if self.outcome is not Outcome.FILED or self.footage_key is None or self.footage_version is None:
            raise ValueError(f"expected a filed line, got {self.outcome}")
        return self.footage_key, self.footage_version

    @property
    def footage(self) -> "Footage":
        """The filed footage of this line, made anew each time; raises ValueError for a line that is not filed."""
        key, version_id = self.filed
        fields = {
            "key": key,
            "version_id": version_id,
            "size": self.source.size,
            "sha256": self.sha256 or "",
            "first_version": self.first_version,
        }
        return Footage.model_validate(fields | ({"named": self.source.named} if self.source.named else {}))


class Footage(Stored):
    """One original in `footage/`: a line of a shard. `sha256` is empty for an object that was put there by hand.

    `first_version` is that of the part of this object that was filed before it, if there was one.
    """

    key: str
    version_id: str
    size: int
    sha256: str
    named: NameFields
    first_version: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_0_1(cls, value: Any) -> Any:
        """Release 0.1 left the name to every reader; a key that ends in no name is refused."""
        if isinstance(value, dict) and "named" not in value and isinstance(value.get("key"), str):
            return {**value, "named": _fields(parse_footage_name(value["key"].rpartition("/")[2]))}
        return value

    @property
    def place(self) -> tuple[str, str, int, str, str, str]:
        """Sorts footage by camera, time and version: as its name does, key and version after it, in less time."""
        named = self.named
        taken_at_ms = ms_from_utc(named.taken_at)
        return (named.user, named.device, taken_at_ms, named.extension, self.key, self.version_id)

    @property
    def is_video(self) -> bool:
        """Whether its name says video."""
        return self.named.extension in VIDEO_EXTENSIONS

    @property
    def name(self) -> FootageName:
        """The name under which it was received, as it is written here."""
        return self.named.name

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return self.named.camera


class Claim(Stored):
    """`claims/<run>.json`: the versions that a watch run or a retry took on, sorted, and the id of their batch."""

    batch_id: str
    versions: tuple[ReceivedVersion, ...]

    @classmethod
    def of(cls, versions: Iterable[ReceivedVersion]) -> "Claim":
        """The claim on `versions`; raises ValueError for none."""
        ordered = tuple(sorted(versions, key=lambda v: (v.key, v.version_id)))
        return cls(batch_id=batch_id(ordered), versions=ordered)

    @classmethod
    def retry(cls, versions: Iterable[ReceivedVersion], now: datetime) -> "Claim":
        """The claim by which an operator puts refused `versions` through again at `now`; raises ValueError for none.

        A batch and a run of its own each time; `now` may be asked twice within a second for the same versions.
        """
        claim = cls.of(versions)
        return claim.model_copy(update={"batch_id": f"{RETRY}{now:%Y%m%dT%H%M%SZ}-{claim.batch_id.rpartition('-')[2]}"})


def batch_id(versions: Iterable[ReceivedVersion]) -> str:
    """The stable id of a batch: when its first version landed and a digest of all, from names and never the clock.

    Raises ValueError for no versions: an empty batch is no batch.
    """
    ordered = sorted(versions, key=lambda v: (v.key, v.version_id))
    if not ordered:
        raise ValueError("expected at least one received version, got none")
    first = min(v.received_at for v in ordered)
    content = "\n".join(f"{v.key}\t{v.version_id}" for v in ordered)
    return f"{first:%Y%m%dT%H%M%SZ}-{digest(content, 12)}"


def _fields(name: FootageName) -> dict[str, Any]:
    return {
        "user": name.camera.user,
        "device": name.camera.device,
        "taken_at": name.taken_at,
        "extension": name.extension,
    }
