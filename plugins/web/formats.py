"""Filters of the templates: times, durations, numbers as people read them. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nightjar.domain.probability import percent

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def utc(moment: datetime) -> str:
    """`2026-11-20 13:05:00 UTC`, of an aware time."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local(moment: datetime, zone: str) -> str:
    """`Fri 20 Nov, 14:05:00 CET`, in the time zone called `zone`; in UTC where it is unknown, as stored rows may be."""
    try:
        return f"{moment.astimezone(ZoneInfo(zone)):%a %-d %b, %H:%M:%S %Z}"
    except (ValueError, OSError, ZoneInfoNotFoundError, OverflowError):
        return utc(moment)


def iso(moment: datetime) -> str:
    """For the attribute `datetime` of a <time>."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def number(value: float) -> str:
    """`12,345`; with one decimal unless it is whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def duration(span: float | timedelta) -> str:
    """`8.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`, of seconds or a timedelta; `unknown` of no number."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if not isfinite(seconds):
        return "unknown"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 60:
        return f"{round(seconds, 1):g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `5 minutes ago`, `in 2 hours`: how long before `now`, in the largest unit that fits."""
    seconds = (now - moment).total_seconds()
    for size, unit in _UNITS:
        count = int(abs(seconds) // size)
        if count:
            text = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now"


def across(fraction: float) -> str:
    """A fraction of a picture's side as an SVG length, within the picture: `12.3%`."""
    return f"{min(1.0, max(0.0, fraction)) * 100:.2f}%"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "utc": utc,
    "local": local,
    "iso": iso,
    "percent": percent,
    "number": number,
    "duration": duration,
    "ago": ago,
    "across": across,
}
