"""The period that a person wants rules tried on: whole UTC days, both included. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MOST_DAYS = 31
_USUAL_DAYS = 7


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The moment at which it begins, in UTC."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The moment at which it is over: the first one that is not in it."""
        return datetime.combine(self.last, time(), UTC) + timedelta(days=1)


class PeriodError(ValueError):
    """No period that rules can be tried on: `expected` and `came` say why."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}, got {came}")
        self.expected, self.came = expected, came


def usual_period(days: Iterable[date], today: date) -> Period:
    """The last seven whole days up to the newest of `days` that is over; up to today where there is no such day."""
    newest = max((day for day in days if day < today), default=today)
    return Period(newest - min(timedelta(days=_USUAL_DAYS - 1), newest - date.min), newest)


def period_of(first: str, last: str, now: datetime) -> Period:
    """The period from `first` to `last`, UTC days such as 2026-11-20; raises PeriodError."""
    period = Period(_day("the first day", first), _day("the last day", last))
    if period.first > period.last:
        raise PeriodError("a first day that is not after the last", f"{period.first} to {period.last}")
    if period.start > now:
        raise PeriodError("a first day that is not in the future", str(period.first))
    number = (period.last - period.first).days + 1
    if number > MOST_DAYS:
        raise PeriodError(f"a period of at most {MOST_DAYS} days", f"{number:,} days, {period.first} to {period.last}")
    return period


def _day(name: str, text: str) -> date:
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise PeriodError(f"{name} as a UTC day such as 2026-11-20", repr(text[:40])) from None
    if not date.min + timedelta(days=2) <= day <= date.max - timedelta(days=2):
        raise PeriodError(f"{name} as a day that has one before and one after it", str(day))
    return day
