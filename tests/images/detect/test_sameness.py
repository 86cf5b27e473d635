"""The same picture but for noise: what must be taken for the same, and what must not."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nightjar_detect.preprocess import Pixels
from nightjar_detect.sameness import _quartiles, blocks_of, changes, is_outside

SIZE_WH = (400, 300)


def yard(seed: int = 1) -> np.ndarray:
    """A scene with edges, textures and flat walls, [300, 400, 3] in 0..255."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 200, (12, 16, 3), np.uint8)).resize(SIZE_WH, Image.Resampling.BICUBIC)
    scene = np.asarray(coarse, np.float64).copy()
    scene[200:] += rng.normal(0, 12, (100, 400, 1))  # gravel, which stays
    scene[40:180, 250:330] = (150, 140, 120)
    return np.clip(scene, 0, 255)


def taken(scene: np.ndarray, seed: int, grain: float = 3.0, quality: int = 85) -> Pixels:
    """A picture of the scene: grain, then JPEG."""
    noisy = scene + np.random.default_rng(seed).normal(0, grain, scene.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def is_same(one: Pixels, other: Pixels) -> bool:
    return not changes(blocks_of(one), blocks_of(other)).any()


def infrared(scene: np.ndarray) -> np.ndarray:
    return np.repeat(scene.mean(axis=2, keepdims=True), 3, axis=2)


def gradient(levels: float) -> np.ndarray:
    return np.linspace(0, levels, SIZE_WH[0])[None, :, None]


@pytest.mark.parametrize(("grain", "quality"), [(0.0, 95), (1.0, 85), (3.0, 85), (3.0, 80), (6.0, 85), (10.0, 85)])
def test_noise_of_camera_and_jpeg_changes_nothing(grain: float, quality: int) -> None:
    for scene in (yard(), infrared(yard(2))):
        assert all(is_same(taken(scene, 1, grain, quality), taken(scene, n, grain, quality)) for n in range(2, 8))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda scene: scene + 6, id="brighter"),
        pytest.param(lambda scene: scene * 0.94, id="darker, and less contrast"),
        pytest.param(lambda scene: scene + np.array((4, 0, -4)), id="warmer"),
        pytest.param(lambda scene: scene + gradient(3), id="a little from one side"),
    ],
)
def test_a_drift_of_light_changes_nothing(change: Callable[[Any], Any]) -> None:
    assert is_same(taken(yard(), 1), taken(change(yard()), 2))


# The smallest person that the detectors find on labelled footage is about 6 by 14 pixels of their input.
@pytest.mark.parametrize("grain", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("contrast", [-40, 40, 60])
def test_an_object_as_small_as_the_detector_finds_breaks_it_wherever_it_stands(grain: float, contrast: int) -> None:
    before = taken(yard(), 1, grain)
    for n, (x, y) in enumerate([(100, 100), (101, 102), (103, 101), (290, 90), (390, 280), (2, 1), (200, 240)]):
        scene = yard()
        scene[y : y + 14, x : x + 6] += contrast
        assert not is_same(before, taken(scene, 2 + n, grain)), (x, y)


@pytest.mark.parametrize("side", [20, 80, 160])
def test_a_large_object_breaks_it(side: int) -> None:
    scene = yard()
    scene[60 : 60 + side, 60 : 60 + side] += 25
    assert not is_same(taken(yard(), 1), taken(scene, 2))


def test_an_object_that_has_the_brightness_of_its_background_breaks_it_by_its_colour() -> None:
    scene = yard()
    scene[100:114, 280:286] += np.array((30, -15, 0))
    assert not is_same(taken(yard(), 1), taken(scene, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(taken(yard(), 1), taken(yard(3), 1), id="another scene"),
        pytest.param(taken(yard(), 1), taken(yard() + 60, 1), id="the light goes on"),
        pytest.param(taken(yard(), 1, 45), taken(yard(), 2, 45), id="too much noise to tell"),
        pytest.param(taken(yard(), 1), taken(yard(), 1)[:, :-40], id="another size"),
    ],
)
def test_what_cannot_be_compared_is_not_the_same(one: Pixels, other: Pixels) -> None:
    assert changes(blocks_of(one), blocks_of(other)).all() or not is_same(one, other)


@pytest.mark.parametrize("pixels", [np.zeros((300, 400, 3), np.uint8), np.full((3, 2, 3), 255, np.uint8)])
def test_a_picture_without_content_is_the_same_as_itself(pixels: Pixels) -> None:
    assert is_same(pixels, pixels)


@pytest.mark.parametrize(
    ("boxes", "margin", "outside"),
    [
        pytest.param([], 0.0, True, id="no box"),
        pytest.param([(0.2, 0.2, 0.4, 0.6)], 0.0, False, id="inside"),
        pytest.param([(0.6, 0.6, 0.9, 0.9)], 0.0, True, id="elsewhere"),
        pytest.param([(0.4, 0.4, 0.7, 0.7)], 0.0, True, id="beside"),
        pytest.param([(0.4, 0.4, 0.7, 0.7)], 0.6, False, id="within the margin"),
        pytest.param([(0.0, 0.0, 1.0, 1.0)], 1.0, False, id="the whole picture"),
    ],
)
def test_where_a_change_is(boxes: list[tuple[float, float, float, float]], margin: float, outside: bool) -> None:
    mask = np.zeros((75, 100), np.bool_)
    mask[20:40, 25:35] = True
    assert is_outside(mask, boxes, margin) is outside


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 100, 833])
def test_quartiles_are_those_of_numpy(number: int) -> None:
    values = np.random.default_rng(number).random((3, number), np.float32) * 255
    assert _quartiles(values) == pytest.approx(np.percentile(values, (25, 50, 75), axis=1), abs=1e-4)


@pytest.mark.parametrize(("blocks", "outside"), [(0, False), (3, False), (4, True)])
def test_a_few_blocks_are_no_object(blocks: int, outside: bool) -> None:
    mask = np.zeros((75, 100), np.bool_)
    mask[20, 20 : 20 + blocks] = True
    assert is_outside(mask, [], 0.0) is outside
