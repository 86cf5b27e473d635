"""The store of reports, as pages read it."""

from datetime import date

import pytest

from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores import reports
from nightjar.stores.reports import Reports

DAYS = [date(2026, 11, 20), date(2026, 11, 3), date(2025, 12, 31)]


def test_days_newest_first() -> None:
    store = MemoryStore()
    assert list(Reports(store).days()) == []
    for day in reversed(DAYS):
        Reports(store).publish(day, b"<p>", {"plot.png": b""})
    for key in (
        "reports/2026/13/01/report.html",
        "reports/2026/02/31/report.html",
        "reports/x/y/z",
        "reports/2026/a/b/c",
    ):
        store.put(key, b"")
    assert list(Reports(store).days()) == DAYS


def test_a_page_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    day = DAYS[0]
    assert Reports(store).read(day) is None
    Reports(store).publish(day, b"<p>day</p>", {})
    assert Reports(store).read(day) == b"<p>day</p>"
    monkeypatch.setattr(reports, "MOST_BYTES", 9)
    with pytest.raises(InputError, match=r"at most 0 MiB at 'reports/2026/11/20/report\.html', got 10 bytes"):
        Reports(store).read(day)
