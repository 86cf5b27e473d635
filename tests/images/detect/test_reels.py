"""Reading pictures from reels, which saves requests and never changes what is seen."""

from collections import Counter
from collections.abc import Callable

import pytest

from nightjar.domain.layout import REELS
from nightjar.domain.reels import Reel
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.settings.detect import DetectSettings
from nightjar_detect.pictures import requests
from nightjar_detect.stage import detect_shard
from tests.images.detect.shards import detections, noise, series, validated


def reels(store: MemoryStore, context: StageContext) -> list[Reel]:
    """The reels of a validated shard, by their first picture."""
    lines, _ = read_lines(store, f"{context.input_prefix}{REELS}", Reel)
    return sorted(lines, key=lambda reel: reel.pictures[0].standard_key)


@pytest.mark.parametrize(
    ("wanted", "together"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(range(70), [32, 32, 1, 1, 1, 1, 1, 1], id="all, and a rest that is too small for a reel"),
        pytest.param(range(8, 16), [8], id="as few as are worth a reel"),
        pytest.param(range(8, 15), [1] * 7, id="fewer"),
        pytest.param(range(28, 40), [1] * 4 + [8], id="over the edge of two"),
        pytest.param([*range(8), *range(20, 30)], [18], id="with a gap of what is known"),
        pytest.param([*range(8), *range(32, 40), *range(8, 16)], [8, 8, 8], id="to and fro"),
    ],
)
def test_pictures_that_follow_each_other_in_a_reel_are_read_together(wanted: range, together: list[int]) -> None:
    store = MemoryStore()
    pictures = series(store, map(noise, range(70)))
    found = reels(store, validated(store, pictures, reels=True))
    made = list(requests([pictures[n] for n in wanted], found))
    assert [len(request.pictures) for request in made] == together
    assert [picture for request in made for picture in request.pictures] == [pictures[n] for n in wanted]
    for request in made:
        inside = {p.standard_key for p in request.reel.pictures} if request.reel else set()
        assert bool(inside) == (len(request.pictures) > 1)
        assert not inside or {p.standard_key for p in request.pictures} <= inside


def test_a_picture_standardised_anew_is_not_the_one_in_the_reel() -> None:
    store = MemoryStore()
    found = reels(store, validated(store, series(store, map(noise, range(8))), reels=True))
    assert [len(r.pictures) for r in requests(series(store, map(noise, range(8, 16))), found)] == [1] * 8


def _none(store: MemoryStore, found: list[Reel]) -> None:
    pass


def _gone(store: MemoryStore, found: list[Reel]) -> None:
    for reel in found:
        store.delete(reel.object.key)


def _cut(store: MemoryStore, found: list[Reel]) -> None:
    for reel in found:
        three = sum(picture.size for picture in reel.pictures[:3])
        store.put(reel.object.key, store.get(reel.object.key)[0][: three + 1])


def _other(store: MemoryStore, found: list[Reel]) -> None:
    for reel in found:
        store.put(reel.object.key, bytes(reel.object.size))


@pytest.mark.parametrize(
    ("harm", "singly"),
    [
        pytest.param(_none, 0, id="whole"),
        pytest.param(_gone, 40, id="gone"),
        pytest.param(_cut, 34, id="cut short"),
        pytest.param(_other, 40, id="something else"),
    ],
)
def test_what_a_reel_does_not_give_is_read_from_its_own_object(
    settings: DetectSettings, harm: Callable[[MemoryStore, list[Reel]], None], singly: int
) -> None:
    store = MemoryStore()
    pictures = series(store, map(noise, range(40)))
    plain = validated(store, pictures, run="b1", tag="d1")
    reeled = validated(store, pictures, run="b2", tag="d2", reels=True)
    harm(store, reels(store, reeled))
    fetched: Counter[str] = Counter()

    def fetch(key: str) -> bytes:
        fetched[key.partition("/")[0]] += 1
        return store.get(key)[0]

    run(lambda c: detect_shard(c, settings, fetch), plain)
    assert fetched == {"standard": 40}
    fetched.clear()
    manifest = run(lambda c: detect_shard(c, settings, fetch), reeled)
    assert (fetched["runs"], fetched["standard"]) == (2, singly)
    assert manifest.counts.outcomes == {"detected": 40}
    [expected], [found] = detections(store, "d1").values(), detections(store, "d2").values()
    assert [(line.picture, line.objects) for line in found] == [(line.picture, line.objects) for line in expected]
