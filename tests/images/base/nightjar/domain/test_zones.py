"""Time zones: the names of the IANA database, alike on every machine."""

import importlib.resources
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightjar.domain.zones import near_zones, zone, zone_names


def test_every_name_gives_its_zone() -> None:
    assert len(zone_names()) > 500
    for name in zone_names():
        assert zone(name).key == name
        assert datetime(2026, 7, 1, tzinfo=zone(name)).utcoffset() is not None


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [("Europe/Berlin", 2, 1), ("America/New_York", -4, -5), ("Asia/Kolkata", 5.5, 5.5), ("UTC", 0, 0), ("EST", -5, -5)],
)
def test_offsets_are_those_of_the_place(name: str, summer: float, winter: float) -> None:
    offsets = [datetime(2026, month, 1, tzinfo=UTC).astimezone(zone(name)).utcoffset() for month in (7, 1)]
    assert offsets == [timedelta(hours=summer), timedelta(hours=winter)]


def test_the_machines_files_are_not_looked_at(tmp_path: Path) -> None:
    """They may be older, or have names of their own."""
    utc = (importlib.resources.files("tzdata") / "zoneinfo" / "UTC").read_bytes()
    for name in ("localtime", "Asia/Seoul", "right/Asia/Seoul"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(utc)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zone.cache_clear()
    try:
        assert datetime(2026, 7, 1, tzinfo=zone("Asia/Seoul")).utcoffset() == timedelta(hours=9)
        for name in ("localtime", "right/Asia/Seoul"):
            with pytest.raises(ValueError, match="expected an IANA time zone"):
                zone(name)
    finally:
        zoneinfo.reset_tzpath(before)
        zone.cache_clear()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("europe/paris", "Europe/Paris"),
        ("Paris", "Europe/Paris"),
        ("New York", "America/New_York"),
        ("Amerika/New_York", "America/New_York"),
        ("US-Pacific", "US/Pacific"),
        ("Utc", "UTC"),
    ],
)
def test_a_near_name_is_proposed(name: str, near: str) -> None:
    assert near_zones(name)[0] == near


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/etc/localtime", "Europe", "Europe/", "Europe//Berlin", "zones", "x" * 100_000, "\0"]
)
def test_names_of_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="expected an IANA time zone"):
        zone(name)


def test_no_zone_with_a_turned_sign_is_proposed() -> None:
    assert not [name for name in near_zones("GMT+2") if name.startswith("Etc")]  # Etc/GMT+2 is behind UTC
