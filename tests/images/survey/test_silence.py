"""Cameras that send nothing any more, or never did; and those that only look so while Nightjar itself was away."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.health import DueTimes, HealthStore
from tests.bucket import PORCH, RULES, SHOP, YARD, put_footage
from tests.images.survey.world import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Shot,
    health,
    live_run,
    look_around,
    open_troubles,
    shots,
    trouble,
)

CAMERAS = (PORCH, YARD, SHOP)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def due(store: MemoryStore, until: datetime = START + 100 * DAY) -> list[Camera]:
    """Every camera in every list, as often as it stands in one."""
    return sorted(camera for listed in DueTimes(store).lists(until) for camera in listed.cameras)


def patrols(store: MemoryStore, first: datetime, last: datetime, every: timedelta = HOUR) -> datetime | None:
    """Surveys from `first` to `last`; when the first trouble came up, or None."""
    at = first
    while at <= last:
        look_around(store, at)
        if ("alice-porch", "silent") in open_troubles(store):
            return at
        at += every
    return None


def visits(*hours: float) -> Sequence[Shot]:
    return [Shot(START + hour * HOUR) for hour in hours]


def test_a_camera_that_never_sent_any(store: MemoryStore) -> None:
    look_around(store, START)
    assert due(store) == sorted(CAMERAS)
    live_run(store, [Shot(START + HOUR), Shot(START + HOUR, camera=SHOP)])
    look_around(store, START + 2 * HOUR)
    look_around(store, START + DAY - MINUTE)
    assert open_troubles(store) == set()
    look_around(store, START + DAY)
    assert open_troubles(store) == {("alice-yard", "silent")}
    assert (trouble(store, "silent", YARD).since, trouble(store, "silent", YARD).facts.last_at) == (START, None)
    late = START + 2 * DAY
    live_run(store, [Shot(late, camera=YARD)])
    look_around(store, late + MINUTE)
    assert ("alice-yard", "silent") not in open_troubles(store)
    assert health(store, YARD).since == late + timedelta(seconds=5)


def test_only_cameras_that_are_new_in_the_rules_are_awaited(store: MemoryStore) -> None:
    assert look_around(store, START).counts.details["new_cameras"] == 3
    assert look_around(store, START + HOUR).counts.details["new_cameras"] == 0
    more = RULES.replace(b"devices: {shop: {}}", b"devices: {shop: {}, door: {}}")
    assert look_around(store, START + 2 * HOUR, more).counts.details["new_cameras"] == 1
    assert due(store) == sorted([*CAMERAS, Camera("bob", "door")])
    surveyed = HealthStore(store).surveyed()
    assert surveyed
    store.delete(surveyed.rules_key)
    assert look_around(store, START + 3 * HOUR, RULES).counts.details["new_cameras"] == 3  # nobody can tell


def test_silent_for_three_times_its_own_gaps_and_back(store: MemoryStore) -> None:
    for n in range(5 * 24):  # every hour for five days
        live_run(store, [Shot(START + n * HOUR)])
    last = START + (5 * 24 - 1) * HOUR
    assert patrols(store, last, last + 3 * HOUR, 15 * MINUTE) is None
    at = patrols(store, last + 3 * HOUR, last + 5 * HOUR, 5 * MINUTE)
    assert at is not None and last + 3 * HOUR < at < last + 4 * HOUR
    silent = trouble(store, "silent")
    assert silent.facts.last_at == last + timedelta(seconds=5)
    assert silent.facts.usual_seconds == pytest.approx(3600, rel=0.2)
    back = at + DAY
    live_run(store, [Shot(back)])
    look_around(store, back + MINUTE)
    assert ("alice-porch", "silent") not in open_troubles(store)
    assert trouble(store, "silent").ended_at == back + MINUTE
    assert PORCH in due(store)


def test_with_little_history_a_day_is_waited(store: MemoryStore) -> None:
    live_run(store, shots(START, 20, 6 * MINUTE))
    at = patrols(store, START + 2 * HOUR, START + 3 * DAY)
    assert at is not None and DAY < at - START < DAY + 3 * HOUR


def test_a_busy_camera_stands_in_one_list_and_its_health_is_not_read_for_nothing(store: MemoryStore) -> None:
    for n in range(50):
        live_run(store, [Shot(START + n * MINUTE)])
        look_around(store, START + n * MINUTE + MINUTE)
    assert due(store).count(PORCH) <= 2  # in that of its first minutes, and as a camera that is new in the rules
    assert look_around(store, START + 51 * MINUTE).counts.outcomes["checked"] == 0


def test_a_camera_stands_in_one_list_however_often_it_was_due(store: MemoryStore) -> None:
    for n in range(3 * 24):
        live_run(store, visits(n))
        look_around(store, START + n * HOUR + MINUTE)
    assert due(store).count(PORCH) == 1


@pytest.mark.parametrize("where", ["incoming", "footage", "nowhere"])
def test_footage_that_waits_or_is_under_way_is_no_silence(store: MemoryStore, where: str) -> None:
    """Nightjar was away for two days: the survey is the first to be back."""
    live_run(store, visits(0))
    look_around(store, START + MINUTE)
    back = START + 2 * DAY
    name = Shot(back - MINUTE).name.canonical
    if where == "incoming":
        store.put(f"incoming/{name}", b"x")
    elif where == "footage":
        put_footage(store, name, b"x")
    look_around(store, back)
    assert (("alice-porch", "silent") in open_troubles(store)) is (where == "nowhere")
    if where != "nowhere":
        live_run(store, [Shot(back - MINUTE)])
        look_around(store, back + 20 * MINUTE)
        assert ("alice-porch", "silent") not in open_troubles(store)


def test_of_a_silent_camera_other_troubles_stay_as_they_are(store: MemoryStore) -> None:
    live_run(store, shots(START, 5, like=Shot(START, scene="stuck")))
    look_around(store, START + HOUR)
    look_around(store, START + 3 * DAY)
    assert {kind for about, kind in open_troubles(store) if about == "alice-porch"} == {"frozen", "silent"}


def test_a_camera_that_left_the_rules_is_in_no_trouble_and_in_no_list(store: MemoryStore) -> None:
    live_run(store, shots(START, 5, like=Shot(START, scene="stuck")))
    look_around(store, START + HOUR)
    without = RULES.replace(b"porch: {site: home}, ", b"")
    look_around(store, START + 3 * DAY, without)
    assert not any(about == "alice-porch" for about, _ in open_troubles(store))
    assert PORCH not in due(store)
    assert trouble(store, "frozen").ended_at is not None
    look_around(store, START + 4 * DAY, RULES)  # it is back, and awaited
    assert PORCH in due(store)


def test_no_more_lists_are_left_than_cameras_are_awaited(store: MemoryStore) -> None:
    look_around(store, START)
    look_around(store, START + 2 * DAY)
    assert due(store) == []  # all three are silent: footage will end that
    assert [version.key for version in store.list_versions("health/due/")] == []
    assert HealthStore(store).find(PORCH) is not None
