"""`nightjar compare`: a candidate (a detector, rules, or both) beside what is deployed, over stored pictures."""

import argparse
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.cli.rules_try import check_user, rules_in
from nightjar.errors import UsageError
from nightjar.queries.deployed import detector_folder

if TYPE_CHECKING:
    from nightjar.domain.comparison.documents import Comparison
    from nightjar.runtime.store import ObjectStore

PAGE, DOCUMENT = "comparison.html", "comparison.json"
_DEFAULT = timedelta(days=7)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compare` to the command line."""
    command = commands.add_parser(
        "compare",
        help="a candidate detector, or other rules, beside what is deployed: what is gained and lost",
        description="Compare a candidate with what is deployed, over the pictures that both detectors know: objects, "
        "events and alerts gained and lost by label, camera and user, events that people reviewed, speed and memory. "
        "From stored detections alone: nothing is detected, nobody is alerted, and nothing is written to the bucket. "
        "A candidate gets to know past days by `nightjar backfill --candidate TAG`.",
    )
    command.add_argument("--candidate", metavar="NAME", help="a detector, by the tag of its image or by its id")
    command.add_argument("--rules", type=Path, metavar="FILE", help="other rules; default: those in force")
    command.add_argument(
        "--detector", metavar="NAME", help="the detector to compare with, by tag or id; default: the deployed one"
    )
    add_range(command)
    command.add_argument("--user", default="", metavar="NAME", help="the user's cameras alone; default: all")
    command.add_argument(
        "--output", type=Path, metavar="DIR", help=f"write a page with pictures there, {PAGE}, and {DOCUMENT}"
    )
    command.add_argument("--json", action="store_true", help="print all of it as JSON, for programs")
    command.set_defaults(run=run_compare)


def run_compare(given: argparse.Namespace) -> int:
    """Print, and write, what the candidate would change; returns 0."""
    from nightjar.cli.compare_text import as_text
    from nightjar.queries.comparing import Candidate, compare_stored, sides_of
    from nightjar.runtime.progress import log_handler
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.stores.rules import RulesStore

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log_handler(sys.stderr)])
    check_range(given)
    if given.candidate is None and given.rules is None:
        raise UsageError("expected --candidate with a detector, --rules with a file, or both; got neither")
    end = datetime.now(UTC) if given.end == END else given.end
    start = end - _DEFAULT if given.start == BEGINNING else given.start
    if start >= end:
        raise UsageError(f"expected --from in the past, got {start.isoformat()}")
    new, new_sha256 = rules_in(given.rules) if given.rules else (None, "")
    store = S3Store(load(StoreSettings))
    in_force = RulesStore(store).in_force()
    sha256 = in_force.ref.sha256 if in_force.ref else ""
    if given.user:
        check_user(given.user, new, in_force.rules)
    before = detector_folder(store, given.detector)
    after = before if given.candidate is None else detector_folder(store, given.candidate, "--candidate")
    if after == before and new is None:
        raise UsageError(f"expected a candidate that is another detector than the deployed one, got {after} twice")
    sides = sides_of(
        store,
        Candidate(before, in_force.rules, sha256),
        Candidate(after, new or in_force.rules, new_sha256 or sha256),
        start,
        end,
    )
    comparison = compare_stored(store, sides, given.user)
    if given.output is not None:
        _write(store, given.output, comparison)
    if given.json:
        sys.stdout.write(f"{_document(comparison)}\n")
        return 0
    sys.stdout.writelines(f"{line}\n" for line in as_text(comparison))
    page = (
        f"The page with pictures: {given.output / PAGE}" if given.output else "For a page with pictures: --output DIR"
    )
    sys.stdout.write(f"{page}\n")
    return 0


def _document(comparison: "Comparison") -> str:
    return json.dumps(comparison.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False)


def _write(store: "ObjectStore", out: Path, comparison: "Comparison") -> None:
    from nightjar.cli.compare_page import page

    data = page(store, comparison)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / PAGE).write_bytes(data)
        (out / DOCUMENT).write_text(f"{_document(comparison)}\n")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename!r}: {error.strerror}") from None
