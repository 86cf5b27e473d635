"""A period in figures: from trigger to alert, where and when threats were, what was refused, how fast alerts were.

A trigger is a footage object: one alarm of a camera's own motion detector. The funnel counts triggers throughout, so
that its numbers can be compared; whatever else is counted is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from nightjar.queries import overview_sql as sql
from nightjar.queries.period import Period
from nightjar.stores.selection import Selection
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES
from nightjar.stores.warehouse import Warehouse

CAMERAS_SHOWN = 20  # in the heat map, and among the locations
REASONS_SHOWN = 20
CAMERAS_OF_A_REASON = 5


@dataclass(frozen=True)
class Funnel:
    """Triggers by how far they came: each number counts the triggers of the next one as well."""

    received: int = 0
    valid: int = 0  # at least one picture could be looked at
    with_objects: int = 0
    with_threat: int = 0  # a rule saw a threat
    in_event: int = 0
    alerted: int = 0  # somebody was told of an event that it belongs to


@dataclass(frozen=True)
class Span:
    """An hour of a day, or a day of a longer period: its triggers, and how long alerts took, in seconds.

    `start` is None for triggers of which the time is not known.
    """

    start: datetime | None
    funnel: Funnel
    deliveries: int = 0
    median: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class CameraHours:
    """Triggers with a threat of a camera by UTC hour, 24 numbers."""

    camera: str
    hours: tuple[int, ...]

    @property
    def total(self) -> int:
        """Of all hours."""
        return sum(self.hours)


@dataclass(frozen=True)
class HeatMap:
    """The cameras with the most threats; `others` have `others_total` triggers with a threat together."""

    cameras: tuple[CameraHours, ...] = ()
    others: int = 0
    others_total: int = 0

    @property
    def highest(self) -> int:
        """The highest number of an hour."""
        return max((number for each in self.cameras for number in each.hours), default=0)


@dataclass(frozen=True)
class Location:
    """A camera, empty where no name could be read, and its site, empty where it has none.

    `triggers` and `threats` count triggers, `events` those that have threats of their own, `alerts` messages.
    """

    camera: str
    site: str
    triggers: int
    threats: int
    events: int
    alerts: int


@dataclass(frozen=True)
class Refused:
    """Pictures that were refused for a reason: how many, of how many cameras, and those with the most."""

    reason: str
    pictures: int
    cameras: int
    most: tuple[tuple[str, int], ...]  # camera (empty: no name could be read), pictures


@dataclass(frozen=True)
class Latency:
    """From an event's first picture to the end of a delivery, in seconds; None without deliveries."""

    deliveries: int = 0
    median: float | None = None
    p95: float | None = None
    slowest: float | None = None
    slowest_camera: str = ""
    slowest_day: date | None = None


@dataclass(frozen=True)
class Overview:
    """The figures of a period. `problems` are of parts of the records that were left out."""

    period: Period
    funnel: Funnel
    spans: tuple[Span, ...]
    heat: HeatMap
    locations: tuple[Location, ...]
    cameras: int  # that sent anything
    events: int  # with threats of their own
    alerts: int  # messages
    refused: tuple[Refused, ...]
    refused_pictures: int
    latency: Latency
    problems: tuple[str, ...]


def overview(warehouse: Warehouse, period: Period) -> Overview:
    """The figures of a period. Raises InputError when they need too much memory, and as the store does."""
    with warehouse.select([PICTURES, EVENTS, ALERTS], period.days, reaching=(EVENTS, ALERTS)) as selected:
        selected.rows(sql.TRIGGERS)
        asked = {"first": period.first, "last": period.last}
        (sums,) = selected.rows(sql.SUMS, asked)
        return Overview(
            period=period,
            funnel=_funnel(sums),
            spans=_spans(selected, period),
            heat=_heat(selected),
            locations=tuple(Location(**row) for row in selected.rows(sql.LOCATIONS, asked | {"most": CAMERAS_SHOWN})),
            cameras=sums["cameras"],
            events=sums["events"],
            alerts=sums["alerts"],
            refused=_refused(selected),
            refused_pictures=sums["refused"],
            latency=Latency(**selected.rows(sql.LATENCY, asked)[0]),
            problems=tuple(map(str, selected.problems)),
        )


def _funnel(row: Mapping[str, Any]) -> Funnel:
    return Funnel(**{name: int(row[name] or 0) for name in Funnel.__dataclass_fields__})


def _spans(selected: Selection, period: Period) -> tuple[Span, ...]:
    """Every hour or day of the period, in order, also those without any trigger."""
    asked = {"first": period.first, "last": period.last}
    funnels = {row["start"]: _funnel(row) for row in selected.rows(sql.SPANS, asked)}
    latencies = {row.pop("start"): row for row in selected.rows(sql.LATENCIES, asked)}
    step = timedelta(hours=1) if period.is_one_day else timedelta(days=1)
    start = datetime.combine(period.first, time(), UTC)
    starts = [start + n * step for n in range(24 if period.is_one_day else len(period.days))]
    spans = [Span(each, funnels.get(each, Funnel()), **latencies.get(each, {})) for each in starts]
    return (*spans, Span(None, funnels[None])) if None in funnels else tuple(spans)


def _heat(selected: Selection) -> HeatMap:
    rows = selected.rows(sql.HEAT, {"most": CAMERAS_SHOWN})
    cameras = [
        CameraHours(camera, tuple(hours.get(hour, 0) for hour in range(24)))
        for camera, of_camera in groupby(rows, key=lambda row: str(row["camera"]))
        for hours in [{int(row["hour"]): int(row["n"]) for row in of_camera}]
    ]
    (sums,) = selected.rows(sql.HEAT_SUMS)
    return HeatMap(tuple(cameras), sums["cameras"] - len(cameras), sums["n"] - sum(each.total for each in cameras))


def _refused(selected: Selection) -> tuple[Refused, ...]:
    rows = selected.rows(sql.REFUSED, {"reasons": REASONS_SHOWN, "most": CAMERAS_OF_A_REASON})
    return tuple(
        Refused(reason, first["pictures"], first["cameras"], tuple((row["camera"], row["n"]) for row in listed))
        for reason, of_reason in groupby(rows, key=lambda row: str(row["reason"]))
        for listed in [list(of_reason)]
        for first in listed[:1]
    )
