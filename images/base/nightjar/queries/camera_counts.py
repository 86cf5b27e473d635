"""Pictures, threats, refusals and alerts of cameras in the last days, counted from the warehouse."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from nightjar.domain.names import Camera
from nightjar.stores.tables import ALERTS, PICTURES
from nightjar.stores.warehouse import Warehouse

DAYS = 7
# Refused footage may have no time that can be believed; then it counts at the beginning of its day.
_PICTURES = """
SELECT camera, CAST(moment AS DATE) AS on_day, moment > $day_ago AS lately, count(*) AS pictures,
  count(*) FILTER (WHERE verdict = 'threat') AS threats, count(*) FILTER (WHERE outcome = 'quarantined') AS refused,
  arg_max(standard_key, taken_at) FILTER (WHERE outcome = 'detected') AS last_key,
  max(taken_at) FILTER (WHERE outcome = 'detected') AS last_taken
FROM (SELECT *, coalesce(taken_at, CAST(day AS TIMESTAMP)) AS moment FROM pictures)
WHERE list_contains($cameras, camera) AND moment > $week_ago GROUP BY ALL"""
# Somebody was told, or would have been if there were a mail key: as the day's report counts it.
_ALERTS = """
SELECT camera, CAST(started_at AS DATE) AS on_day, started_at > $day_ago AS lately, count(DISTINCT event) AS alerts
FROM alerts WHERE list_contains($cameras, camera) AND state NOT IN ('claimed', 'failed') AND started_at > $week_ago
GROUP BY ALL"""
_SEEN = """
SELECT DISTINCT camera FROM rows WHERE camera IS NOT NULL AND ($user = '' OR "user" = $user) ORDER BY camera LIMIT $most
"""


@dataclass
class Counts:
    """Pictures that were received, those with a threat, those that were refused, and events that were alerted."""

    pictures: int = 0
    threats: int = 0
    refused: int = 0
    alerts: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the numbers of a row, which may lack some."""
        for name in ("pictures", "threats", "refused", "alerts"):
            setattr(self, name, getattr(self, name) + row.get(name, 0))


@dataclass
class CameraCounts:
    """Of one camera: the last 24 hours, the last 7 days, each UTC day in them that has any, and the last picture."""

    day: Counts = field(default_factory=Counts)
    week: Counts = field(default_factory=Counts)
    days: dict[date, Counts] = field(default_factory=lambda: defaultdict(Counts))
    last_key: str | None = None
    last_taken: datetime | None = None


def days_until(now: datetime) -> list[date]:
    """The UTC days of the last week, oldest first: the day that it begins in, too."""
    return [now.date() - timedelta(days=back) for back in range(DAYS, -1, -1)]


def counts_of(
    warehouse: Warehouse, cameras: Sequence[Camera], now: datetime
) -> tuple[dict[Camera, CameraCounts], tuple[str, ...]]:
    """The counts of each of `cameras`, and which parts of the warehouse were left out, being unreadable.

    Of a camera that sent nothing, all are 0. One selection and two queries, however many cameras there are.
    """
    counts = {camera.name: CameraCounts() for camera in cameras}
    values = {
        "cameras": list(counts),
        "day_ago": (now - timedelta(days=1)).replace(tzinfo=None),
        "week_ago": (now - timedelta(days=DAYS)).replace(tzinfo=None),
    }
    if not cameras:
        return {}, ()
    with warehouse.select([PICTURES, ALERTS], days_until(now)) as selected:
        for row in (*selected.rows(_PICTURES, values), *selected.rows(_ALERTS, values)):
            each = counts[row["camera"]]
            for total in (each.week, each.days[row["on_day"]], *([each.day] if row["lately"] else [])):
                total.add(row)
            if row.get("last_taken") and (each.last_taken is None or row["last_taken"] > each.last_taken):
                each.last_key, each.last_taken = row["last_key"], row["last_taken"]
        problems = tuple(f"{problem.key}: {problem.why}" for problem in selected.problems)
    return {camera: counts[camera.name] for camera in cameras}, problems


def seen_lately(warehouse: Warehouse, user: str, most: int, now: datetime) -> list[str]:
    """The names of at most `most` cameras that sent anything in the last week (of a user; "" for all), by name."""
    rows = warehouse.rows(PICTURES, days_until(now), _SEEN, {"user": user, "most": most})
    return [row["camera"] for row in rows]
