"""Refusals as they stand in quarantine: which there are, and what each says."""

from dataclasses import dataclass
from datetime import UTC, datetime

from nightjar.domain.names import Camera, FootageName, NameRefused, parse_footage_name
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.errors import InputError, UsageError
from nightjar.queries.known_cameras import cameras_named
from nightjar.runtime.store import ObjectStore
from nightjar.stores.quarantine import Quarantine

_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_SHOWN = 120  # characters of a name or a sentence in a list


@dataclass(frozen=True)
class Wanted:
    """Which refusals: of pictures taken (or else received) from `start` up to, not including, `end`.

    Of all reasons and cameras where none is given.
    """

    reasons: frozenset[str] = frozenset()
    cameras: frozenset[Camera] = frozenset()
    start: datetime = _BEGINNING
    end: datetime = _END

    def holds(self, refusal: "Refused") -> bool:
        """Whether `refusal`, of one of the reasons, is wanted."""
        is_of_camera = not self.cameras or (refusal.named is not None and refusal.named.camera in self.cameras)
        return is_of_camera and self.start <= refusal.at < self.end


@dataclass(frozen=True)
class Refused:
    """A refusal: its `folder` in quarantine, and what `reason.json` says. `named` is None for a wrong name."""

    folder: str
    entry: QuarantineEntry
    named: FootageName | None

    @classmethod
    def of(cls, folder: str, entry: QuarantineEntry) -> "Refused":
        """The refusal that `entry` in `folder` tells of."""
        try:
            named = parse_footage_name(entry.source_key.rpartition("/")[2])
        except NameRefused:
            named = None
        return cls(folder, entry, named)

    @property
    def at(self) -> datetime:
        """When it was taken or, where its name does not tell, received."""
        return (self.entry.taken_at or self.entry.received_at).astimezone(UTC)

    @property
    def camera(self) -> str:
        """`<user>-<device>`; empty for a wrong name."""
        return self.named.camera.name if self.named else ""

    @property
    def name(self) -> str:
        """The name under which it landed or was filed."""
        return self.entry.source_key.rpartition("/")[2] or self.entry.source_key

    @property
    def sentence(self) -> str:
        """Why, in words: expected this, got that."""
        entry = self.entry
        return f"expected {entry.expected}, got {entry.found}" if entry.expected else entry.found

    @property
    def run(self) -> str:
        """The run that refused it; empty where the release that did so did not note it."""
        return self.entry.run


def find(store: ObjectStore, wanted: Wanted) -> tuple[list[Refused], list[str]]:
    """The refusals that are `wanted`, by time; and why a `reason.json` could not be read, for those that could not.

    Reads each of them. Raises UsageError for a camera that has none, and that nobody knows.
    """
    refused: list[Refused] = []
    unreadable: list[str] = []
    # A folder's day is that of the picture in UTC, so whole days are looked through.
    entries = Quarantine(store).entries(wanted.reasons, wanted.start.date(), wanted.end.date())
    for folder, entry in entries:
        if isinstance(entry, InputError):
            unreadable.append(str(entry))
        elif wanted.holds(each := Refused.of(folder, entry)):
            refused.append(each)
    without = {camera.name for camera in wanted.cameras} - {each.camera for each in refused}
    try:
        cameras_named(store, sorted(without))
    except UsageError:
        if wanted == (everything := Wanted(cameras=wanted.cameras)):
            raise
        # A camera that the rules never knew is known by its refusals, of another reason or time.
        cameras_named(store, sorted(without - {each.camera for each in find(store, everything)[0]}))
    return sorted(refused, key=lambda each: (each.at, each.folder)), unreadable


def printable(text: str, most: int = _SHOWN) -> str:
    """Untrusted text to show: no control characters, nothing that turns the direction of writing, at most so long."""
    said = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return said if len(said) <= most else f"{said[: most - 1]}…"
