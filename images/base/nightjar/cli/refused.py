"""`nightjar refused`: what was refused, why, and by which run."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import InputError, UsageError
from nightjar.queries.known_cameras import cameras_named

if TYPE_CHECKING:
    from nightjar.domain.names import Camera, FootageName
    from nightjar.domain.quarantine import QuarantineEntry
    from nightjar.runtime.store import ObjectStore

_SHOWN = 120  # characters of a name or a sentence in the table


@dataclass(frozen=True)
class Wanted:
    """Which refusals: of pictures taken (or else received) from `start` up to, not including, `end`.

    Of all reasons and cameras where none is given.
    """

    reasons: frozenset[str] = frozenset()
    cameras: "frozenset[Camera]" = frozenset()
    start: datetime = BEGINNING
    end: datetime = END

    def holds(self, refusal: "Refused") -> bool:
        """Whether `refusal`, of one of the reasons, is wanted."""
        is_of_camera = not self.cameras or (refusal.named is not None and refusal.named.camera in self.cameras)
        return is_of_camera and self.start <= refusal.at < self.end


@dataclass(frozen=True)
class Refused:
    """A refusal: its `folder` in quarantine, and what `reason.json` says. `named` is None for a wrong name."""

    folder: str
    entry: "QuarantineEntry"
    named: "FootageName | None"

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


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `refused` to the command line."""
    refused = commands.add_parser(
        "refused",
        help="the footage that is refused, and why",
        description="List what is in quarantine: reason, camera, time (UTC), name, what was expected and what came, "
        "the folder that holds it, and the run that refused it. `nightjar retry` puts it through again once the cause "
        "is mended; what passes then leaves this list.",
    )
    add_selection(refused)
    refused.add_argument("--format", choices=("text", "json"), default="text")
    refused.set_defaults(run=run_refused)


def add_selection(command: argparse.ArgumentParser) -> None:
    """Add `--reason`, `--camera`, `--from` and `--to`."""
    command.add_argument("--reason", nargs="+", action="extend", default=[], help="such as unknown-camera")
    command.add_argument("--camera", nargs="+", action="extend", default=[], metavar="USER-DEVICE")
    add_range(command)


def selection(given: argparse.Namespace) -> Wanted:
    """The refusals that the arguments name; raises UsageError for a reason that there is not, or a wrong name."""
    from nightjar.domain.names import Camera, NameRefused
    from nightjar.domain.near import near_names
    from nightjar.domain.reasons import Reason

    known = [reason.value for reason in Reason]
    for reason in given.reason:
        if reason not in known:
            near = near_names(reason, {each: (each, *each.split("-")) for each in known})
            hint = f"did you mean {' or '.join(near)}?" if near else f"the reasons are {', '.join(known)}"
            raise UsageError(f"--reason: expected a reason of refusal, got {reason!r}; {hint}")
    try:
        cameras = frozenset(Camera.parse(name) for name in given.camera)
    except NameRefused as error:
        raise UsageError(f"--camera: {error}") from None
    check_range(given)
    return Wanted(frozenset(given.reason), cameras, given.start, given.end)


def run_refused(given: argparse.Namespace) -> int:
    """Print the refusals; returns 0, or 65 when one cannot be read."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    wanted = selection(given)
    store = S3Store(load(StoreSettings))
    refused, unreadable = find(store, wanted)
    if given.format == "json":
        sys.stdout.write(json.dumps([_as_json(each) for each in refused], indent=1, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in table(refused))
    if unreadable:
        raise InputError(f"{len(unreadable)} of {len(refused) + len(unreadable)} were left out: {unreadable[0]}")
    return 0


def find(store: "ObjectStore", wanted: Wanted) -> tuple[list[Refused], list[str]]:
    """The refusals that are `wanted`, by time; and why a `reason.json` could not be read, for those that could not.

    Raises UsageError for a camera that has none, and that nobody knows.
    """
    from nightjar.domain.names import NameRefused, parse_footage_name
    from nightjar.stores.quarantine import Quarantine

    refused: list[Refused] = []
    unreadable: list[str] = []
    # A folder's day is that of the picture in UTC, so whole days are looked through.
    entries = Quarantine(store).entries(wanted.reasons, wanted.start.date(), wanted.end.date())
    for folder, entry in entries:
        if isinstance(entry, InputError):
            unreadable.append(str(entry))
            continue
        try:
            named = parse_footage_name(entry.source_key.rpartition("/")[2])
        except NameRefused:
            named = None
        each = Refused(folder, entry, named)
        if wanted.holds(each):
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


def table(refused: Sequence[Refused]) -> Iterator[str]:
    """The refusals as a table for people."""
    if not refused:
        yield "no refusal is of this kind"
        return
    rows = [("taken or came", "reason", "camera", "name", "why")]
    for each in refused:
        taken, reason = f"{each.at:%Y-%m-%d %H:%M:%S}", str(each.entry.reason)
        rows.append((taken, reason, each.camera, _printable(each.name), _why(each)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row, one in zip(rows, (None, *refused), strict=True):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        if one:
            yield f"    {one.folder}{f'  by {one.run}' if one.run else ''}"
    yield summary(refused)


def summary(refused: Iterable[Refused]) -> str:
    """How many were refused, by reason."""
    reasons = Counter(str(each.entry.reason) for each in refused)
    return (
        f"{reasons.total():,} refused: {', '.join(f'{number:,} {reason}' for reason, number in reasons.most_common())}"
    )


def _why(refused: Refused) -> str:
    return _printable(f"{refused.sentence}{f' ({refused.entry.detail})' if refused.entry.detail else ''}")


def _printable(text: str) -> str:
    """Untrusted text for a terminal, cut to a bounded length."""
    said = "".join(letter if letter.isprintable() else "?" for letter in text)
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"


def _as_json(refused: Refused) -> dict[str, object]:
    return {
        "reason": str(refused.entry.reason),
        "camera": refused.camera or None,
        "at": refused.at.isoformat().replace("+00:00", "Z"),
        "name": refused.name,
        "sentence": refused.sentence,
        "detail": refused.entry.detail,
        "meaning": refused.entry.meaning,
        "key": refused.folder,
        "source_key": refused.entry.source_key,
        "source_version": refused.entry.source_version,
        "run": refused.run or None,
        "stage": refused.entry.stage,
    }
