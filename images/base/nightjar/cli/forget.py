"""`nightjar forget`: erases a user, or one camera, or everything that is older than a day, in every version."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.logs import LOCAL_LOGS, REMOTE_LOGS, log_prefix
from nightjar.errors import InputError, TryAgainError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.forgetting import Subject
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.forgetting import Done

_MOST_PASSES = 5
_LONGEST_PATROL = 120.0  # seconds until a patrol has ended; one that was stopped is waited for no longer
_LONGEST_REPORT = 900.0  # seconds until the rows and pages are gone
_SHOWN = 10
_STAYS = """\
What stays: numbers without names (accounts of runs, releases, counts of a day), and what is not in the bucket:
messages that were sent, backups, Airflow's database (`airflow db clean`), and the pages' cache of the warehouse.
docs/operate.md, "Forget a user", says where and for how long.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `forget` to the command line."""
    forget = commands.add_parser(
        "forget",
        help="erase a user, one camera, or everything before a day, in every version",
        description="Erase a user (or one of their cameras) from the whole bucket, in every version: pictures and all "
        "that was made of them, the user's lines in what runs and days share, the rules, and logs. Or erase every "
        "day before a given one, of all users. What others have stays as it is. It cannot be undone.",
    )
    forget.add_argument("--user", metavar="USER", help="whom to forget")
    forget.add_argument("--camera", metavar="USER-DEVICE", help="forget this camera only")
    forget.add_argument("--before", type=_day, metavar="YYYY-MM-DD", help="forget every UTC day before this one")
    forget.add_argument("--dry-run", action="store_true", help="only say what would go")
    forget.add_argument("--yes", action="store_true", help="do it; nothing can be brought back")
    forget.add_argument("--anyway", action="store_true", help="do not wait for runs that work on the user's footage")
    forget.add_argument(
        "--log-prefix",
        metavar="PREFIX",
        help=f"where Airflow keeps logs of tasks in the bucket (by default as {REMOTE_LOGS} says)",
    )
    forget.set_defaults(run=run_forget)


def run_forget(given: argparse.Namespace) -> int:
    """Do it, and say what went; returns 0. Raises TryAgainError while runs work on the user's footage, and when they
    have written about the user meanwhile."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    user, device = _whom(given)
    if given.dry_run == given.yes:
        raise UsageError("expected --yes (it cannot be undone) or --dry-run")
    settings = load(StoreSettings)
    store = S3Store(settings)
    prefix = given.log_prefix or log_prefix(settings.bucket)
    if given.before is not None:
        lines = _forget_days(store, given.before, prefix, dry_run=given.dry_run)
    else:
        lines = _forget_user(store, user, device, prefix, dry_run=given.dry_run, anyway=given.anyway)
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


def _whom(given: argparse.Namespace) -> tuple[str, str | None]:
    from nightjar.domain.names import Camera, NameRefused

    if (given.user or given.camera) and given.before is not None:
        raise UsageError("expected --user or --camera, or --before, got both")
    if given.before is not None:
        return "", None
    try:
        if given.camera is not None:
            camera = Camera.parse(given.camera)
            if given.user not in (None, camera.user):
                raise UsageError(f"expected a camera of {given.user}, got {given.camera}")
            return camera.user, camera.device
        if given.user is not None:
            return Camera.parse(f"{given.user}-any").user, None
    except NameRefused as error:
        raise UsageError(str(error).replace("-any", "")) from None
    raise UsageError("expected --user, --camera or --before")


def _forget_user(
    store: "ObjectStore", user: str, device: str | None, logs: str, *, dry_run: bool, anyway: bool
) -> Iterator[str]:
    from nightjar.queries.under_way_of import under_way_of
    from nightjar.runtime.rehearsal import RehearsalStore
    from nightjar.stores import forgetting

    subject = forgetting.known(store, user, device)
    now = datetime.now(UTC)
    busy = under_way_of(store, subject, now)
    if busy and not (anyway or dry_run):
        raise TryAgainError(
            f"work on {subject.name} is under way, and would write about it again: {'; '.join(busy[:_SHOWN])}. Take "
            "the rules and the uploader's key away, wait for the end of these runs, and repeat; or add --anyway, and "
            "repeat afterwards"
        )
    yield f"{'would forget' if dry_run else 'forgetting'} {_about(subject)}"
    target = RehearsalStore(store) if dry_run else store
    total, problems = 0, list[str]()
    for number in range(1, 2 if dry_run else _MOST_PASSES + 1):
        went = 0
        for done in forgetting.forget(target, subject, logs):
            went += done.scrubbed.did_something
            problems += [done.problem] if done.problem else []
            if line := _told(done, again=number > 1):
                yield line
        total += went
        if number == 1 and went and not dry_run:
            _wait_for_patrol(store)
        elif not went or problems:
            break
    yield from _files(subject, now, dry_run=dry_run)
    if not total:
        yield f"nothing of {subject.name} was stored: either the name is another, or it was forgotten before"
    if dry_run:
        yield "dry run: nothing was done"
        return
    _check_complete(store, subject, problems, now)
    if forgetting.is_waiting(store, subject):
        yield _reported(store, subject)
    yield f"nothing names {subject.name} any more\n{_STAYS}"


def _reported(store: "ObjectStore", subject: "Subject") -> str:
    """Have the next report made now, and wait for it. Raises TryAgainError where it does not come."""
    from nightjar.settings.airflow import connect
    from nightjar.stores import forgetting
    from nightjar.stores.runs import REPORT

    left = f"the rows and pages of {subject.name} are still there: they go with the next run of {REPORT}"
    run = f"forget__{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    try:
        with connect() as airflow:
            airflow.trigger(REPORT, run)
    except UsageError as error:
        raise TryAgainError(f"{left}. Start one in the UI, and repeat this when it has ended ({error})") from None
    deadline = time.monotonic() + _LONGEST_REPORT
    while forgetting.is_waiting(store, subject):
        if time.monotonic() > deadline:
            raise TryAgainError(f"{left}, {run} of which was started: repeat this when it has ended")
        time.sleep(2)
    return f"  rows and pages: erased by run {run} of {REPORT}, which makes the pages of these days anew"


def _wait_for_patrol(store: "ObjectStore") -> None:
    """Until no patrol is under way that knows the rules as they were: it may tell users of digests and troubles."""
    from nightjar.queries.under_way_of import patrols_since_before

    changed, deadline = datetime.now(UTC), time.monotonic() + _LONGEST_PATROL
    while patrols_since_before(store, changed, datetime.now(UTC)) and time.monotonic() < deadline:
        time.sleep(2)


def _check_complete(store: "ObjectStore", subject: "Subject", problems: list[str], now: datetime) -> None:
    from nightjar.queries.under_way_of import under_way_of
    from nightjar.stores import forgetting

    if problems:
        raise InputError(f"not all could be forgotten; mend this and repeat: {'; '.join(problems)}")
    left = forgetting.left_over(store, subject)
    if left or under_way_of(store, subject, now):
        shown = f", such as {left[0]!r}" if left else ""
        raise TryAgainError(f"{subject.name} is being written about at this moment{shown}: repeat when its runs ended")


def _forget_days(store: "ObjectStore", before: date, logs: str, *, dry_run: bool) -> Iterator[str]:
    from nightjar.runtime.rehearsal import RehearsalStore
    from nightjar.stores.old_days import forget_before

    if before > datetime.now(UTC).date():
        raise UsageError(f"expected a day up to today, in UTC, got {before}")
    total = 0
    for done in forget_before(RehearsalStore(store) if dry_run else store, before, logs):
        total += done.scrubbed.removed
        if line := _told(done, again=False):
            yield line
    yield f"{_number(total, 'version')} of days before {before} {'would go' if dry_run else 'went'}"
    if dry_run:
        yield "dry run: nothing was done"


def _files(subject: "Subject", now: datetime, *, dry_run: bool) -> Iterator[str]:
    from nightjar.runtime.log_files import scrub_files

    folder = os.environ.get(LOCAL_LOGS)
    if not folder or not Path(folder).is_dir():
        return
    done = scrub_files(Path(folder), subject, now, dry_run=dry_run)
    if done.changed:
        yield f"  {folder}: lines went from {_number(done.changed, 'log')}"
    if done.busy:
        yield f"  {folder}: {_number(done.busy, 'log')} left, written within the last minutes: repeat in five minutes"


def _about(subject: "Subject") -> str:
    if subject.device is not None:
        return f"camera {subject.name}"
    devices = ", ".join(sorted(subject.devices))
    return f"user {subject.user}, {f'with {devices}' if devices else 'of whom no camera is known'}"


def _told(done: "Done", *, again: bool) -> str:
    what = [
        f"{_number(done.scrubbed.removed, 'version')} removed" if done.scrubbed.removed else "",
        f"{_number(done.scrubbed.rewritten, 'document')} of others written anew without it"
        if done.scrubbed.rewritten
        else "",
        "rows and pages wait for the next report" if done.scrubbed.asked else "",
        f"NOT DONE: {done.problem}" if done.problem else "",
    ]
    said = ", ".join(filter(None, what))
    return f"  {done.name}: {said}{' (written meanwhile)' if again else ''}" if said else ""


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day like 2026-11-20, got {text!r}") from None
