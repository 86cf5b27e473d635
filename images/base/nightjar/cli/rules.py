"""`nightjar rules check` and `nightjar rules put`: whether rules can be used, and making them the ones in force."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli import false_boxes, rules_try
from nightjar.domain.tally import many
from nightjar.errors import UsageError
from nightjar.queries.deployed import deployed_detector

if TYPE_CHECKING:
    from nightjar.domain.rules import Rules
    from nightjar.runtime.rules import CheckedRules
    from nightjar.runtime.store import ObjectStore

_CHECKED = (
    "Labels that the detector cannot see are reported too, and so are channels that no address is known for, where "
    "CHANNELS_URLS is set. Exits with 0, or with 64 when the rules are wrong; with --strict also for such a label."
)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `rules` to the command line."""
    rules = commands.add_parser("rules", help="the rules of what is unsafe and who hears about it")
    actions = rules.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="check a rules file, or the one in the bucket",
        description="Check a rules file, or config/rules.yaml in the bucket, and print each problem with its line. "
        + _CHECKED,
    )
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: config/rules.yaml in the bucket")
    check.set_defaults(run=run_check)
    put = actions.add_parser(
        "put",
        help="check a rules file and make it the one in force",
        description="Check a rules file, put it at config/rules.yaml in the bucket, and print how it differs from the "
        "one before. The next run uses it. A file with a problem is not put. The bucket keeps every version: to undo, "
        "put the one before again. " + _CHECKED,
    )
    put.add_argument("file", type=Path, metavar="FILE")
    put.set_defaults(run=run_put)
    rules_try.register(actions)
    false_boxes.register(actions)
    for action in (check, put):
        action.add_argument("--strict", action="store_true", help="a label that the detector cannot see is an error")
        action.add_argument("--model-card", type=Path, metavar="FILE", help="default: that of the deployed detector")


def run_check(given: argparse.Namespace) -> int:
    """Print what is wrong with the rules, each problem on a line; returns 0, or 64 when something is."""
    store = None if given.file and given.model_card else _store(required=given.file is None)
    source, text = _rules_text(given.file, store)
    return UsageError.exit_code if _check(source, text, given, store) is None else 0


def run_put(given: argparse.Namespace) -> int:
    """Check the rules and make them the ones in force; returns 0, or 64 when they were not put."""
    from nightjar.queries.rules_check import difference
    from nightjar.stores.rules import RULES_KEY, RulesStore

    store = _store(required=True)
    assert store is not None
    text = _read(given.file)
    rules = _check(str(given.file), text, given, store)
    if rules is None:
        _say(f"not put: {RULES_KEY} is as it was")
        return UsageError.exit_code
    put = RulesStore(store).put(text)
    if put.before == text:
        _say(f"{RULES_KEY} has this text already, as version {put.now.version_id}")
        return 0
    _say(difference(put.before, rules))
    _say(f"{RULES_KEY} is version {put.now.version_id} now; runs that begin from now on use it")
    if put.before_version:
        _say(
            f"before, it was version {put.before_version}. The bucket keeps it; to undo:\n"
            f"  aws s3api get-object --bucket $NIGHTJAR_BUCKET --key {RULES_KEY} --version-id {put.before_version} "
            "before.yaml\n"
            "  nightjar rules put before.yaml"
        )
    return 0


def _check(source: str, text: bytes, given: argparse.Namespace, store: "ObjectStore | None") -> "Rules | None":
    """Say what there is to say about the rules; returns them if they can be used."""
    from nightjar.queries.rules_check import known_languages
    from nightjar.runtime.rules import check_rules

    detector, labels = _labels(given.model_card, store)
    checked = check_rules(text, labels, channel_names(), languages=known_languages())
    for problem in checked.problems:
        _say(f"{source}: {problem}")
    for problem in checked.unseen:
        _say(f"{source}: {'' if given.strict else 'warning: '}{problem}")
    for problem in checked.warnings:
        _say(f"{source}: warning: {problem}")
    if checked.unseen:
        assert labels is not None
        _say(f"the detector {detector} sees {', '.join(sorted(labels))}")
    number = len(checked.problems) + (len(checked.unseen) if given.strict else 0)
    if labels is None:
        _say("labels not checked: no model card given, and no detector is deployed")
        if given.strict and not number:
            _say(f"{source}: with --strict, expected a detector to check the labels against: give --model-card")
            return None
    _say(f"{source}: {_summary(checked)}" if not number else f"{source}: {number} problem{'s' if number > 1 else ''}")
    return None if number else checked.rules


def _summary(checked: "CheckedRules") -> str:
    rules = checked.rules
    assert rules is not None
    counts = ((len(rules.rules), "rule"), (len(rules.users), "user"), (rules.camera_count, "camera"))
    return f"{', '.join(many(n, name) for n, name in counts)}: fine"


def channel_names(environment: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """The channels that the deployment has addresses for; None where the secret with them is not at hand.

    Most people who check rules do not have it, which is as it should be.
    """
    try:
        addresses = json.loads(environment.get("CHANNELS_URLS", ""))
    except ValueError:
        return None
    return frozenset(addresses) if isinstance(addresses, dict) else None


def _labels(card: Path | None, store: "ObjectStore | None") -> tuple[str, frozenset[str] | None]:
    """The detector in words and what it can see; None when no detector is known."""
    from nightjar.domain.detectors import labels_in

    if card is not None:
        return f"of {card}", labels_in(_read(card), str(card))
    detector = deployed_detector(store) if store else None
    return (f"with tag {detector.tag}", frozenset(detector.labels)) if detector else ("", None)


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
