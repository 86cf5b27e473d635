"""When pictures land in a simulated day, and the batches of those that wait."""

from collections import Counter
from math import inf
from random import Random

import pytest

from nightjar.domain.simulation.arrivals import DAY, HOUR, PROFILES, Arrivals
from nightjar.domain.simulation.batches import DropZone, camera_sizes, events_of_shards

EVEN = PROFILES["even"]


@pytest.mark.parametrize("hours", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize(("bursts", "burst"), [(0, 1), (1, 1), (1, 7), (50, 1), (50, 3), (100_000, 1)])
def test_all_land_and_each_in_its_place(hours: tuple[float, ...], bursts: int, burst: int) -> None:
    arrivals = Arrivals(bursts, burst, hours)
    assert arrivals.landed(0) == 0
    assert arrivals.landed(DAY) == arrivals.landed(2 * DAY) == arrivals.pictures == bursts * burst
    for picture in {0, arrivals.pictures // 2, arrivals.pictures - 1} if bursts else set():
        time = arrivals.time_of(picture)
        assert 0 <= time < DAY
        assert arrivals.landed(time - 1e-3) <= picture < arrivals.landed(time + 1e-3)


def test_an_hour_in_which_nothing_moves() -> None:
    arrivals = Arrivals(1000, 1, (0.0, 1.0, *[0.0] * 22))
    assert arrivals.landed(HOUR) == 0
    assert arrivals.landed(2 * HOUR) == 1000
    assert HOUR <= arrivals.time_of(0) < arrivals.time_of(999) < 2 * HOUR
    assert (arrivals.peak, arrivals.peak_pictures) == (1, 1000)


@pytest.mark.parametrize(
    ("bursts", "burst", "hours"),
    [
        (-1, 1, EVEN),
        (1, 0, EVEN),
        (1, 1, EVEN[:23]),
        (1, 1, (0.0,) * 24),
        (1, 1, (-1.0, *EVEN[1:])),
        (1, 1, ()),
        (1, 1, (inf, *EVEN[1:])),
    ],
)
def test_days_that_cannot_be(bursts: int, burst: int, hours: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Arrivals(bursts, burst, hours)


@pytest.mark.parametrize("picture", [-1, 50])
def test_a_picture_that_does_not_land(picture: int) -> None:
    with pytest.raises(ValueError, match="expected a picture of 0 to 49"):
        Arrivals(50, 1, EVEN).time_of(picture)


def test_the_freshest_are_collected_first_and_each_once() -> None:
    zone = DropZone()
    zone.land(10)
    zone.land(10)
    assert zone.take(4) == [(6, 10)]
    zone.land(13)
    assert zone.take(5) == [(10, 13), (4, 6)]
    assert zone.waiting == 4
    assert zone.take(100) == [(0, 4)]
    assert (zone.take(1), zone.waiting, zone.landed) == ([], 0, 13)


@pytest.mark.parametrize(
    ("bursts", "burst", "cameras"),
    [(1, 1, 1), (40, 3, 1), (1, 1, 10**6), (5000, 1, 10**6), (5000, 2, 5000), (600, 1, 7)],
)
def test_cameras_of_a_batch_have_all_of_its_pictures(bursts: int, burst: int, cameras: int) -> None:
    sizes = camera_sizes(bursts, burst, cameras, Random(1))
    assert sum(size * count for size, count in sizes.items()) == bursts * burst
    assert 0 < sum(sizes.values()) <= min(cameras, bursts)
    assert min(sizes.values()) > 0


def test_many_cameras_are_as_expected() -> None:
    """By chance and by expectation, the same number of cameras come by."""
    drawn = sum(Counter(Counter(int(Random(n).random() * 20_000) for n in range(5000)).values()).values())
    assert sum(camera_sizes(5000, 1, 20_000, Random(1)).values()) == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_events_fall_on_shards(share: float) -> None:
    events = events_of_shards(1000, 20, share, Random(1))
    assert sum(events.values()) == 1000
    assert sum(number * count for number, count in events.items()) == pytest.approx(20_000 * share, rel=0.2)
