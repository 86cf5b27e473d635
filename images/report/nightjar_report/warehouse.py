"""The warehouse in the bucket: Parquet parts below `records/<table>/date=YYYY-MM-DD/`.

A live run adds a part of its own; history replaces all parts of a day by `day.parquet`. A row that stands in several
parts (an event that a later run extended) counts as the newest part has it.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightjar.domain.layout import records_prefix
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore
from nightjar_report.columns import Table
from nightjar_report.tables import ALERTS, DETECTIONS, EVENTS, PICTURES, TABLES

WHOLE_DAY = "day.parquet"
# What a report is made of. The detections are a hundred times as many, and what they say of pictures is in `pictures`.
REPORTED = (PICTURES, EVENTS, ALERTS)
_PROVENANCE = b"nightjar"
_READERS = 16
_PART = "_part"

State = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class DayRecords:
    """The records of one UTC day, each row once: Arrow tables by name, and who wrote their parts, the last one last."""

    day: date
    tables: Mapping[str, Any]
    provenance: tuple[Mapping[str, Any], ...]

    def __getitem__(self, name: str) -> Any:
        return self.tables[name]


def around(day: date) -> tuple[date, date, date]:
    """`day` and its neighbours, day before first: an event may have begun in one and been alerted in another."""
    return day - timedelta(days=1), day, day + timedelta(days=1)


class Warehouse:
    """Reads and writes parts; what was read once and did not change is not read again."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._read: dict[tuple[str, str], tuple[Any, dict[str, Any]] | None] = {}

    def parts(self, table: Table[Any], day: date) -> list[ObjectInfo]:
        """The parts of a day, oldest first; the whole day counts as older than what was added in the same second."""
        found = self._store.list_objects(records_prefix(table.name, day))
        return sorted(found, key=lambda p: (p.modified_at, not p.key.endswith(f"/{WHOLE_DAY}"), p.key))

    def state(self, day: date) -> State:
        """What a report of the day is made of now: equal states give equal reports."""
        wanted = {*((table, day) for table in REPORTED), *((ALERTS, near) for near in around(day))}
        return frozenset((part.key, part.etag) for table, one in wanted for part in self.parts(table, one))

    def read_reported(self, day: date) -> DayRecords:
        """What a report of the day is made of: its pictures and events, and the alerts about these events.

        An alert stands under the day on which its event began when it was alerted. An event that was extended backwards
        may begin the day before by now, one that lost its first pictures the day after.
        """
        records = self.read(day, (PICTURES, EVENTS))
        alerts = pa.concat_tables([self.read(near, (ALERTS,))[ALERTS.name] for near in around(day)])
        about = alerts.filter(pc.is_in(alerts["event"], records[EVENTS.name]["id"].combine_chunks()))
        return replace(records, tables={**records.tables, ALERTS.name: ALERTS.ordered(about)})

    def read(self, day: date, tables: Sequence[Table[Any]] = TABLES, without: str = "") -> DayRecords:
        """All records of a day in `tables`, but for the parts named `without`.

        Raises InputError for a part that is no Parquet.
        """
        found: dict[str, Any] = {}
        wrote: dict[str, datetime] = {}
        for table in tables:
            listed = [p for p in self.parts(table, day) if not p.key.endswith(f"/{without}")]
            parts = in_parallel(partial(self._part, table), listed, _READERS)
            read = [(info, *part) for info, part in zip(listed, parts, strict=True) if part]
            found[table.name] = table.ordered(_newest(table, [content for _, content, _ in read]))
            for moment, note in ((info.modified_at, note) for info, _, note in read if note):
                text = json.dumps(note, sort_keys=True)
                wrote[text] = max(moment, wrote.get(text, moment))
        if DETECTIONS in tables and PICTURES in tables:
            found[DETECTIONS.name] = _of_winners(found[DETECTIONS.name], found[PICTURES.name])
        by_time = sorted((moment, text) for text, moment in wrote.items())
        return DayRecords(day=day, tables=found, provenance=tuple(json.loads(text) for _, text in by_time))

    def write(
        self, table: Table[Any], day: date, name: str, content: Any, provenance: Mapping[str, Any]
    ) -> ObjectRef | None:
        """Make the part called `name` hold `content`, an ordered Arrow table; without rows there is no such part.

        The same content and provenance give the same bytes and, a second time, no new version.
        """
        key = f"{records_prefix(table.name, day)}{name}"
        if not len(content):
            if self._store.head(key):
                self._store.delete(key)
            return None
        notes = {_PROVENANCE: json.dumps(provenance, sort_keys=True).encode()}
        buffer = io.BytesIO()
        pq.write_table(content.replace_schema_metadata(notes), buffer, compression="zstd")
        return write_bytes(self._store, key, buffer.getvalue(), content_type="application/vnd.apache.parquet")

    def _part(self, table: Table[Any], part: ObjectInfo) -> tuple[Any, dict[str, Any]] | None:
        """A part's rows and provenance; None when history took it away since it was listed."""
        known = (part.key, part.etag)
        if known not in self._read:
            try:
                self._read[known] = _parse(table, part.key, self._store.get(part.key)[0])
            except ObjectMissingError:
                return None
        return self._read[known]


def news(content: Any, others: Any) -> Any:
    """The rows of `content` that do not stand in `others` as they are, whichever run recorded them."""
    if not len(content) or not len(others):
        return content
    known = {row["id"]: row | {"run": ""} for row in others.filter(pc.is_in(others["id"], content["id"])).to_pylist()}
    new = [known.get(row["id"]) != row | {"run": ""} for row in content.to_pylist()]
    return content.filter(pa.array(new, pa.bool_()))


def _parse(table: Table[Any], key: str, data: bytes) -> tuple[Any, dict[str, Any]]:
    try:
        content = pq.ParquetFile(io.BytesIO(data)).read()
        notes = json.loads((content.schema.metadata or {}).get(_PROVENANCE, b"{}"))
        return content.select(table.schema.names).cast(table.schema), notes
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(f"expected {key!r} to be a part of table {table.name}: {error}") from None


def _newest(table: Table[Any], contents: Sequence[Any]) -> Any:
    """Concatenate parts, given oldest first, and keep the last row of each id."""
    if not contents:
        return table.schema.empty_table()
    numbered = [c.append_column(_PART, pa.array([n] * len(c), pa.int32())) for n, c in enumerate(contents)]
    both = pa.concat_tables(numbered).sort_by([("id", "ascending"), (_PART, "ascending")])
    ids = both["id"].combine_chunks()
    if len(ids) > 1:
        last = [*pc.not_equal(ids[:-1], ids[1:]).to_pylist(), True]
        both = both.filter(pa.array(last, pa.bool_()))
    return both.drop_columns([_PART])


def _of_winners(detections: Any, pictures: Any) -> Any:
    """The objects that the newest look at each picture found: an older look by another detector gives way."""
    looks = pictures.select(["id", "model_sha256", "settings"]).rename_columns(["picture", "model_sha256", "settings"])
    kept = detections.join(looks, keys=looks.column_names, join_type="left semi")
    return DETECTIONS.ordered(kept).cast(DETECTIONS.schema)  # the join forgets what may not be missing
