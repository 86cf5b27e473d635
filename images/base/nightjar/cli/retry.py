"""`nightjar retry`: puts refused footage through again, under today's rules and limits, as runs of their own."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightjar.cli.refused import add_selection, selection, summary, table
from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.queries.refused import Refused
    from nightjar.queries.retry import Retry


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `retry` to the command line."""
    retry = commands.add_parser(
        "retry",
        help="put refused footage through again, after its cause was mended",
        description="Put refused footage (see `nightjar refused`) through again: validated, detected, judged and "
        "alerted under the rules and limits of now, in a run of nightjar_live whose id begins with retry-. What is "
        "still wrong is refused again, and nobody is alerted twice.",
    )
    add_selection(retry)
    retry.add_argument("--dry-run", action="store_true", help="only list what would go through")
    retry.set_defaults(run=run_retry)


def run_retry(given: argparse.Namespace) -> int:
    """Leave claims for the watch to take up; returns 0. Raises UsageError unless a reason or a camera is named."""
    from nightjar.queries.refused import find
    from nightjar.queries.retry import plan
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.stores.claims import Claims

    wanted = selection(given)
    if not wanted.reasons and not wanted.cameras:
        raise UsageError("expected --reason or --camera (or both), got neither")
    store = S3Store(load(StoreSettings))
    refused, unreadable = find(store, wanted)
    retry = plan(store, refused, datetime.now(UTC))
    if not given.dry_run:
        Claims(store).leave(retry.claims)
    sys.stdout.writelines(f"{line}\n" for line in _said(refused, retry, dry_run=given.dry_run))
    if unreadable:
        number = len(unreadable)
        raise InputError(f"{number:,} refusal{' was' if number == 1 else 's were'} left out: {unreadable[0]}")
    return 0


def _said(refused: "Sequence[Refused]", retry: "Retry", *, dry_run: bool) -> Iterator[str]:
    if not refused:
        yield "no refusal is of this kind: nothing to do"
        return
    if dry_run:
        yield from table(refused)
    else:
        yield summary(refused)
    if retry.under_way:
        yield f"{_objects(retry.under_way)} left out: an earlier retry is about to put them through"
    if retry.gone:
        yield f"{_objects(retry.gone)} left out: erased, or replaced by the whole object, since the refusal"
    if retry.unreadable:
        yield f"{_objects(retry.unreadable)} left out: S3 does not give them, while it gives others"
    if not retry.claims:
        return
    if dry_run:
        yield f"{_objects(retry.objects)} would go through again (dry run: nothing was done)"
        return
    yield f"{_objects(retry.objects)} will go through again, under the rules and limits of now"
    for claim in retry.claims:
        yield f"  run {claim.batch_id} of nightjar_live, {_objects(len(claim.versions))}"
    yield "nightjar_watch starts it within seconds, once it has no run to wait for; watch it in the Airflow UI, under"
    yield "Dags > nightjar_live > Runs. Afterwards `nightjar refused` lists what is still refused."


def _objects(number: int) -> str:
    return "1 object" if number == 1 else f"{number:,} objects"
