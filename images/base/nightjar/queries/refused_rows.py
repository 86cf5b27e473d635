"""Refusals of some days by the warehouse: how many by reason, camera and day, and where the newest of them are.

A refused picture is a row once its run has recorded it, at the end of the run. What a bounded number of rows says costs
as much on a day of a hundred thousand refusals as on a quiet one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nightjar.domain.model import iso_utc
from nightjar.stores.tables import PICTURES, PictureOutcome
from nightjar.stores.warehouse import Warehouse

NO_CAMERA = "none"  # stands for refusals under a name that tells no camera; no camera is called so
_CAMERAS = 10  # the most that are counted by name
_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{3})?Z)~([0-9a-zA-Z-]{1,80})", re.ASCII)
# The newest day mostly fills a list by itself.
_FIRST_DAYS = 1


@dataclass(frozen=True)
class RefusedOf:
    """Which refusals: of UTC days from `first` to `last`; of all reasons, cameras and users where these are empty."""

    first: date
    last: date
    reason: str = ""
    camera: str = ""
    user: str = ""

    def condition(self) -> tuple[str, dict[str, object]]:
        """The condition in SQL, and the values in it."""
        said = ["outcome = $outcome", "quarantine_key IS NOT NULL"]
        values: dict[str, object] = {"outcome": PictureOutcome.QUARANTINED.value}
        if self.camera == NO_CAMERA:
            said.append("camera IS NULL")
        for column, wanted in (("reason", self.reason), ("camera", self.camera), ("user", self.user)):
            if wanted and wanted != NO_CAMERA:
                said.append(f'"{column}" = ${column}')
                values[column] = wanted
        return " AND ".join(said), values


@dataclass(frozen=True)
class RefusedCounts:
    """Refused pictures: in all, by reason and by day, and by reason for each of the cameras that have most.

    Reasons and cameras come the most numerous first, a camera without a name as NO_CAMERA; `cameras` is their number,
    of which `by_camera` has the first ones. `problems` tell of parts of the warehouse that were left out.
    """

    total: int
    by_reason: Mapping[str, int]
    by_day: Mapping[date, int]
    by_camera: Mapping[str, Mapping[str, int]]
    cameras: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefusedRow:
    """Where a refusal is, as the warehouse knows it. `taken_at` is None where the name tells no time."""

    id: str
    folder: str
    reason: str
    camera: str
    run: str
    day: date
    taken_at: datetime | None
    listed_at: datetime

    @property
    def cursor(self) -> str:
        """Its place in the list, for `rows_before`."""
        return f"{iso_utc(self.listed_at)}~{self.id}"


@dataclass(frozen=True)
class Cursor:
    """A place in the list of refusals, newest first."""

    at: datetime
    id: str

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The place that RefusedRow.cursor wrote; raises ValueError."""
        match = _CURSOR.fullmatch(text)
        if not match:
            raise ValueError("no cursor")
        return cls(datetime.fromisoformat(match[1]), match[2])


def count_refused(warehouse: Warehouse, wanted: RefusedOf) -> RefusedCounts:
    """How many are `wanted`. Raises as the warehouse does."""
    condition, values = wanted.condition()
    days = warehouse.days(PICTURES, wanted.first, wanted.last)
    camera = f"coalesce(camera, '{NO_CAMERA}')"
    with warehouse.select([PICTURES], days, "rows") as selected:

        def counted(columns: str, more: str = "", **parameters: object) -> list[dict[str, Any]]:
            where = f"WHERE {condition}{more} GROUP BY ALL ORDER BY n DESC, 1"
            sql = f"SELECT {columns}, count(*) AS n FROM rows {where}"  # noqa: S608 - ours; values are parameters
            return selected.rows(sql, {**values, **parameters})

        by_reason = {str(row["reason"]): int(row["n"]) for row in counted("reason")}
        by_day = {row["day"]: int(row["n"]) for row in counted("day")}
        cameras = [str(row["camera"]) for row in counted(f"{camera} AS camera")]
        named: dict[str, dict[str, int]] = {name: {} for name in cameras[:_CAMERAS]}
        cells = counted(f"{camera} AS camera, reason", f" AND list_contains($named, {camera})", named=list(named))
        for row in cells:
            named[str(row["camera"])][str(row["reason"])] = int(row["n"])
        problems = tuple(f"{each.key}: {each.why}" for each in selected.problems)
    ordered = dict(sorted(by_day.items(), reverse=True))
    return RefusedCounts(sum(by_reason.values()), by_reason, ordered, named, len(cameras), problems)


def rows_before(warehouse: Warehouse, wanted: RefusedOf, before: Cursor | None, most: int) -> list[RefusedRow]:
    """At most `most` that are `wanted`, newest first, from behind the place `before` on.

    Those whose name tells no time are the last of their day. Days are looked at as far as they are needed.
    """
    last = min(wanted.last, before.at.date()) if before else wanted.last
    rows: list[RefusedRow] = []
    for days in _in_portions(warehouse.days(PICTURES, wanted.first, last)):
        rows += _rows_of(warehouse, days, wanted, before, most - len(rows))
        if len(rows) >= most:
            break
    return rows


def _rows_of(
    warehouse: Warehouse, days: Sequence[date], wanted: RefusedOf, before: Cursor | None, most: int
) -> Iterator[RefusedRow]:
    condition, values = wanted.condition()
    at = "coalesce(taken_at, CAST(day AS TIMESTAMP))"
    if before:
        condition += f" AND ({at}, id) < ($before_at, $before_id)"
        values |= {"before_at": before.at.replace(tzinfo=None), "before_id": before.id}
    columns = f"id, quarantine_key, reason, camera, run, day, taken_at, {at} AS listed_at"
    where = f"WHERE {condition} ORDER BY {at} DESC, id DESC LIMIT {most:d}"
    sql = f"SELECT {columns} FROM rows {where}"  # noqa: S608 - texts of ours; values are parameters
    for row in warehouse.rows(PICTURES, days, sql, values):
        yield RefusedRow(
            id=str(row["id"]),
            folder=str(row["quarantine_key"]),
            reason=str(row["reason"] or ""),
            camera=str(row["camera"] or ""),
            run=str(row["run"] or ""),
            day=row["day"],
            taken_at=row["taken_at"],
            listed_at=row["listed_at"],
        )


def _in_portions(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """`days` in portions that grow, so that a list that is full soon reads little."""
    start, size = 0, _FIRST_DAYS
    while start < len(days):
        yield days[start : start + size]
        start, size = start + size, size * 4
