"""The memory of a camera, by which it is told whether it works: bounded, however much it sends. Pure.

The same run is counted once. In which order runs are counted matters only to the gaps: footage that arrived before what
was counted already splits none.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from nightjar.domain.model import Part, Stored
from nightjar.domain.names import CLOCK_AHEAD, Camera
from nightjar.domain.quarantine import StoredReason

GOOD = ""  # the outcome of a picture that was not refused
HISTORY_DAYS = 14
# Footage that arrives within it belongs to one visit: only the time between visits is a gap.
VISIT = timedelta(minutes=5)
_MOST_LOOKS, _MOST_OFFSETS, _MOST_PRINTS, _MOST_RUNS, _MOST_HOURS = 60, 16, 48, 50, 25
_STEPS = 4  # bins of gaps for each doubling, so that a bin's edges are 19 % apart


class Look(Part):
    """The last picture that a camera took within a minute. `reason` says why it was refused; GOOD if it was not."""

    taken_at: datetime
    reason: StoredReason = GOOD
    sha256: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was not refused."""
        return self.reason == GOOD


class Offset(Part):
    """From the times in names to the arrival, in seconds: the least and the most of what arrived within a minute."""

    arrived_at: datetime
    least: float
    most: float


class Print(Part):
    """A picture once an hour, coarse: the mean grey of each tile of an 8 x 8 grid, two hexadecimal digits each."""

    taken_at: datetime
    tiles: Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]

    @property
    def greys(self) -> bytes:
        """The tiles, row by row, 0 (black) to 255."""
        return bytes.fromhex(self.tiles)


class Health(Stored):
    """`health/<user>-<device>.json`: all that is remembered of one camera.

    `gaps` counts the times between visits by the UTC day of their end and by bin (see `gap_bin`), of 14 days; `hours`
    counts pictures by the hour of their arrival and by reason (GOOD: not refused). `counted` are the runs counted last,
    `open` the troubles that hold, and `check_at` is when it is looked at again if nothing comes (a time of the list of
    due cameras). `refused_from` is when the last trouble ended that explains refusals: those before it count no
    more.
    """

    user: str
    device: str
    since: datetime  # when its first footage arrived, as far as is known; before that, when it was in the rules
    last_taken_at: datetime | None = None
    last_arrived_at: datetime | None = None
    gaps: dict[str, dict[int, int]] = Field(default_factory=dict)
    hours: dict[str, dict[str, int]] = Field(default_factory=dict)
    looks: tuple[Look, ...] = ()  # by time
    offsets: tuple[Offset, ...] = ()  # by time
    prints: tuple[Print, ...] = ()  # by time
    counted: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    check_at: datetime | None = None
    refused_from: datetime | None = None

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return Camera(self.user, self.device)


@dataclass
class Sent:
    """The footage of one camera in one run: when each arrived and which time its name has, and its pictures."""

    arrivals: list[tuple[datetime, datetime]] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)


def count(health: Health, run: str, sent: Sent) -> Health:
    """The health with what the camera sent in `run`; the same once the run is counted."""
    if run in health.counted:
        return health
    arrivals = sorted(sent.arrivals)
    last_arrived = max((arrived for arrived, _ in arrivals), default=None)
    newest = max(filter(None, (health.last_arrived_at, last_arrived)), default=None)
    changes: dict[str, object] = {
        "since": arrivals[0][0] if arrivals and health.last_arrived_at is None else health.since,
        "counted": (*health.counted, run)[-_MOST_RUNS:],
        "last_arrived_at": newest,
        "last_taken_at": max(filter(None, (health.last_taken_at, *_plausible(arrivals))), default=None),
        "looks": _last_of_each_minute((*health.looks, *sent.looks)),
        "offsets": _offsets(health.offsets, arrivals),
    }
    if newest is not None:
        changes["gaps"] = _within_days(_gaps(health, arrivals), newest)
    if arrivals and sent.looks:
        changes["hours"] = _hours(health.hours, arrivals[-1][0], sent.looks)
    return health.model_copy(update=changes)


def printed(health: Health, new: Print) -> Health:
    """The health with one print more."""
    prints = sorted((*health.prints, new), key=lambda each: each.taken_at)
    return health.model_copy(update={"prints": tuple(prints[-_MOST_PRINTS:])})


def gap_bin(gap: timedelta) -> int:
    """The bin of a time between visits: a quarter of a doubling wide, counted from one minute."""
    return max(0, math.ceil(_STEPS * math.log2(max(gap.total_seconds(), 1) / 60)))


def longest_in(number: int) -> timedelta:
    """The longest gap that the bin has."""
    return timedelta(seconds=60 * 2 ** (number / _STEPS))


def percentile(bins: Mapping[int, int], share: float) -> timedelta:
    """The gap that `share` of those in `bins` are not longer than, by the longest of its bin; 0 for no gaps."""
    needed = math.ceil(share * sum(bins.values()))
    seen = 0
    for number in sorted(bins):
        seen += bins[number]
        if seen >= needed:
            return longest_in(number)
    return timedelta(0)


def all_gaps(health: Health) -> Counter[int]:
    """The gaps of all days, by bin."""
    total: Counter[int] = Counter()
    for bins in health.gaps.values():
        total.update(bins)
    return total


def outcomes(health: Health, since: datetime, until: datetime) -> Counter[str]:
    """The pictures of the hours that begin from `since` on (an hour that has begun counts) to `until`, by reason."""
    first = _hour(since)
    total: Counter[str] = Counter()
    for hour, counts in health.hours.items():
        if first <= hour <= _hour(until):
            total.update(counts)
    return total


def _plausible(arrivals: Iterable[tuple[datetime, datetime]]) -> list[datetime]:
    """The times in the names, but those in the future: one that a clock made which ran ahead would stay the last."""
    return [taken for arrived, taken in arrivals if taken <= arrived + CLOCK_AHEAD]


def _gaps(health: Health, arrivals: Iterable[tuple[datetime, datetime]]) -> dict[str, dict[int, int]]:
    gaps = {day: dict(bins) for day, bins in health.gaps.items()}
    last = health.last_arrived_at
    for arrived, _ in arrivals:
        if last is not None and arrived - last >= VISIT:
            bins = gaps.setdefault(f"{arrived.astimezone(UTC):%Y-%m-%d}", {})
            number = gap_bin(arrived - last)
            bins[number] = bins.get(number, 0) + 1
        last = max(filter(None, (last, arrived)))
    return gaps


def _within_days(gaps: Mapping[str, dict[int, int]], newest: datetime) -> dict[str, dict[int, int]]:
    first = f"{newest.astimezone(UTC) - timedelta(days=HISTORY_DAYS):%Y-%m-%d}"
    return {day: gaps[day] for day in sorted(gaps) if day > first}


def _last_of_each_minute(looks: Iterable[Look]) -> tuple[Look, ...]:
    last: dict[datetime, Look] = {}
    for look in sorted(looks, key=lambda each: (each.taken_at, str(each.reason), each.sha256)):
        last[look.taken_at.replace(second=0, microsecond=0)] = look
    return tuple(last.values())[-_MOST_LOOKS:]


def _offsets(before: Iterable[Offset], arrivals: Iterable[tuple[datetime, datetime]]) -> tuple[Offset, ...]:
    minutes = {offset.arrived_at: offset for offset in before}
    for arrived, taken in arrivals:
        minute, seconds = arrived.replace(second=0, microsecond=0), (arrived - taken).total_seconds()
        known = minutes.get(minute, Offset(arrived_at=minute, least=seconds, most=seconds))
        bounds = {"least": min(known.least, seconds), "most": max(known.most, seconds)}
        minutes[minute] = known.model_copy(update=bounds)
    return tuple(minutes[minute] for minute in sorted(minutes))[-_MOST_OFFSETS:]


def _hours(
    before: Mapping[str, Mapping[str, int]], arrived: datetime, looks: Iterable[Look]
) -> dict[str, dict[str, int]]:
    hours = {hour: dict(counts) for hour, counts in before.items()}
    counts = hours.setdefault(_hour(arrived), {})
    for look in looks:
        counts[str(look.reason)] = counts.get(str(look.reason), 0) + 1
    return {hour: hours[hour] for hour in sorted(hours)[-_MOST_HOURS:]}


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H}"


class DueCameras(Stored):
    """`health/due/<minute>.json`: cameras to look at from that minute on, and since when each is awaited."""

    cameras: dict[str, datetime] = Field(default_factory=dict)


class Surveyed(Stored):
    """`health/survey.json`: when the last survey began, and by which rules it knew the cameras."""

    at: datetime
    rules_key: str
    rules_sha256: str
