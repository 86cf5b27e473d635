"""The warehouse: Parquet parts by table and UTC day, and the news that a day's page has to be made again.

    records/<table>/date=YYYY-MM-DD/<run>.parquet         what one run recorded
                                   /day.parquet           what history, or a merge, made of all parts of the day
    records/news/YYYY-MM-DD/<dag>-<run>.json              News: removed once the page is made

A row that stands in several parts counts once: `day.parquet` is the oldest of the parts, the others follow by age. A
run adds a part and looks at no other. Parts of any release are read together (see `nightjar.stores.contents`).
"""

import io
import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored, iso_utc
from nightjar.errors import InputError
from nightjar.runtime.manifests import reference, write_bytes
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore, VersionInfo
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.record_keys import (
    NEWS,
    WHOLE_DAY,
    day_of_news,
    is_whole_day,
    news_key,
    oldest_first,
    part_key,
    partition_prefix,
)

log = logging.getLogger(__name__)

# In the metadata of a part: the provenance of its run, and, in a day.parquet, that of the parts that went into it.
_PROVENANCE, _EARLIER = b"nightjar", b"nightjar_earlier"
_MOST_PROVENANCES = 16
_CONTENT_TYPE = "application/vnd.apache.parquet"
_READERS = 16
_LARGEST_MERGE = 32 << 20  # bytes: some 240,000 pictures, which take 0.7 GiB of memory while they are merged

R = TypeVar("R")


class Provenance(Stored):
    """By what the rows of a part were made: the run, the image of each stage, the rules.

    `problem` says why the newest rules were not used, `problems` each mistake in them with its line; release 0.2 did
    not write these. `at` is when the part was written, known once it is stored.
    """

    run: str
    images: dict[str, str] = Field(default_factory=dict)
    rules: str = ""
    problem: str | None = None
    problems: tuple[str, ...] = ()
    at: datetime | None = None

    @property
    def release(self) -> tuple[object, ...]:
        """Provenances of the same release share it."""
        return tuple(sorted(self.images.items())), self.rules, self.problem


class News(Stored):
    """`run` has recorded something for `day`."""

    day: date
    run: str


@dataclass(frozen=True)
class Partition(Generic[R]):
    """A table's rows of one day, each once, and the parts that they were read from, oldest first."""

    content: Content[R]
    parts: tuple[ObjectInfo, ...]
    provenances: tuple[Provenance, ...]


class Records:
    """Reads and writes the warehouse. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def parts(self, table: Table[Any], day: date) -> tuple[ObjectInfo, ...]:
        """The parts of a table and day, oldest first."""
        return tuple(oldest_first(self._store.list_objects(partition_prefix(table.name, day))))

    def read(
        self,
        table: Table[R],
        day: date,
        columns: Collection[str] | None = None,
        parts: Sequence[ObjectInfo] | None = None,
    ) -> Partition[R]:
        """The rows of a table and day: all their columns, also unknown ones, or the known `columns` only.

        `parts` are those listed before; without them they are listed now. Raises InputError that names a part that
        is not a part of this table.
        """
        listed = self.parts(table, day) if parts is None else tuple(parts)
        read = list(in_parallel(partial(self._read_part, table, columns), listed, _READERS))
        there = [part for part in read if part]
        try:
            content = Content.newest(table, [content for content, _ in there])
        except pa.ArrowException as error:
            raise InputError(f"expected the parts of {table.name} of {day} to fit together: {error}") from None
        return Partition(content, listed, latest(each for _, provenances in there for each in provenances))

    def write(self, day: date, run: str, content: Content[Any], provenance: Provenance) -> ObjectRef | None:
        """Make the part of `run` (a folder below `runs/`) hold `content`; without rows there is no such part.

        The same content and provenance give the same bytes and, a second time, no new version.
        """
        key = part_key(content.table.name, day, run)
        if not len(content):
            self._remove_key(key)
            return None
        return write_bytes(self._store, key, _parquet(content, provenance, ()), content_type=_CONTENT_TYPE)

    def new_rows(self, day: date, run: str, content: Content[R]) -> Content[R]:
        """The rows of `content` that no part but that of `run` has as they are, whichever run recorded them."""
        if not len(content):
            return content
        own = part_key(content.table.name, day, run)
        others = [info for info in self.parts(content.table, day) if info.key != own]
        known = self.read(content.table, day, parts=others).content.where("id", content.values("id"))
        recorded = {line["id"]: line | {"run": ""} for line in known.lines()}
        new = [line for line in content.lines() if recorded.get(line["id"]) != line | {"run": ""}]
        shared = content.table.whole_by or "id"  # a part tells all about what its rows share
        return content.where(shared, {line[shared] for line in new})

    def replace(
        self,
        day: date,
        content: Content[Any],
        parts: Sequence[ObjectInfo],
        provenance: Provenance,
        earlier: Sequence[Provenance] = (),
    ) -> ObjectRef | None:
        """Make `day.parquet` hold `content` in place of `parts`, all parts of the day as they were listed before.

        Parts that were added or changed since stay and count as newer. Raises ObjectChangedError or ObjectExistsError,
        with nothing removed, when another task has rewritten `day.parquet` since. Stopped half-way, some of `parts`
        stay, the newest ones; a second call removes them.
        """
        key = f"{partition_prefix(content.table.name, day)}{WHOLE_DAY}"
        before = next((info for info in parts if is_whole_day(info)), None)
        written = None
        if len(content):
            data = _parquet(content, provenance, earlier)
            condition: Any = {"if_match": before.etag} if before else {"if_absent": True}
            written = write_bytes(self._store, key, data, content_type=_CONTENT_TYPE, **condition)
        elif before:
            self._remove(before)
        removed = sum(self._remove(info) for info in parts if not is_whole_day(info))
        if removed:
            log.info("parts went into day.parquet", extra={"key": key, "parts": removed})
        return written

    def merge(self, table: Table[Any], day: date, most: int) -> bool:
        """Put the parts of a day into `day.parquet` if there are more than `most` of them; whether that was done.

        Reads and writes the day's rows of this table once for each `most` parts, so a day that is large by then is left
        to history. Raises as `read` and `replace` do.
        """
        parts = self.parts(table, day)
        if len(parts) <= most or sum(info.size for info in parts) > _LARGEST_MERGE:
            return False
        partition = self.read(table, day, parts=parts)
        if not partition.provenances:
            return False
        self.replace(day, partition.content, parts, partition.provenances[-1], partition.provenances)
        return True

    def announce(self, day: date, run: str) -> ObjectRef:
        """Leave the news that `run` has recorded something for `day`: a new version each time.

        A task that makes the page may have seen the version before, and the parts as they were then.
        """
        data = News(day=day, run=run).model_dump_json(by_alias=True).encode() + b"\n"
        return reference(self._store.put(news_key(day, run), data, content_type="application/json"), data)

    def news(self) -> Mapping[date, Sequence[VersionInfo]]:
        """The days whose page has to be made again, in order, each with its news."""
        by_day: dict[date, list[VersionInfo]] = defaultdict(list)
        for version in self._store.list_versions(NEWS):
            try:
                by_day[day_of_news(version.key)].append(version)
            except ValueError:
                log.warning("left out, since its folder is not a day: %s", version.key)
        return dict(sorted(by_day.items()))

    def forget(self, news: Sequence[VersionInfo]) -> None:
        """Remove exactly these news; what came since stays."""
        for _ in in_parallel(lambda n: self._store.delete(n.key, n.version_id), news, _READERS):
            pass

    def read_version(self, table: Table[R], version: VersionInfo) -> tuple[Content[R], list[Provenance]]:
        """The rows of one version of a part, and by what it was made. Raises InputError when it is none."""
        return self._parsed(table, version.key, None, version.version_id)

    def rewrite(self, key: str, content: Content[Any], provenances: Sequence[Provenance]) -> None:
        """Make the part at `key`, which was made by `provenances`, hold `content` and be the newest one."""
        if len(content):
            data = _parquet(content, *_own_and_earlier(provenances))
            self._store.put(key, data, content_type=_CONTENT_TYPE)
        else:
            self._remove_key(key)  # or else the version before would count again

    def _read_part(
        self, table: Table[R], columns: Collection[str] | None, info: ObjectInfo
    ) -> tuple[Content[R], list[Provenance]] | None:
        """A part's rows and provenances; None when it went into `day.parquet` since it was listed."""
        try:
            content, provenances = self._parsed(table, info.key, columns)
        except ObjectMissingError:
            return None
        return content, [each if each.at else each.model_copy(update={"at": info.modified_at}) for each in provenances]

    def _parsed(
        self, table: Table[R], key: str, columns: Collection[str] | None, version_id: str | None = None
    ) -> tuple[Content[R], list[Provenance]]:
        data, _ = self._store.get(key, version_id)
        try:
            file = pq.ParquetFile(io.BytesIO(data))
            needed = (table.whole_by,) if table.whole_by else ()
            columns = None if columns is None else {*columns, *needed}
            known = None if columns is None else [c for c in ("id", *columns) if c in file.schema_arrow.names]
            arrow = file.read(columns=known)
            return Content.conformed(table, arrow, columns), _provenances(arrow.schema.metadata or {})
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            raise InputError(f"expected {key!r} to be a part of table {table.name}: {error}") from None

    def _remove(self, info: ObjectInfo) -> bool:
        """Put a delete marker on a part if it is still as it was listed; whether that was done."""
        now = self._store.head(info.key)
        if now is None:
            return False
        if now.etag != info.etag:
            log.warning("kept, since it changed after it was read: %s", info.key)
            return False
        self._store.delete(info.key)
        return True

    def _remove_key(self, key: str) -> None:
        if self._store.head(key):
            self._store.delete(key)


def latest(provenances: Iterable[Provenance]) -> tuple[Provenance, ...]:
    """Of each release the latest of `provenances`, by time; the last ones only."""
    newest: dict[tuple[object, ...], Provenance] = {}
    for each in sorted(provenances, key=_age):
        newest.pop(each.release, None)
        newest[each.release] = each
    return tuple(newest.values())[-_MOST_PROVENANCES:]


def _age(provenance: Provenance) -> tuple[str, str]:
    return iso_utc(provenance.at) if provenance.at else "", provenance.run


def _own_and_earlier(provenances: Sequence[Provenance]) -> tuple[Provenance, Sequence[Provenance]]:
    return (provenances[-1], provenances[:-1]) if provenances else (Provenance(run=""), ())


def _parquet(content: Content[Any], provenance: Provenance, earlier: Sequence[Provenance]) -> bytes:
    metadata = {_PROVENANCE: _note(provenance)}
    if earlier:
        metadata[_EARLIER] = b"[" + b",".join(map(_note, earlier)) + b"]"
    buffer = io.BytesIO()
    pq.write_table(content.ordered().arrow.replace_schema_metadata(metadata), buffer, compression="zstd")
    return buffer.getvalue()


def _note(provenance: Provenance) -> bytes:
    value = provenance.model_dump(mode="json", by_alias=True, exclude_none=False)
    if provenance.at is None:
        del value["at"]
    return json.dumps(value, sort_keys=True).encode()


def _provenances(metadata: Mapping[bytes, bytes]) -> list[Provenance]:
    """Of a part: its own, or, if it was merged, those of the parts that went into it."""
    if _EARLIER in metadata:
        return [Provenance.model_validate(each) for each in json.loads(metadata[_EARLIER])]
    return [Provenance.model_validate_json(metadata[_PROVENANCE])] if _PROVENANCE in metadata else []
