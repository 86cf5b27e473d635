"""Rows of a batch, or of one camera of it, sorted into tables and UTC days."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa

from nightjar.domain.manifest import Counts
from nightjar_report.columns import Table
from nightjar_report.pictures import Findings, detection_rows, picture_rows
from nightjar_report.tables import ALERTS, DETECTIONS, EVENTS, PICTURES, AlertRow, EventRow, PictureRow


class Partitions:
    """Arrow tables by table and day: a hundred times smaller than rows, so that a day of many cameras fits."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[str, date], list[Any]] = defaultdict(list)
        self._outcomes: Counter[str] = Counter()

    def add_pictures(self, found: Findings) -> None:
        """Add the pictures and detections of `found`."""
        days: dict[date, list[PictureRow]] = defaultdict(list)
        for day, row in picture_rows(found):
            days[day].append(row)
            self._count(row.outcome, row.reason)
        for day, rows in days.items():
            self._add(PICTURES, day, rows)
            self._add(DETECTIONS, day, list(detection_rows(found, rows)))

    def add_outcomes(self, events: Iterable[EventRow], alerts: Iterable[AlertRow]) -> None:
        """Add events and alerts, each by the start of the event."""
        for table, rows in ((EVENTS, events), (ALERTS, alerts)):
            by_day: dict[date, list[Any]] = defaultdict(list)
            for row in rows:
                by_day[row.started_at.date()].append(row)
            for day, found in by_day.items():
                self._add(table, day, found)

    def carry(self, table: Table[Any], day: date, content: Any) -> None:
        """Add an Arrow table as earlier records hold it."""
        if table is PICTURES:
            for row in content.select(["outcome", "reason"]).to_pylist():
                self._count(row["outcome"], row["reason"])
        if len(content):
            self._chunks[table.name, day].append(content)

    @property
    def counts(self) -> Counts:
        """Every picture with its outcome, and the rows of each table."""
        rows: Counter[str] = Counter()
        for (table, _), chunks in self._chunks.items():
            rows[f"{table}_rows"] += sum(map(len, chunks))
        outcomes = dict(sorted(self._outcomes.items()))
        return Counts(
            received=self._outcomes.total(),
            outcomes=outcomes,
            details=dict(sorted(rows.items())),
        )

    @property
    def days(self) -> list[date]:
        """The days that have rows."""
        return sorted({day for _, day in self._chunks})

    def table(self, table: Table[Any], day: date) -> Any:
        """The rows of one table and day, in order."""
        chunks = self._chunks.get((table.name, day), [])
        return table.ordered(pa.concat_tables(chunks)) if chunks else table.schema.empty_table()

    def _add(self, table: Table[Any], day: date, rows: list[Any]) -> None:
        if rows:
            self._chunks[table.name, day].append(table.arrow(rows))

    def _count(self, outcome: str, reason: str | None) -> None:
        self._outcomes[f"{outcome}:{reason}" if reason else outcome] += 1
