"""The gate, with a detector that sees exactly what stands in a picture: what it looks at, and what the others get."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pytest

from nightjar.domain.detections import DetectedObject, Detection, How, LookedAt, Mark, Picture
from nightjar.domain.names import Camera
from nightjar.errors import TryAgainError
from nightjar_detect.frames import Frame, Objects, Result, Sparing
from nightjar_detect.gate import gate
from nightjar_detect.pictures import Failure, Shot
from nightjar_detect.preprocess import Pixels
from nightjar_detect.sameness import blocks_of
from tests.bucket import NOON, PORCH, YARD, picture_of
from tests.scenes import DETECTOR

SPARING = Sparing(seconds=1.5, unmatched=0.34, carry_seconds=60, min_probability=0.1)
SCENE = np.random.default_rng(1).integers(60, 180, (12, 16, 3), np.uint8).repeat(20, axis=0).repeat(20, axis=1)
SIZE_WH = (320, 240)
GONE = Failure("picture-missing", "it is gone")


def person(x: float, probability: float = 0.9) -> DetectedObject:
    return DetectedObject(label="person", probability=probability, box=(x, 0.3, round(x + 0.1, 4), 0.8))


@dataclass
class Detector:
    """Sees what was drawn; remembers at which moments it looked."""

    drawn: dict[int, tuple[float, Objects]] = field(default_factory=dict)
    kept: list[Pixels] = field(default_factory=list)  # so that no two have the same id
    looked_at: list[float] = field(default_factory=list)

    def __call__(self, pictures: Sequence[Pixels]) -> list[Objects]:
        self.looked_at += [self.drawn[id(pixels)][0] for pixels in pictures]
        return [self.drawn[id(pixels)][1] for pixels in pictures]

    def frame(self, at: float, *objects: DetectedObject, camera: Camera = PORCH, noise: float = 2.0) -> Frame:
        """A picture that shows the objects, `at` seconds after noon."""
        scene = SCENE.astype(np.float64)
        for one in objects:
            x_min, y_min, x_max, y_max = (round(s * n) for s, n in zip(one.box, (*SIZE_WH, *SIZE_WH), strict=True))
            scene[y_min:y_max, x_min:x_max] = (30, 60, 230)
        scene += np.random.default_rng(round(at * 1000) % 2**32).normal(0, noise, scene.shape)
        pixels = np.clip(scene, 0, 255).astype(np.uint8)
        self.drawn[id(pixels)] = (at, objects)
        self.kept.append(pixels)
        return Frame(picture(at, camera), Shot(pixels, blocks_of(pixels)))


def picture(at: float, camera: Camera = PORCH) -> Picture:
    return picture_of(camera, moment(at), f"{round(at * 1000) % 2**64:064x}")


def moment(at: float) -> datetime:
    return NOON + timedelta(seconds=at)


@pytest.fixture
def detector() -> Detector:
    return Detector()


def run(detector: Detector, frames: Iterable[Frame], sparing: Sparing | None = SPARING) -> list[Result]:
    return list(gate(frames, detector, lambda camera: sparing))


def hows(results: Iterable[Result]) -> str:
    """A letter each: seen, interpolated, carried, known, failed."""
    letters: dict[str | None, str] = {None: "s", How.INTERPOLATED: "i", How.CARRIED: "c"}
    return "".join(
        "f" if isinstance(r.objects, Failure) else "k" if r.known else letters[r.mark.how if r.mark else None]
        for r in results
    )


def walk(detector: Detector, number: int, apart: float = 0.1, pace: float = 0.004) -> list[Frame]:
    """Somebody who walks through the picture, `pace` of its width from one picture to the next."""
    return [detector.frame(n * apart, person(0.2 + n * pace)) for n in range(number)]


@pytest.mark.parametrize(
    ("number", "apart", "expected"),
    [
        pytest.param(0, 0.1, "", id="nothing"),
        pytest.param(1, 0.1, "s", id="a single picture is looked at"),
        pytest.param(2, 0.1, "ss", id="both ends"),
        pytest.param(3, 0.1, "sis", id="the one between"),
        pytest.param(10, 0.1, "siiiisiiis", id="a burst, in whose middle is a look where something moves"),
        pytest.param(10, 0.5, "sissississ", id="where something moves, two looks are not a second apart"),
        pytest.param(5, 1.5, "sssss", id="just near enough to be a burst, in which nothing is between two looks"),
        pytest.param(5, 1.6, "sssss", id="too far apart"),
        pytest.param(40, 0.01, "s" + 2 * ("i" * 14 + "s") + "i" * 8 + "s", id="and at most so many pictures"),
    ],
)
def test_the_ends_of_spans_are_looked_at_and_what_is_between_them_follows(
    detector: Detector, number: int, apart: float, expected: str
) -> None:
    results = run(detector, walk(detector, number, apart))
    assert hows(results) == expected
    assert [r.picture.taken_at for r in results] == [moment(n * apart) for n in range(number)]
    for n, result in enumerate(results):
        [found] = result.objects if not isinstance(result.objects, Failure) else []
        assert found.box == pytest.approx(person(0.2 + n * 0.004).box, abs=2e-4)
        assert found.probability == 0.9


def test_where_things_stand_still_two_looks_are_farther_apart(detector: Detector) -> None:
    """Nothing is carried."""
    frames = [detector.frame(n * 0.1, person(0.4)) for n in range(31)]
    assert hows(run(detector, frames, Sparing(1.5, 0.34, 0))) == "s" + 2 * ("i" * 14 + "s")


def test_two_who_cross_are_not_taken_for_each_other(detector: Detector) -> None:
    """Each ends near to where the other began."""
    ways = [(0.4 + n * 0.015, 0.535 - n * 0.015) for n in range(10)]
    results = run(detector, [detector.frame(n * 0.1, person(a), person(b, 0.7)) for n, (a, b) in enumerate(ways)])
    for result, (first, second) in zip(results, ways, strict=True):
        found = result.objects if not isinstance(result.objects, Failure) else []
        assert sorted(one.box[0] for one in found) == pytest.approx(sorted([first, second]), abs=0.02)


def test_everything_is_looked_at_where_looks_are_not_spared(detector: Detector) -> None:
    assert hows(run(detector, walk(detector, 20), None)) == "s" * 20


def test_an_interpolated_picture_names_its_two_sources(detector: Detector) -> None:
    first, between, last = run(detector, walk(detector, 3))
    sources = tuple(LookedAt.of(each.picture) for each in (first, last))
    assert between.mark == Mark(how=How.INTERPOLATED, sources=sources)


def test_a_picture_that_is_the_same_has_the_objects_of_the_one_that_was_looked_at(detector: Detector) -> None:
    results = run(detector, [detector.frame(n * 10, person(0.4)) for n in range(10)])
    # Up to and with 60 seconds after the look; then the next look.
    assert hows(results) == "scccccc" + "scc"
    assert {r.mark.sources for r in results[1:7] if r.mark} == {(LookedAt.of(results[0].picture),)}
    assert all(r.objects == (person(0.4),) for r in results)


def test_nothing_is_carried_from_one_camera_to_another_nor_if_it_is_switched_off(detector: Detector) -> None:
    frames = [detector.frame(10), detector.frame(20, camera=YARD), detector.frame(30, camera=YARD)]
    assert hows(run(detector, frames)) == "ssc"
    frames = [detector.frame(n * 10) for n in range(3)]
    assert hows(run(detector, frames, Sparing(1.5, 0.34, 0))) == "sss"


@pytest.mark.parametrize("carry_seconds", [0, 60])
@pytest.mark.parametrize("at", range(1, 9))
def test_whoever_comes_and_goes_between_two_looks_is_seen(detector: Detector, at: int, carry_seconds: float) -> None:
    """Both ends show an empty yard."""
    frames = [detector.frame(n * 0.1, *([person(0.5)] if n == at else [])) for n in range(10)]
    results = run(detector, frames, Sparing(1.5, 0.34, carry_seconds))
    assert results[at].objects == (person(0.5),)
    assert hows(results)[at] == "s"
    assert [bool(r.objects) for r in results].count(True) == 1
    assert len(detector.looked_at) <= (5 if carry_seconds else 8)


def test_whoever_comes_in_mid_burst_is_found_with_few_looks(detector: Detector) -> None:
    frames = [detector.frame(n * 0.1, *([person(0.5)] if n >= 6 else [])) for n in range(16)]
    results = run(detector, frames)
    assert [bool(r.objects) for r in results] == [n >= 6 for n in range(16)]
    assert len(detector.looked_at) <= 7


def test_where_objects_jump_every_picture_is_looked_at(detector: Detector) -> None:
    frames = [detector.frame(n * 0.1, person(0.05 + 0.37 * n % 0.8)) for n in range(10)]
    results = run(detector, frames)
    assert hows(results) == "s" * 10
    assert detector.looked_at.count(0.0) == 1 == max(map(detector.looked_at.count, detector.looked_at))


def test_failures_stay_in_their_places_and_stop_nothing(detector: Detector) -> None:
    frames = walk(detector, 10)
    for n in (0, 3, 4, 9):
        frames[n] = Frame(frames[n].picture, GONE)
    results = run(detector, frames)
    assert hows(results) == "fsi" + "ff" + "iiis" + "f"
    assert hows(run(detector, [Frame(picture(n), GONE) for n in range(40)])) == "f" * 40


def known(frame: Frame, *objects: DetectedObject, mark: Mark | None = None) -> Frame:
    return Frame(frame.picture, Detection.of(frame.picture, DETECTOR, objects, mark))


def test_what_is_known_is_not_looked_at_and_serves_as_a_source(detector: Detector) -> None:
    frames = walk(detector, 10)
    frames[0], frames[9] = known(frames[0], person(0.2)), known(frames[9], person(0.236))
    frames[5] = known(frames[5], person(0.22))
    # Whether anything happens between two pictures whose pixels were not read cannot be told.
    assert hows(run(detector, frames)) == "kssssksssk"
    assert len(detector.looked_at) == 7
    assert hows(run(Detector(), [known(frame, person(0.2)) for frame in frames])) == "k" * 10


def test_a_known_picture_that_was_not_looked_at_is_no_source(detector: Detector) -> None:
    frames = walk(detector, 10)
    mark = Mark(how=How.INTERPOLATED, sources=())
    frames[9] = known(frames[9], person(0.236), mark=mark)
    results = run(detector, frames)
    assert hows(results) == "sssssssssk"
    assert results[9].mark == mark


def _noon_to_midnight(detector: Detector) -> list[Frame]:
    return [detector.frame(12 * 3600 + n * 0.1, person(0.2 + n * 0.005)) for n in range(-2, 3)]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(_noon_to_midnight, "ss" + "sis", id="days are recorded by themselves"),
        pytest.param(
            lambda d: [*walk(d, 3), *(d.frame(n * 0.1, person(0.2 + n * 0.005), camera=YARD) for n in range(3))],
            "sis" + "sis",
            id="two cameras",
        ),
    ],
)
def test_bursts_end_with_the_day_and_the_camera(
    detector: Detector, make: Callable[[Detector], list[Frame]], expected: str
) -> None:
    assert hows(run(detector, make(detector))) == expected


def test_pictures_before_the_store_failed_are_decided(detector: Detector) -> None:
    def failing() -> Iterable[Frame]:
        yield from walk(detector, 25)
        raise TryAgainError("S3 is down")

    results: list[Result] = []
    with pytest.raises(TryAgainError, match="S3 is down"):
        results.extend(gate(failing(), detector, lambda camera: SPARING))
    assert len(results) == 25


def test_memory_is_bounded_however_long_a_burst_is(detector: Detector) -> None:
    """Results come long before the end of an endless burst."""

    def endless() -> Iterable[Frame]:
        n = 0
        while True:
            yield detector.frame(n * 0.1, person(0.2 + n % 50 * 0.005))
            n += 1

    results = gate(endless(), detector, lambda camera: SPARING)
    for n in range(100):
        assert next(iter(results)).picture.taken_at == moment(n * 0.1)
        assert len(detector.kept) <= n + 2 * 16 + 2
