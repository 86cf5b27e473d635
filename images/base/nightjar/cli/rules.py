"""`nightjar rules check`: whether the rules can be used, and which of their labels the detector can never see."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.deployed import deployed_detector
from nightjar.errors import UsageError

if TYPE_CHECKING:
    from nightjar.domain.rules import Rules
    from nightjar.runtime.store import ObjectStore


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `rules` to the command line."""
    rules = commands.add_parser("rules", help="the rules of what is unsafe and who hears about it")
    actions = rules.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="check a rules file, or the one in the bucket",
        description="Check a rules file, or config/rules.yaml in the bucket, and print each problem with its line. "
        "Labels that the detector cannot see are reported too. Exits with 0, or with 64 when the rules are wrong.",
    )
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: config/rules.yaml in the bucket")
    check.add_argument("--model-card", type=Path, metavar="FILE", help="default: that of the deployed detector")
    check.set_defaults(run=check_rules)


def check_rules(given: argparse.Namespace) -> int:
    """Print what is wrong with the rules, each problem on a line; returns 0, or 64 when something is."""
    from nightjar.runtime.rules import RulesError, parse_rules

    store = None if given.file and given.model_card else _store(required=given.file is None)
    source, text = _rules_text(given.file, store)
    try:
        rules = parse_rules(text, source)
    except RulesError as error:
        for problem in error.problems:
            _say(f"{source}: {problem}")
        _say(f"{source}: {len(error.problems)} problem{'s' if len(error.problems) > 1 else ''}")
        return error.exit_code
    _say(f"{source}: {len(rules.rules)} rules, {len(rules.users)} users, {len(rules.cameras)} cameras: fine")
    for line in _unseen(rules, given.model_card, store):
        _say(line)
    return 0


def _unseen(rules: "Rules", card: Path | None, store: "ObjectStore | None") -> Iterable[str]:
    from nightjar.domain.detectors import labels_in

    if card is not None:
        name, labels = f"of {card}", labels_in(_read(card), str(card))
    elif store is None or (detector := deployed_detector(store)) is None:
        yield "labels not checked: no model card given, and no detector is deployed"
        return
    else:
        name, labels = f"with tag {detector.tag}", frozenset(detector.labels)
    for rule, unseen in rules.unseen_labels(labels).items():
        yield f"rule {rule}: the detector {name} cannot see {', '.join(unseen)}; it sees {', '.join(sorted(labels))}"


def _rules_text(file: Path | None, store: "ObjectStore | None") -> tuple[str, bytes]:
    from nightjar.stores.rules import RULES_KEY, RulesStore

    if file is not None:
        return str(file), _read(file)
    assert store is not None
    return RULES_KEY, RulesStore(store).current()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a file at {str(file)!r}: {error.strerror}") from None


def _store(*, required: bool) -> "ObjectStore | None":
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    try:
        return S3Store(load(StoreSettings))
    except UsageError:
        if required:
            raise
        return None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
