"""Muting from a page: as the command does it, and a second press changes nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.reactions import Mute
from nightjar.queries.mutes import alert_again, mute_until
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reactions import Mutes
from tests.bucket import PORCH, YARD

NOW = datetime(2026, 11, 20, 13, 5, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def versions(store: MemoryStore) -> int:
    return len(list(store.list_versions("mutes/")))


def test_a_mute_lasts_to_the_whole_minute_and_is_kept_once() -> None:
    store = MemoryStore()
    until = mute_until(store, PORCH, NOW + HOUR, "ui:ann", NOW)
    assert until == datetime(2026, 11, 20, 14, 6, tzinfo=UTC)
    assert mute_until(store, PORCH, NOW + HOUR, "ui:ann", NOW + timedelta(seconds=20)) == until
    assert versions(store) == 1
    stored = Mutes(store).get(PORCH)
    assert stored is not None
    assert (stored.until, stored.by, stored.at) == (until, "ui:ann", NOW)
    assert mute_until(store, PORCH, NOW + HOUR, "ui:bob", NOW) == until
    assert versions(store) == 2


@pytest.mark.parametrize("until", [NOW, NOW - HOUR, NOW - timedelta(seconds=40), NOW + timedelta(days=367)])
def test_moments_that_are_refused(until: datetime) -> None:
    store = MemoryStore()
    with pytest.raises(ValueError, match="expected a moment after now and within 366 days"):
        mute_until(store, PORCH, until - timedelta(minutes=1), "ui:ann", NOW)
    assert versions(store) == 0


def test_alerting_again() -> None:
    store = MemoryStore()
    assert not alert_again(store, PORCH, "ui:ann", NOW)
    mute_until(store, PORCH, NOW + HOUR, "ui:ann", NOW)
    assert alert_again(store, PORCH, "ui:bob", NOW + timedelta(minutes=5))
    assert not alert_again(store, PORCH, "ui:bob", NOW + timedelta(minutes=6))
    stored = Mutes(store).get(PORCH)
    assert stored is not None
    assert (stored.until, stored.by) == (NOW + timedelta(minutes=5), "ui:bob")


def test_a_mute_that_cannot_be_read_is_replaced() -> None:
    store = MemoryStore()
    store.put(f"mutes/{PORCH.name}.json", b"{")
    assert alert_again(store, PORCH, "ui:ann", NOW)
    store.put(f"mutes/{PORCH.name}.json", b"{")
    mute_until(store, PORCH, NOW + HOUR, "ui:ann", NOW)
    stored = Mutes(store).get(PORCH)
    assert stored is not None
    assert stored.until > NOW


def test_cameras_that_were_ever_muted() -> None:
    store = MemoryStore()
    for camera in (YARD, PORCH):
        Mutes(store).put(Mute(user=camera.user, device=camera.device, until=NOW, by="link", at=NOW))
    store.put("mutes/notes.txt", b"")
    assert Mutes(store).cameras(5) == [PORCH, YARD]
    assert len(Mutes(store).cameras(1)) == 1
