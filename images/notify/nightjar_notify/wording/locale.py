"""Numbers, dates and the clock as the recipient's language writes them; the words of messages are English."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from nightjar.domain.probability import percent
from nightjar.domain.rules import LANGUAGE, Recipient
from nightjar.domain.tally import many

# Written by this project's own functions, as in pictures and reports: `94 %`, `Friday 20 November 2026`.
_PLAIN = LANGUAGE
_PLAIN_DATE = "EEEE d MMMM y"


@dataclass(frozen=True)
class Writing:
    """How one recipient reads times and numbers."""

    language: str
    timezone: ZoneInfo

    @classmethod
    def of(cls, recipient: Recipient) -> "Writing":
        """That of a user, or of the operator."""
        return cls(recipient.language, recipient.timezone)

    def day(self, moment: datetime) -> str:
        """`Friday 20 November 2026`."""
        pattern = _PLAIN_DATE if self._is_plain else "full"
        return str(format_date(self._local(moment), pattern, locale=_locale(self.language)))

    def clock(self, moment: datetime) -> str:
        """`22:14:03`."""
        return str(format_time(self._local(moment), "medium", locale=_locale(self.language)))

    def minute(self, moment: datetime) -> str:
        """`22:14`."""
        return str(format_time(self._local(moment), "short", locale=_locale(self.language)))

    def zone(self, moment: datetime) -> str:
        """`CET`."""
        return self._local(moment).tzname() or self.timezone.key

    def line(self, moment: datetime) -> str:
        """`Friday 20 November 2026, 22:14 CET`."""
        return f"{self.day(moment)}, {self.minute(moment)} {self.zone(moment)}"

    def span(self, began: datetime, ended: datetime) -> str:
        """`Friday 20 November 2026, 22:14:03 to 22:14:40 CET (Europe/Berlin)`."""
        zone = f"{self.zone(ended)} ({self.timezone.key})"
        if began == ended:
            return f"{self.day(began)}, {self.clock(began)} {zone}"
        if self._is_one_day(began, ended):
            return f"{self.day(began)}, {self.clock(began)} to {self.clock(ended)} {zone}"
        return (
            f"{self.day(began)}, {self.clock(began)} {self.zone(began)} to "
            f"{self.day(ended)}, {self.clock(ended)} {zone}"
        )

    def short_span(self, began: datetime, ended: datetime) -> str:
        """`22:14`, `22:14 to 22:31`; with the day of the end where it is another."""
        if self.minute(began) == self.minute(ended) and self._is_one_day(began, ended):
            return self.minute(began)
        day = "" if self._is_one_day(began, ended) else f"{self.day(ended)}, "
        return f"{self.minute(began)} to {day}{self.minute(ended)}"

    def likely(self, probability: float) -> str:
        """`94 %`, rounded down."""
        text = percent(probability)
        if self._is_plain or text.startswith("<"):
            return text
        hundredths = Decimal(text.partition(" ")[0]) / 100
        return str(format_percent(hundredths, locale=_locale(self.language)))

    def number(self, number: int) -> str:
        """`12,345`."""
        return str(format_decimal(number, locale=_locale(self.language)))

    def many(self, number: int, noun: str) -> str:
        """`1 picture`, `1,200 pictures`."""
        return many(number, noun).replace(f"{number:,}", self.number(number))

    @property
    def _is_plain(self) -> bool:
        return _locale(self.language) == _locale(_PLAIN)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.timezone)

    def _is_one_day(self, one: datetime, other: datetime) -> bool:
        first, last = self._local(one), self._local(other)
        return (first.date(), first.tzname()) == (last.date(), last.tzname())


def lasted(time: timedelta) -> str:
    """`37 s`, `4 min`, `2 h 5 min`: rounded to what matters."""
    seconds = round(time.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


@cache
def _locale(language: str) -> Locale:
    """The locale of a language tag; of its language alone, or else British English, where it is not known."""
    for tag in (language, language.partition("-")[0], _PLAIN):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError(f"expected Babel to know {_PLAIN}")
