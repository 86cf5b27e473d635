"""`nightjar release`, `releases`, `promote` and `drop`: bump the Variable `nightjar_images`, and see its bumps."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightjar.cli.tables import aligned
from nightjar.errors import NightjarError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.bumps import Bump, BumpKind
    from nightjar.domain.release import Images
    from nightjar.queries.release_history import Deployment
    from nightjar.queries.releasing import ImageSource

_AUDITED = ("patch_variable", "post_variable", "variable.edit", "variable.create", "cli_variables_set")
_AUDIT_LINES = 200
_RUNS_SHOWN = 3


def register(commands: "argparse._SubParsersAction[Any]", source: "Callable[[], ImageSource] | None" = None) -> None:
    """Add the four commands to the command line. `source` says where images come from, if not from a registry."""
    release = commands.add_parser(
        "release",
        help="deploy another version of a stage, or go back",
        description="Bump the Airflow Variable nightjar_images: the next run uses it, a run under way keeps its own. "
        "It is checked that the images are there and hold what they held when their tag was first seen; who did it and "
        "why is written down.",
    )
    release.add_argument(
        "tags", nargs="*", metavar="IMAGE=TAG", help="detect=1.4.0; detect_candidate=… tries one beside"
    )
    release.add_argument(
        "--back",
        nargs="?",
        const="",
        metavar="BUMP",
        help="instead: the value before the newest bump, or before this one",
    )
    release.add_argument("--why", required=True, help="the reason, in a line, for the history")
    release.add_argument("--by", help="who; by default whoever signs in to Airflow, or the user of this machine")
    release.set_defaults(run=partial(run_release, source=source))
    promote = commands.add_parser(
        "promote",
        help="deploy the candidate detector",
        description="Deploy the detector that detect_candidate of nightjar_images names, and end the trial.",
    )
    drop = commands.add_parser(
        "drop",
        help="end the trial of the candidate detector",
        description="Take the candidate detector out of nightjar_images; the deployed one stays.",
    )
    for command, kind in ((promote, "promote"), (drop, "drop")):
        command.add_argument("--why", required=True, help="the reason, in a line, for the history")
        command.add_argument("--by", help="who; by default whoever signs in to Airflow, or the user of this machine")
        command.set_defaults(run=partial(run_end, kind=kind, source=source))
    listed = commands.add_parser(
        "releases",
        help="what was deployed when, by whom, why, and which runs worked by it",
        description="List the bumps of nightjar_images, newest first, with the runs that were pinned by each.",
    )
    listed.add_argument("--most", type=int, default=20, metavar="N", help="bumps at most; default: 20")
    listed.add_argument("--runs", action="store_true", help="name every run, not only the newest three")
    listed.add_argument("--json", action="store_true", help="for programs")
    listed.set_defaults(run=run_releases)


def run_release(given: argparse.Namespace, source: "Callable[[], ImageSource] | None") -> int:
    """Bump tags, or go back; returns 0."""
    from nightjar.domain.bumps import BumpKind
    from nightjar.queries.releasing import going_back, tags_changed

    if bool(given.tags) == (given.back is not None):
        raise UsageError("expected either <image>=<tag>, such as detect=1.4.0, or --back")
    change = tags_changed(given.tags) if given.tags else going_back(_store(), given.back or None)
    return _bump(given, BumpKind.RELEASE, change, source)


def run_end(given: argparse.Namespace, kind: str, source: "Callable[[], ImageSource] | None") -> int:
    """Promote or drop the candidate; returns 0."""
    from nightjar.domain.bumps import BumpKind, dropped, promoted

    return _bump(given, BumpKind(kind), promoted if kind == BumpKind.PROMOTE else dropped, source)


def _bump(
    given: argparse.Namespace,
    kind: "BumpKind",
    change: "Callable[[Images], Images]",
    source: "Callable[[], ImageSource] | None",
) -> int:
    from nightjar.cli.images_variable import opened
    from nightjar.queries.releasing import RegistrySource, bump_images

    registry = RegistrySource(_docker_config())
    with opened() as (variable, user):
        bump = bump_images(
            _store(),
            variable,
            change,
            kind=kind,
            by=given.by or user or f"command {getuser()}",
            why=given.why,
            now=datetime.now(UTC),
            source=source() if source else registry,
        )
    lines = [*bump.changes, *registry.doubts, "The next run uses it; runs that are under way keep their release."]
    sys.stdout.write("\n".join([*lines, f"To go back: nightjar release --back {bump.id} --why …", ""]))
    return 0


def run_releases(given: argparse.Namespace) -> int:
    """List the history; returns 0."""
    from nightjar.queries.release_history import history, named_by_audit

    if given.most < 1:
        raise UsageError(f"expected --most of at least 1, got {given.most}")
    deployments = named_by_audit(history(_store(), given.most), _audit_lines())
    if given.json:
        sys.stdout.write(json.dumps([_as_json(each) for each in deployments], indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_text(deployments, every_run=given.runs))
    return 0


def as_text(deployments: "Sequence[Deployment]", *, every_run: bool) -> Iterator[str]:
    """The history for people: a bump with what changed, why, by whom, and its runs."""
    if not deployments:
        yield "no release is known yet: the first run writes one down"
    for deployment in deployments:
        bump = deployment.bump
        yield f"{bump.at:%Y-%m-%d %H:%M:%S} UTC  {bump.kind}  by {deployment.by}  {bump.id}"
        yield from (f"    {change}" for change in bump.changes)
        if bump.why:
            yield f"    why: {bump.why}"
        runs = deployment.runs if every_run else deployment.runs[:_RUNS_SHOWN]
        number = len(deployment.runs)
        more = f", the newest {_RUNS_SHOWN}" if len(runs) < number else ""
        yield f"    {number} run{'' if number == 1 else 's'}{more}{':' if runs else ''}"
        rows = [("     ", f"{run.at:%Y-%m-%d %H:%M:%S}", run.dag, run.run) for run in runs]
        yield from aligned(rows)


def _as_json(deployment: "Deployment") -> dict[str, Any]:
    bump: Bump = deployment.bump
    return {
        "id": bump.id,
        **bump.model_dump(mode="json", by_alias=True),
        "by": deployment.by,
        "until": deployment.until.isoformat() if deployment.until else None,
        "runs": [{**asdict(run), "at": run.at.isoformat()} for run in deployment.runs],
    }


def _audit_lines() -> list[dict[str, Any]]:
    """The lines of Airflow's audit log about the Variable, where Airflow can be asked; else none, which is said."""
    from nightjar.domain.release import VARIABLE
    from nightjar.settings.airflow import connect, is_reachable

    if not is_reachable():
        return []
    try:
        with connect() as airflow:
            lines = [line for event in _AUDITED for line in airflow.event_logs(event, most=_AUDIT_LINES)]
    except NightjarError as error:
        sys.stderr.write(f"nightjar: who edited the Variable cannot be asked: {error}\n")
        return []
    return [line for line in lines if VARIABLE in str(line.get("extra"))]


def _docker_config() -> Path | None:
    """The docker config file of this user, where there is one, for questions to a registry."""
    path = Path.home() / ".docker" / "config.json"
    return path if path.exists() else None


def _store() -> Any:
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    return S3Store(load(StoreSettings))
