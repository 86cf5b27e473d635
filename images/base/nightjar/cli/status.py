"""`nightjar status`: what is deployed, what waits, how the last runs ended, and first of all what is red."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightjar.domain.tally import many

if TYPE_CHECKING:
    from nightjar.queries.deployment import (
        Cameras,
        DeploymentState,
        Images,
        OperatorTrouble,
        RulesState,
        Waiting,
    )
    from nightjar.queries.troubled import Troubled
    from nightjar.stores.run_index import RunState

# A part of the status that only the surroundings know, such as the components of a local deployment.
Section = Callable[[], str]
_DAY, _HOUR, _MINUTE = 86_400, 3600, 60


def register(commands: "argparse._SubParsersAction[Any]", sections: Sequence[Section] = ()) -> None:
    """Add `status` to the command line, with further `sections` after its own."""
    status = commands.add_parser(
        "status",
        help="what is red, the deployed images, the rules in force, the last runs, what waits, and the cameras",
        description="Print what a person should look at, the images of the newest release that a run was pinned to, "
        "the rules in force and the mistakes in newer ones, how the last runs ended, how much footage waits and how "
        "long, the cameras that are silent the longest and, for a local deployment, the state of each component. It "
        "costs a bounded number of requests, however much is stored.",
    )
    status.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    status.add_argument(
        "--check",
        action="store_true",
        help="one line, for a monitor outside: exit code 0 when nothing is red, 1 when something is, 2 when alerts do "
        "not go out; any other: it cannot be told",
    )
    status.set_defaults(run=lambda given: check_status() if given.check else print_status(given.format, sections))


def print_status(form: str, sections: Sequence[Section]) -> int:
    """Print the status as `text` or `json`; returns 0."""
    from pydantic import TypeAdapter

    from nightjar.queries.deployment import DeploymentState, deployment_state
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    seen = deployment_state(store, store.bucket, datetime.now(UTC))
    if form == "json":
        document = TypeAdapter(DeploymentState).dump_python(seen, mode="json")
        document["surroundings"] = [section() for section in sections]
        sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
    else:
        sys.stdout.write("\n\n".join([*as_text(seen), *(section() for section in sections)]) + "\n")
    return 0


def check_status() -> int:
    """Print one line as Nagios wants it of a plugin; returns 0, 1 or 2."""
    from nightjar.queries.deployment import deployment_state
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    code, line = as_check(deployment_state(store, store.bucket, datetime.now(UTC)))
    sys.stdout.write(f"{line}\n")
    return code


def as_check(seen: "DeploymentState") -> tuple[int, str]:
    """The exit code and the line of `--check`."""
    from nightjar.domain.severity import Severity

    if not seen.red:
        return 0, "OK: nothing is red"
    is_critical = any(each.severity == Severity.CRITICAL for each in seen.troubles)
    return (2, f"CRITICAL: {'; '.join(seen.red)}") if is_critical else (1, f"WARNING: {'; '.join(seen.red)}")


def as_text(seen: "DeploymentState") -> Iterator[str]:
    """The parts of the status for a terminal, each of some lines."""
    yield f"Bucket {seen.bucket}, {_time(seen.at)}"
    yield _listed("Red", seen.red) if seen.red else "Nothing is red."
    if seen.troubles:
        yield _listed("Open troubles, of which the operator is told", _troubles(seen.troubles))
    yield _images(seen.deployed)
    yield _rules(seen.rules)
    yield _runs(seen.runs)
    yield _waiting(seen.incoming, "object waits below incoming/", "objects wait below incoming/", seen.at)
    yield _waiting(seen.claims, "claim is open", "claims are open", seen.at)
    yield _cameras(seen.cameras, seen.at)
    yield _troubled(seen.troubled, seen.at)


def _troubles(troubles: "Sequence[OperatorTrouble]") -> Iterator[str]:
    for each in troubles:
        told = f"told {_time(each.told)}" if each.told else "not told yet"
        yield f"{each.severity}: {each.title}, since {_time(each.since)}, {told}"
        yield from (f"  {line}" for line in (each.text, each.todo, each.link) if line)


def _images(deployed: "Images | None") -> str:
    if deployed is None:
        return "Nothing is deployed yet: no run has begun."
    width = max(map(len, deployed.images), default=0)
    images = (f"{name:{width}}  {image}" for name, image in deployed.images.items())
    return _listed(f"Deployed since {_time(deployed.since)}, first by {deployed.run}", images)


def _rules(rules: "RulesState") -> str:
    if rules.key is None:
        return _listed("No rules are in force", rules.problems)
    assert rules.since is not None
    numbers = f"{many(rules.rules, 'rule')}, {many(rules.users, 'user')}"
    head = f"Rules in force: {rules.key}, put {_time(rules.since)}, {numbers}"
    lines = [f"version {rules.version}", f"SHA-256 {rules.sha256}"]
    if rules.problems:
        lines += ["config/rules.yaml is not used:", *(f"  {problem}" for problem in rules.problems)]
    return _listed(head, lines)


def _runs(runs: "Sequence[RunState]") -> str:
    if not runs:
        return "No run has begun within a week."
    rows = [
        (run.dag, run.name, run.state, _time(run.began) if run.began else "", _time(run.ended) if run.ended else "")
        for run in runs
    ]
    return _listed("Last runs (begun, ended)", _table(rows))


def _waiting(waiting: "Waiting", singular: str, plural: str, now: datetime) -> str:
    if waiting.is_capped:
        number = f"{waiting.number:,} {plural.split()[0]} or more {plural.partition(' ')[2]}"
    else:
        number = f"{waiting.number} {singular if waiting.number == 1 else plural}"
    return number + (f", the oldest for {_age(now - waiting.oldest)}." if waiting.oldest else ".")


def _troubled(troubled: "Troubled", now: datetime) -> str:
    if not troubled.number:
        return "No camera is in trouble."
    rows = [
        (
            each.camera,
            each.kind,
            each.severity,
            f"since {_time(each.since)}, {_age(now - each.since)} ago",
            f"told {_time(each.told)}" if each.told else "not told yet",
        )
        for each in troubled.shown
    ]
    shown = "" if len(rows) == troubled.number else f", {len(rows)} of them here: nightjar cameras --troubled"
    return _listed(f"{many(troubled.number, 'trouble')} of cameras{shown}", _table(rows))


def _cameras(cameras: "Cameras", now: datetime) -> str:
    if not cameras.number:
        return "No cameras are in the rules."
    rows = [
        (state.camera, f"{_time(state.last_picture)}, {_age(now - state.last_picture)} ago")
        if state.last_picture
        else (state.camera, "none within 48 hours")
        for state in cameras.longest_silent
    ]
    shown = "" if len(rows) == cameras.number else f", the {len(rows)} longest silent"
    return _listed(
        f"{many(cameras.number, 'camera')}, {cameras.silent} of them silent for 48 hours; last pictures{shown}",
        _table(rows),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _listed(head: str, lines: "Sequence[str] | Iterator[str]") -> str:
    return "\n".join([head, *(f"  {line}" for line in lines)])


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
