"""`--from` and `--to` of commands that look at a time."""

import argparse
from datetime import UTC, date, datetime, time, timedelta

from nightjar.errors import UsageError

BEGINNING, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_WHEN = "a UTC day (2026-11-20) or a time (2026-11-20T22:00, UTC unless it names a zone)"


def add_range(command: argparse.ArgumentParser) -> None:
    """Add `--from` and `--to`, as `start` and `end`: aware times, BEGINNING and END where they are left out."""
    command.add_argument("--from", dest="start", type=_start, default=BEGINNING, metavar="WHEN", help=_WHEN)
    command.add_argument(
        "--to", dest="end", type=_end, default=END, metavar="WHEN", help="up to and with a day, or up to a time"
    )


def check_range(given: argparse.Namespace) -> None:
    """Raise UsageError unless the time between `start` and `end` is longer than nothing."""
    if given.start >= given.end:
        raise UsageError(f"expected --from before --to, got {given.start.isoformat()} and {given.end.isoformat()}")


def _start(text: str) -> datetime:
    return _moment(text, timedelta())


def _end(text: str) -> datetime:
    return _moment(text, timedelta(days=1))


def _moment(text: str, whole_day: timedelta) -> datetime:
    """A time; of a day, its beginning plus `whole_day`."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + whole_day
    except OverflowError:
        return END
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {_WHEN}, got {text!r}") from None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # in UTC it is before the first year, or after the last
        return BEGINNING if moment.year == 1 else END
