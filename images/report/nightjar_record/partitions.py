"""Rows of a run sorted into tables and UTC days."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from nightjar.domain.manifest import Counts
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.tables import DETECTIONS, PICTURES, PictureRow
from nightjar_record.pictures import ShardOutputs, detection_rows, picture_rows


class Partitions:
    """The rows of a run, by table and day. Kept by column, so that a day of many cameras fits."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, date], list[Content[Any]]] = defaultdict(list)

    @property
    def days(self) -> list[date]:
        """The days that have rows."""
        return sorted({day for _, day in self._contents})

    def add_shard(self, shard: ShardOutputs) -> None:
        """Add the pictures and detections of a shard."""
        days: dict[date, list[PictureRow]] = defaultdict(list)
        for day, row in picture_rows(shard):
            days[day].append(row)
        for day, rows in days.items():
            self.add(PICTURES, day, rows)
            self.add(DETECTIONS, day, list(detection_rows(shard, rows)))

    def add(self, table: Table[Any], day: date, rows: Iterable[Any]) -> None:
        """Add rows of a table and day."""
        content = Content.of(table, rows)
        if len(content):
            self._contents[table.name, day].append(content)

    def drop_footage(self, key: str, version_id: str) -> None:
        """Drop the pictures of one footage object, and the objects in them."""
        for (table, day), contents in list(self._contents.items()):
            if table != PICTURES.name:
                continue
            for number, content in enumerate(contents):
                of_footage = content.where("footage_key", [key]).where("footage_version", [version_id])
                ids = of_footage.values("id")
                contents[number] = content.without("id", ids)
                objects = self._contents.get((DETECTIONS.name, day), [])
                objects[:] = [each.without("picture", ids) for each in objects]

    def content(self, table: Table[Any], day: date) -> Content[Any]:
        """The rows of one table and day, in order."""
        return Content.together(table, self._contents.get((table.name, day), []))

    def contents(self, tables: Iterable[Table[Any]], day: date) -> Mapping[str, Content[Any]]:
        """The rows of a day by the name of their table."""
        return {table.name: self.content(table, day) for table in tables}


def counts_of(contents: Iterable[Content[Any]]) -> Counts:
    """Every picture in `contents` with its outcome, and the number of rows of each table."""
    rows: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for content in contents:
        rows[f"{content.table.name}_rows"] += len(content)
        if content.table is PICTURES:
            pairs = zip(content.values("outcome"), content.values("reason"), strict=True)
            outcomes.update(f"{outcome}:{reason}" if reason else outcome for outcome, reason in pairs)
    return Counts(
        received=outcomes.total(),
        outcomes=dict(sorted(outcomes.items())),
        details=dict(sorted((name, number) for name, number in rows.items() if number)),
    )
