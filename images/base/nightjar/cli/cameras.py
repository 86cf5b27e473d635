"""`nightjar cameras`: when each camera was last heard of, which troubles it has, and what was told of them."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightjar.queries.camera_states import CameraState, TroubleState


def register(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `cameras` to the command line."""
    cameras = commands.add_parser(
        "cameras",
        help="when each camera was last heard of, its troubles, and what was told of them",
        description="Print for each camera when its last footage was taken and arrived, when it will count as silent, "
        "how many pictures of the last day were refused, and its troubles with their notices. Without --camera, all "
        "cameras of the rules; with --troubled, only those that are in trouble.",
    )
    cameras.add_argument("--camera", action="append", default=[], metavar="USER-DEVICE", help="may be repeated")
    cameras.add_argument("--troubled", action="store_true", help="only cameras that are in trouble")
    cameras.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    cameras.set_defaults(run=print_cameras)


def print_cameras(given: argparse.Namespace) -> int:
    """Print the cameras that were asked for; returns 0."""
    from pydantic import TypeAdapter

    from nightjar.queries.camera_states import CameraState, chosen, states_of
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    states = states_of(store, chosen(store, given.camera, troubled=given.troubled), datetime.now(UTC))
    if given.format == "json":
        document = TypeAdapter(list[CameraState]).dump_python(states, mode="json")
        sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in as_text(states)))
    return 0


def as_text(states: "Sequence[CameraState]") -> Iterator[str]:
    """For people: some lines for each camera."""
    if not states:
        yield "No such cameras."
    for state in states:
        yield state.camera
        yield f"  last footage  {_footage(state)}"
        if state.pictures_of_the_last_day:
            yield f"  last day      {_outcomes(state.pictures_of_the_last_day)}"
        if state.awaited:
            yield f"  silent if     nothing arrives by {_time(state.awaited)}"
        for trouble in state.troubles:
            yield f"  {'trouble' if trouble.ended is None else 'was':12}  {_trouble(trouble)}"


def _footage(state: "CameraState") -> str:
    if state.last_arrived is None:
        return "none since cameras are looked after"
    taken = _time(state.last_taken) if state.last_taken else "at no plausible time"
    return f"arrived {_time(state.last_arrived)}, taken {taken}"


def _outcomes(counts: dict[str, int]) -> str:
    good = counts.get("", 0)
    refused = [f"{number:,} {reason}" for reason, number in sorted(counts.items(), key=lambda c: -c[1]) if reason]
    return f"{good:,} good" + (f", refused: {', '.join(refused)}" if refused else ", none refused")


def _trouble(trouble: "TroubleState") -> str:
    told = f"told {_time(trouble.told)}" if trouble.told else "nobody was told"
    if trouble.ended is None:
        return f"{trouble.kind} ({trouble.severity}) since {_time(trouble.since)}, {told}"
    over = f"its end {_time(trouble.end_told)}" if trouble.end_told else "its end was not told"
    return f"{trouble.kind} from {_time(trouble.since)} to {_time(trouble.ended)}, {told}, {over}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
