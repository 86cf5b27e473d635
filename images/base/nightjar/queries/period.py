"""A period of UTC days as the address of a page names it."""

from dataclasses import dataclass
from datetime import date, timedelta

from nightjar.domain.names import shown
from nightjar.errors import UsageError

MOST_DAYS = 92  # a quarter of a year
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Each day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def is_one_day(self) -> bool:
        """Whether hours tell more than days."""
        return self.first == self.last

    def back(self) -> "Period":
        """The period of the same length just before."""
        length = self.last - self.first + timedelta(days=1)
        return Period(self.first - length, self.last - length)

    def on(self) -> "Period":
        """The period of the same length just after."""
        length = self.last - self.first + timedelta(days=1)
        return Period(self.first + length, self.last + length)


def period_of(first: str, last: str, today: date) -> Period:
    """The period from `first` to `last`, days as YYYY-MM-DD; without one of them the day of the other, without both
    `today`.

    Raises UsageError that says what was expected: no day, one out of bounds, the wrong order, more than 92 days.
    """
    start, end = _day("from", first, today), _day("to", last, today)
    period = Period(start or end or today, end or start or today)
    if period.first > period.last:
        raise UsageError(f"expected `from` to be no later than `to`, got {period.first} and {period.last}")
    if (number := (period.last - period.first).days + 1) > MOST_DAYS:
        raise UsageError(f"expected at most {MOST_DAYS} days, got {number}: {period.first} to {period.last}")
    return period


def _day(name: str, text: str, today: date) -> date | None:
    if not text.strip():
        return None
    latest = today + timedelta(days=1)  # the clock of a camera may run ahead
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"`{name}`: expected a day like {today}, got {shown(text)}") from None
    if not _EARLIEST <= day <= latest:
        raise UsageError(f"`{name}`: expected a day from {_EARLIEST} to {latest}, got {day}")
    return day
