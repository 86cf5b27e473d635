"""Forgetting in the warehouse: rows of the one to be forgotten go out of every part, in every version.

Which of several parts counts for a row follows from their age, and a part that is written anew is the newest. So where
another part is newer than one that has to be written anew, all parts of that day are put into `day.parquet`, as history
does, which keeps the order.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightjar.errors import InputError
from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.erasure import was_dropped_by
from nightjar.stores.erasures import Erasures
from nightjar.stores.record_keys import day_of_part, is_whole_day, table_prefix
from nightjar.stores.records import Provenance, Records
from nightjar.stores.reports import Reports
from nightjar.stores.tables import PICTURES, TABLES

_ERASURE = "erasure"  # who announces the days
Chosen = Callable[[Table[Any], Content[Any]], list[str]]  # the ids of the rows to be erased


@dataclass(frozen=True)
class _Part:
    """A version of a part that has rows to be erased, what is left of it, and by what it was made."""

    version: VersionInfo
    rest: Content[Any]
    provenances: Sequence[Provenance]
    rows: int


def erase_requested(store: ObjectStore) -> int:
    """Do what `Erasures` asks for; how many rows and versions of pages went. For the report, before it makes pages.

    The days that had any are announced first, so that their pages are made anew also where this is stopped midway.
    """
    erasures, number = Erasures(store), 0
    for erasure in erasures.waiting():
        user, device = erasure.user, erasure.device
        days = sorted({*days_of(store, user, device), *Reports(store).naming(user, device)})
        for day in days:
            Records(store).announce(day, _ERASURE)
        number += Reports(store).erase(days) + erase_rows(store, user, device)[0]
        erasures.done(erasure)
    return number


def days_of(store: ObjectStore, user: str, device: str | None = None) -> list[date]:
    """The days of which any version of a part has rows of the user (or of one camera)."""
    records, chosen = Records(store), _of(user, device)
    return sorted(
        {
            day
            for table in TABLES
            for (day, versions) in _by_day(store, table).items()
            if any(_part(records, table, version, chosen) for version in versions)
        }
    )


def erase_rows(store: ObjectStore, user: str, device: str | None = None) -> tuple[int, list[date]]:
    """Remove the rows of a user (or one camera) for good; how many rows the newest parts had, and the days of any.

    Reads the whole warehouse. Raises InputError for a part that is none, after all others were done.
    """
    records, chosen = Records(store), _of(user, device)
    rows, days, problems = 0, set(), []
    for table in TABLES:
        for day, versions in sorted(_by_day(store, table).items()):
            try:
                parts = [part for version in versions if (part := _part(records, table, version, chosen))]
            except InputError as error:
                problems.append(str(error))
                continue
            if parts:
                days.add(day)
                rows += sum(part.rows for part in parts if part.version.is_latest)
                _erase(store, records, table, day, parts, chosen)
    if problems:
        raise InputError("; ".join(problems))
    return rows, sorted(days)


def _erase(
    store: ObjectStore, records: Records, table: Table[Any], day: date, mine: Sequence[_Part], chosen: Chosen
) -> None:
    newest = {part.version.key: part for part in mine if part.version.is_latest}
    listed = records.parts(table, day)
    if _keeps_order(listed, newest):
        for part in newest.values():
            records.rewrite(part.version.key, part.rest, part.provenances)
    else:
        whole = records.read(table, day, parts=listed)
        rest = whole.content.without("id", chosen(table, whole.content))
        records.replace(day, rest, listed, whole.provenances[-1], whole.provenances)
    for part in mine:
        store.delete(part.version.key, part.version.version_id)


def _keeps_order(listed: Sequence[ObjectInfo], newest: "dict[str, _Part]") -> bool:
    """Whether every part that is to be written anew is the oldest by its name, or has no newer one beside it."""
    return all(
        info.key not in newest or is_whole_day(info) or number == len(listed) - 1 or not len(newest[info.key].rest)
        for number, info in enumerate(listed)
    )


def _by_day(store: ObjectStore, table: Table[Any]) -> dict[date, list[VersionInfo]]:
    by_day = defaultdict[date, list[VersionInfo]](list)
    for version in store.list_versions(table_prefix(table.name)):
        if not version.is_delete_marker and version.key.endswith(".parquet"):
            by_day[day_of_part(version.key)].append(version)
    return by_day


def _part(records: Records, table: Table[Any], version: VersionInfo, chosen: Chosen) -> _Part | None:
    content, provenances = records.read_version(table, version)
    ids = chosen(table, content)
    return _Part(version, content.without("id", ids), provenances, len(ids)) if ids else None


def _of(user: str, device: str | None) -> Chosen:
    def chosen(table: Table[Any], content: Content[Any]) -> list[str]:
        mine = content.where("user", [user])
        ids: list[str] = (mine.where("device", [device]) if device else mine).values("id")
        if table is PICTURES:
            named = zip(*(content.values(name) for name in ("id", "user", "source_key")), strict=True)
            ids += [id_ for id_, whose, key in named if whose is None and key and was_dropped_by(key, user, device)]
        return ids

    return chosen
