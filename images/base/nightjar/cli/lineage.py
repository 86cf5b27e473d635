"""`nightjar lineage`: where an alert, a report or a picture comes from, and what an original took part in."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import UsageError
from nightjar.queries.lineage.answer import DAYS_FOR_IDS, DAYS_OF_RUNS, MOST_EACH, MOST_NODES, Question, lineage_of

_MOST = 100_000


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `lineage` to the command line."""
    lineage = commands.add_parser(
        "lineage",
        help="where a thing comes from, down to the originals, or all that it took part in",
        description="Print the tree of the things that a thing was made of, down to the originals: each with its key, "
        "version and SHA-256, the run, shard, image, model, settings and rules that made it, and whether that very "
        "version is still there. All from what is stored; single objects are read, never the whole bucket.",
    )
    lineage.add_argument(
        "name",
        metavar="NAME",
        help="the id of an event or a message, a key, a picture like alice-porch-1763647500, an original like "
        "alice-porch-1763647500.mp4, a day (its report), a run like nightjar_live/<batch>; with --up also an image "
        "(detect:1.4.0, or its digest sha256:…) or the SHA-256 of rules",
    )
    lineage.add_argument("--up", action="store_true", help="instead, the things that it took part in")
    add_range(lineage)
    lineage.add_argument(
        "--most", type=_number, default=MOST_EACH, metavar="N", help=f"of one thing's parts; default: {MOST_EACH}"
    )
    lineage.add_argument(
        "--most-nodes", type=_number, default=MOST_NODES, metavar="N", help=f"in all; default: {MOST_NODES}"
    )
    lineage.add_argument("--short", action="store_true", help="a line for each thing")
    lineage.add_argument("--json", action="store_true", help="for programs")
    lineage.add_argument("--svg", type=Path, metavar="FILE", help="draw it into this file instead")
    lineage.epilog = (
        f"An id is looked for among the events and messages of the last {DAYS_FOR_IDS} days, the work of an image or "
        f"of rules in the runs of the last {DAYS_OF_RUNS} days, unless --from and --to say other days."
    )
    lineage.set_defaults(run=run_lineage)


def run_lineage(given: argparse.Namespace) -> int:
    """Print the tree, or draw it; returns 0."""
    from nightjar.cli.lineage_text import as_json, as_text
    from nightjar.runtime.lineage_svg import drawn
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    check_range(given)
    question = Question(
        given.name,
        is_up=given.up,
        most=given.most,
        most_nodes=given.most_nodes,
        first=None if given.start == BEGINNING else given.start,
        last=None if given.end == END else given.end,
    )
    answer = lineage_of(S3Store(load(StoreSettings)), question, datetime.now(UTC))
    if given.svg:
        try:
            given.svg.write_text(drawn(answer), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"expected a file that can be written at {str(given.svg)!r}: {error.strerror}") from None
    if given.json:
        sys.stdout.write(as_json(answer))
    elif given.svg:
        sys.stdout.write(f"{given.svg}: {len(answer.nodes)} things\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_text(answer, is_short=given.short))
    return 0


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {_MOST:,}, got {text!r}")
