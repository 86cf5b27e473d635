"""`nightjar status`: the images of the deployed release, the footage that waits, and what the surroundings add."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightjar.runtime.store import ObjectStore

# A part of the status that only the surroundings know, such as the components of a local deployment.
Section = Callable[[], str]
_COUNTED = 1000  # objects that wait: more are not counted, so that the answer comes at once


def register(commands: "argparse._SubParsersAction[Any]", sections: Sequence[Section] = ()) -> None:
    """Add `status` to the command line, with further `sections` after its own."""
    status = commands.add_parser(
        "status",
        help="the deployed images, and how much footage waits",
        description="Print the images of the newest release that a run was pinned to, how many objects wait below "
        "incoming/ and, for a local deployment, the state of each component.",
    )
    status.set_defaults(run=lambda _: print_status(sections))


def print_status(sections: Sequence[Section]) -> int:
    """Print the status; returns 0."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    for text in (*status(store), *(section() for section in sections)):
        sys.stdout.write(f"{text}\n\n")
    return 0


def status(store: "ObjectStore") -> Iterator[str]:
    """The parts of the status that the bucket tells."""
    from nightjar.stores.drop_zone import DropZone
    from nightjar.stores.runs import Runs

    deployed = Runs(store).deployed()
    if deployed is None:
        yield "Nothing is deployed yet: no run has begun."
    else:
        width = max(map(len, deployed.stages))
        images = (f"  {name:{width}}  {stage.image}" for name, stage in deployed.stages.items())
        yield "\n".join([f"Deployed since {deployed.since:%Y-%m-%d %H:%M} UTC, first by {deployed.run}", *images])
    zone = DropZone(store)
    waiting = len(list(islice(zone.waiting(frozenset()), _COUNTED)))
    number = f"{_COUNTED:,} objects or more wait" if waiting == _COUNTED else _many(waiting)
    yield f"{number} below incoming/."


def _many(number: int) -> str:
    return "1 object waits" if number == 1 else f"{number} objects wait"
