"""Refusals in a bucket, with their rows in the warehouse, as collect or validate and then record leave them."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from nightjar.domain.layout import digest
from nightjar.domain.model import iso_utc
from nightjar.domain.names import NameRefused, parse_footage_name
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.runtime.store import ObjectStore
from nightjar.stores.contents import Content
from nightjar.stores.footage import footage_key
from nightjar.stores.quarantine import Quarantine, entry_prefix
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import PICTURES, PictureRow
from nightjar.stores.warehouse import Warehouse, WarehouseSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
RUN = "nightjar_live/20261120T120000Z-0123456789ab"
_SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)
_EMPTY: dict[str, Any] = {name: None for name, column in PICTURES.columns.items() if column.optional}


def a_row(row_id: str, **known: Any) -> PictureRow:
    """A refused picture, as the warehouse has it."""
    lists: dict[str, Any] = {"suppressed_by": [], "events": []}
    row: dict[str, Any] = {"run": RUN, "trigger": row_id, "outcome": "quarantined", "video": False, **lists}
    return PictureRow(id=row_id, **{**_EMPTY, **row, **known})


class Refusals:
    """Refusals of one bucket; `record` writes the rows of those that were added since."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._rows: dict[date, list[PictureRow]] = defaultdict(list)

    def add(
        self, name: str, reason: Reason | str = Reason.GREY, at: datetime = NOW, preview: bytes = b"", **values: Any
    ) -> str:
        """A refusal by validate or, for a wrong name, by collect; returns its folder."""
        try:
            named = parse_footage_name(name)
            key, stage = footage_key(named), "validate"
        except NameRefused:
            named, key, stage = None, f"incoming/{name}", "collect"
        info = self.store.put(key, b"content", metadata={"sha256": "0"})
        fields: dict[str, object] = {
            "reason": reason,
            "meaning": "It is of no use.",
            "expected": "a good one",
            "found": "this",
            "source_key": key,
            "source_version": info.version_id,
            "detail": "",
            "received_at": iso_utc(at),
            "taken_at": iso_utc(at) if named else None,
            "sha256": "0",
            "size": 7,
            "stage": stage,
            "image": "example.com/nightjar/x:1",
            "run": RUN,
        }
        entry = QuarantineEntry.model_validate(fields | values)
        Quarantine(self.store).put(entry, b"content", preview=preview)
        folder = entry_prefix(entry)
        known = {"reason": str(reason), "quarantine_key": folder, "taken_at": entry.taken_at}
        if named:
            camera = named.camera
            known |= {"user": camera.user, "device": camera.device, "camera": camera.name}
        self._rows[at.date()].append(a_row(digest(folder), **known))
        return folder

    def record(self, run: str = RUN) -> None:
        """Write the rows of all that was added."""
        for day, rows in self._rows.items():
            Records(self.store).write(day, run, Content.of(PICTURES, rows), Provenance(run=run))


@contextmanager
def warehouse_of(store: ObjectStore, folder: Path) -> Iterator[Warehouse]:
    """The warehouse of the bucket, with its parts in `folder`."""
    with Warehouse(store, folder, _SMALL) as opened:
        yield opened
