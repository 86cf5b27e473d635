"""Signs of how the deployment does: small, replaced, and without versions that pile up."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.operator_signs import SIGNS, OperatorSigns

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)
DAY = timedelta(days=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def versions(store: MemoryStore) -> int:
    return len(list(store.list_versions(SIGNS)))


def test_heartbeats(store: MemoryStore) -> None:
    signs = OperatorSigns(store)
    assert signs.last_beat() is None
    for minute in range(5):
        signs.beat(NOON + timedelta(minutes=minute))
        assert signs.last_beat() == NOON + timedelta(minutes=minute)
    assert versions(store) == 1


@pytest.mark.parametrize(("seconds", "noted"), [(0, False), (29, False), (30, True), (-5, True)])
def test_a_busy_watch_writes_no_sign_for_each_batch(store: MemoryStore, seconds: int, noted: bool) -> None:
    OperatorSigns(store).beat(NOON)
    OperatorSigns(store).beat(NOON + timedelta(seconds=seconds))
    assert OperatorSigns(store).last_beat() == (NOON + timedelta(seconds=seconds) if noted else NOON)


def test_a_sign_that_cannot_be_read_is_written_anew(store: MemoryStore) -> None:
    store.put(f"{SIGNS}heartbeat.json", b"?")
    store.put(f"{SIGNS}refusals.json", b"?")
    signs = OperatorSigns(store)
    assert signs.last_beat() is None
    signs.beat(NOON)
    assert signs.last_beat() == NOON
    assert signs.count(TODAY, "a", 3, {"grey": 1}).refused == 1
    assert signs.count(TODAY, "b", 3, {"grey": 1}).refused == 2


def test_refusals_of_a_day(store: MemoryStore) -> None:
    signs = OperatorSigns(store)
    for run in ("a", "b", "a"):
        day = signs.count(TODAY, run, 10, {"grey": 2})
    assert (day.day, day.received, day.reasons) == (TODAY, 20, {"grey": 4})
    assert versions(store) == 1
    assert signs.count(TODAY + DAY, "c", 1, {}).received == 1
    assert signs.count(TODAY, "late", 100, {"grey": 100}).day == TODAY + DAY, "a day that is over is not begun anew"
    assert versions(store) == 1
