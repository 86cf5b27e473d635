"""Rows of the records, as tests need them: each with what it must have, and what a test changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import ALERTS, PICTURES, AlertRow, PictureRow


def a_picture(number: int = 1, **changes: Any) -> PictureRow:
    """A detected still without anything in it."""
    row = PictureRow(
        id=f"p{number}",
        run="nightjar_live/1",
        trigger=f"t{number}",
        outcome="detected",
        video=False,
        suppressed_by=[],
        events=[],
        **_missing(PICTURES),
    )
    return replace(row, **changes)


def an_alert(number: int = 1, **changes: Any) -> AlertRow:
    """A message about event `e<number>` that was sent, in a second."""
    given: dict[str, Any] = {
        "id": f"a{number}",
        "run": "nightjar_live/1",
        "event": f"e{number}",
        "user": "alice",
        "device": "porch",
        "camera": "alice-porch",
        "rule_id": 200,
        "started_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "state": "sent",
        "channel": "mail",
        "recipient": "a@example.com",
        "subject": "A person",
        "possibly_repeated": False,
        "alert_run": "nightjar_live/1",
        "claimed_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "calls": 1,
        "ledger_key": f"ledger/{number}.json",
    }
    return replace(AlertRow(**{**_missing(ALERTS), **given}), **changes)


def write(store: MemoryStore, table: Table[Any], day: date, run: str, rows: Sequence[Any]) -> None:
    """A part of `run` with these rows."""
    Records(store).write(day, f"nightjar_live/{run}", Content.of(table, rows), Provenance(run=f"nightjar_live/{run}"))


def _missing(table: Table[Any]) -> dict[str, Any]:
    return {name: None for name, column in table.columns.items() if column.optional}
