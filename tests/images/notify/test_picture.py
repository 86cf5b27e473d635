"""The pictures of a message: in bounds, and what is far away enlarged."""

import io

import numpy as np
import pytest
from PIL import Image

from nightjar.domain.detections import DetectedObject
from nightjar_notify.closeup import closeup_of, seen_in
from nightjar_notify.picture import drawn

Box = tuple[float, float, float, float]
HD = (1280, 720)
BESIDE: Box = (0.56, 0.5, 0.6, 0.6)
FAR: Box = (0.5, 0.5, 0.54, 0.6)


def seen(*boxes: Box) -> list[DetectedObject]:
    return [DetectedObject(label="person", probability=0.9 - n / 100, box=box) for n, box in enumerate(boxes)]


def jpeg(size: tuple[int, int], red: Box | None = None) -> bytes:
    """A grey picture with a red rectangle."""
    picture = Image.new("RGB", size, (90, 90, 90))
    if red:
        left, top, right, bottom = (round(edge * side) for edge, side in zip(red, size * 2, strict=True))
        picture.paste((250, 10, 10), (left, top, right, bottom))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (HD, (640, 360)),
        ((640, 480), (640, 480)),
        ((720, 1280), (315, 560)),  # a portrait does not fill more than a screen
        ((1000, 1000), (560, 560)),
        ((200, 4000), (28, 560)),
        ((320, 240), (320, 240)),
        ((1, 1), (1, 1)),
    ],
)
def test_a_picture_is_bounded_in_width_and_height(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = drawn(jpeg(size), seen((0, 0, 1, 1)))
    with Image.open(io.BytesIO(made.whole.jpeg)) as picture:
        assert picture.size == (made.whole.width, made.whole.height) == expected
    assert made.closeup is None


@pytest.mark.parametrize(
    ("boxes", "size", "is_enlarged"),
    [
        ([FAR], HD, True),
        ([(0.5, 0.5, 0.51, 0.52)], HD, True),
        ([(0, 0, 0, 0)], HD, True),
        ([(0.5, 0.5, 0.54, 0.71)], HD, False),  # 151 of 720 pixels high
        ([(0.5, 0.5, 0.62, 0.6)], HD, False),  # 153 wide
        ([(0, 0, 1, 1), FAR], HD, False),  # the surest one is near
        ([FAR, (0, 0, 1, 1)], HD, True),
        ([FAR], (100, 80), False),  # too small to enlarge a part of it
        ([], HD, False),
    ],
)
def test_what_is_far_away_is_enlarged(boxes: list[Box], size: tuple[int, int], is_enlarged: bool) -> None:
    assert (drawn(jpeg(size), seen(*boxes)).closeup is not None) is is_enlarged


@pytest.mark.parametrize("box", [FAR, (0, 0, 0.04, 0.1), (0.96, 0.9, 1, 1), (0, 0.9, 0.1, 1)])
def test_the_enlargement_shows_the_object_whole_and_larger(box: Box) -> None:
    closeup = drawn(jpeg(HD, red=box), seen(box)).closeup
    assert closeup is not None
    with Image.open(io.BytesIO(closeup.jpeg)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (300, 400, 3)
    red = (pixels[..., 0] > 180) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)
    in_the_mail = (box[2] - box[0]) * 640 * (box[3] - box[1]) * 360
    assert red.sum() > 3 * in_the_mail


def test_objects_beside_it_are_enlarged_with_it_and_those_elsewhere_are_not() -> None:
    alone, together = closeup_of(seen(FAR), HD), closeup_of(seen(FAR, BESIDE), HD)
    assert alone is not None
    assert together is not None
    assert len(seen_in(together, seen(FAR, BESIDE), HD)) == 2
    assert closeup_of(seen(FAR, (0.1, 0.1, 0.14, 0.2)), HD) == alone
    assert len(seen_in(alone, seen(FAR, (0.1, 0.1, 0.14, 0.2)), HD)) == 1
