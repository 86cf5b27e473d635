"""`nightjar refused`: what was refused, why, and by which run."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from nightjar.cli.moments import add_range, check_range
from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.queries.refused import Refused, Wanted


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


def selection(given: argparse.Namespace) -> "Wanted":
    """The refusals that the arguments name; raises UsageError for a reason that there is not, or a wrong name."""
    from nightjar.domain.names import Camera, NameRefused
    from nightjar.domain.near import near_names
    from nightjar.domain.reasons import Reason
    from nightjar.queries.refused import Wanted

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
    from nightjar.queries.refused import find
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


def table(refused: "Sequence[Refused]") -> Iterator[str]:
    """The refusals as a table for people."""
    from nightjar.queries.refused import printable

    if not refused:
        yield "no refusal is of this kind"
        return
    rows = [("taken or came", "reason", "camera", "name", "why")]
    for each in refused:
        taken, reason = f"{each.at:%Y-%m-%d %H:%M:%S}", str(each.entry.reason)
        rows.append((taken, reason, each.camera, printable(each.name), printable(_why(each))))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row, one in zip(rows, (None, *refused), strict=True):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        if one:
            yield f"    {one.folder}{f'  by {one.run}' if one.run else ''}"
    yield summary(refused)


def summary(refused: "Iterable[Refused]") -> str:
    """How many were refused, by reason."""
    reasons = Counter(str(each.entry.reason) for each in refused)
    return (
        f"{reasons.total():,} refused: {', '.join(f'{number:,} {reason}' for reason, number in reasons.most_common())}"
    )


def _why(refused: "Refused") -> str:
    return f"{refused.sentence}{f' ({refused.entry.detail})' if refused.entry.detail else ''}"


def _as_json(refused: "Refused") -> dict[str, object]:
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
