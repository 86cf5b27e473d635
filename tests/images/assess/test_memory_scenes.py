"""Parked cars, people who pass them, and pictures that wait for others, in runs one after the other."""

from nightjar.domain.rules import Safe
from nightjar.runtime.memory import MemoryStore
from tests.images.assess.memory_world import (
    CARS,
    LEFT,
    PARKED,
    PLAIN,
    RIGHT,
    Seen,
    Told,
    at,
    book,
    events,
    minutes,
    run,
    told_of,
)


def test_a_parked_car_is_told_once_and_a_person_who_passes_it_is_told() -> None:
    store, told = MemoryStore(), Told()
    for seconds in range(0, 7200, 60):
        passing: Seen = [("person", 0.9, RIGHT)] if 3600 <= seconds < 3720 else []
        run(store, {seconds: [("car", 0.9, LEFT), *passing]}, PARKED)
        told.after(store)
    assert [(e.label, e.picture_count) for e in events(store)] == [("car", 10), ("person", 2)]
    assert len(told.ids) == 2


def test_a_second_car_beside_the_parked_one_is_told_and_so_is_one_that_came_back() -> None:
    store = MemoryStore()
    for seconds in range(0, 1200, 60):
        run(store, {seconds: [("car", 0.9, LEFT)]}, PARKED)
    assert told_of(run(store, {1200: [("car", 0.9, LEFT), ("car", 0.8, RIGHT)]}, PARKED)) == [("car", 1)]
    for seconds in range(1260, 1500, 60):  # both have gone
        run(store, {seconds: []}, PARKED)
    assert told_of(run(store, {1500: [("car", 0.9, LEFT)]}, PARKED)) == [("car", 1)]


def test_what_is_suppressed_as_static_says_so_and_its_detections_stay() -> None:
    store = MemoryStore()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    assessed = run(store, {660: [("car", 0.9, LEFT), ("person", 0.4, RIGHT)]}, PARKED)
    assert assessed.details["suppressed_static"] == 1
    [line] = assessed.suppressed
    assert [(o.label, o.reason) for o in line.objects] == [("car", Safe.STATIC), ("person", Safe.BELOW_PROBABILITY)]
    assert (assessed.threatened, assessed.events) == (0, [])
    without = run(store, {660: [("car", 0.9, LEFT)]}, PLAIN)  # reversible: judged without, it is a threat again
    assert told_of(without) == [("car", 1)]


def test_pictures_that_wait_become_threats_with_the_one_that_makes_them_enough() -> None:
    waiting = book(
        CARS.replace("min_probability: 50%", "min_probability: 50%, agree: {pictures: 3, within_seconds: 10}")
    )
    store = MemoryStore()
    for seconds in (0, 5):
        assessed = run(store, {seconds: [("person", 0.9, RIGHT)]}, waiting)
        assert assessed.events == []
        assert assessed.details["suppressed_too-few-pictures"] == 1
    assessed = run(store, {10: [("person", 0.9, RIGHT)]}, waiting)
    assert told_of(assessed) == [("person", 3)]
    assert [t.taken_at for t in assessed.threats] == [at(10)]  # those of the run's own pictures
    late = run(store, {8: [("person", 0.9, RIGHT)], 40: [("person", 0.9, RIGHT)]}, waiting)
    assert told_of(late) == [("person", 4)]
    assert not any(minute.looks for minute in minutes(store))


def test_late_footage_that_shows_the_car_before_leaves_its_alert_as_it_is() -> None:
    """It was told at 1000 s; that it had stood there since 0 s is known later."""
    store, told = MemoryStore(), Told()
    for seconds in (1000, 1060, 1120):
        run(store, {seconds: [("car", 0.9, LEFT)]}, PARKED)
        told.after(store)
    run(store, {0: [("car", 0.9, LEFT)], 60: [("car", 0.9, LEFT)]}, PARKED)
    told.after(store)
    assert [(e.started_at, e.picture_count) for e in events(store)] == [(at(0), 2)]
    assert len(told.ids) == 1
    run(store, {500: []}, PARKED)  # and later still, that it had been away
    told.after(store)
    assert [(e.started_at, e.picture_count) for e in events(store)] == [(at(0), 2), (at(1000), 3)]
    assert len(told.ids) == 1


def test_an_area_that_gets_a_name_or_another_one_is_not_told_again() -> None:
    store, told = MemoryStore(), Told()
    areas = "porch: {areas: {NAME: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}}"
    for name in ("", "left", "yard"):
        rules = CARS.replace("50%}", f"50%, areas: [{name}, right]}}") + areas.replace("NAME", name) if name else CARS
        run(store, {0: [("car", 0.9, LEFT)], 30: [("car", 0.8, LEFT)]}, book(rules))
        told.after(store)
        assert [event.area for event in events(store)] == [name]
    assert len(told.ids) == 1
    both: Seen = [("car", 0.9, LEFT), ("car", 0.8, RIGHT)]  # another area is news
    run(store, {0: both}, book(rules))
    told.after(store)
    assert len(told.ids) == 2
