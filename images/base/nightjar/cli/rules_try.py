"""`nightjar rules try`: which alerts other rules would have sent about pictures that were taken."""

import argparse
import hashlib
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import UsageError
from nightjar.queries.deployed import detector_folder

if TYPE_CHECKING:
    from nightjar.domain.rules import Rules
    from nightjar.queries.trial import Trial
    from nightjar.runtime.store import ObjectStore

PAGE = "rules-try.html"


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `try` to the actions of `nightjar rules`."""
    command = actions.add_parser(
        "try",
        help="which alerts other rules would have sent, beside those in force",
        description="Judge pictures that were taken by the rules in a file and by those in force, from stored "
        "detections alone, and print which alerts are gained and lost, by user and rule. Nothing is detected again, "
        "nobody is alerted, and nothing is written to the bucket.",
    )
    command.add_argument("--rules", type=Path, required=True, metavar="FILE", help="the rules to try")
    add_range(command)
    command.add_argument("--user", default="", metavar="NAME", help="the user's cameras alone; default: all")
    command.add_argument("--out", type=Path, metavar="DIR", help=f"write a page with the pictures there: {PAGE}")
    command.add_argument("--json", action="store_true", help="print all of it as JSON, for programs")
    command.add_argument(
        "--detector", metavar="NAME", help="its id, or the tag of its image; default: the deployed one"
    )
    command.set_defaults(run=run_try)


def run_try(given: argparse.Namespace) -> int:
    """Print what the rules would have changed; returns 0."""
    from nightjar.cli.trial_text import as_document, as_text
    from nightjar.queries.trial import Asked, run_trial
    from nightjar.queries.trial_words import in_force_in_words
    from nightjar.runtime.progress import log_handler
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.stores.rules import RulesStore

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log_handler(sys.stderr)])
    check_range(given)
    if given.start == BEGINNING:
        raise UsageError("expected --from with the first day to try, got none")
    end = datetime.now(UTC) if given.end == END else given.end
    if given.start >= end:
        raise UsageError(f"expected --from in the past, got {given.start.isoformat()}")
    new, _ = rules_in(given.rules)
    store = S3Store(load(StoreSettings))
    in_force = RulesStore(store).in_force()
    if given.user:
        check_user(given.user, new, in_force.rules)
    asked = Asked(detector_folder(store, given.detector), given.start, end, given.user)
    trial = run_trial(store, asked, in_force.rules, new)
    ref = in_force.ref
    words = in_force_in_words(ref.key, in_force.since, ref.sha256) if ref else in_force_in_words()
    if given.out is not None:
        _write_page(store, given.out, trial, words, given.rules)
    if given.json:
        document = as_document(trial, words, str(given.rules))
        sys.stdout.write(f"{json.dumps(document, indent=1, ensure_ascii=False)}\n")
        return 0
    sys.stdout.writelines(f"{line}\n" for line in as_text(trial, words, str(given.rules)))
    page = f"The page with pictures: {given.out / PAGE}" if given.out else "For a page with pictures: --out DIR"
    sys.stdout.write(f"{page}\n")
    return 0


def rules_in(file: Path) -> "tuple[Rules, str]":
    """The rules in `file`, and its SHA-256; raises UsageError with the line of each problem."""
    from nightjar.runtime.rules import parse_rules

    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a file at {str(file)!r}: {error.strerror}") from None
    return parse_rules(data, str(file)), hashlib.sha256(data).hexdigest()


def check_user(name: str, *rules: "Rules | None") -> None:
    """Raise UsageError, with names that are near, where none of the `rules` has the user `name`."""
    from nightjar.domain.near import near_names

    known = {user for each in rules if each for user in each.users}
    if name not in known:
        near = near_names(name, {user: (user,) for user in known})
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"--user: expected a user of one of the rules, got {name!r}{hint}")


def _write_page(store: "ObjectStore", out: Path, trial: "Trial", in_force: str, new: Path) -> None:
    from nightjar.cli.trial_page import page

    data = page(store, trial, in_force, str(new))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / PAGE).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename!r}: {error.strerror}") from None
