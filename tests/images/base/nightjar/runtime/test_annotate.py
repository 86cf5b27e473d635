"""Boxes on pictures: in the right place, in any picture."""

import io

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from nightjar.domain.detections import DetectedObject
from nightjar.runtime.annotate import annotate


def picture(width: int, height: int, colour: tuple[int, int, int] = (90, 120, 90)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def drawn(jpeg: bytes, *objects: DetectedObject, longest: int | None = None) -> Image.Image:
    return Image.open(io.BytesIO(annotate(jpeg, objects, longest)))


def is_yellow(image: Image.Image, x: float, y: float) -> bool:
    red, green, blue = np.asarray(image)[int(y), int(x)]
    return bool(red > 200 and green > 160 and blue < 90)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((1280, 720), 640, (640, 360)),
        ((720, 1280), 640, (360, 640)),
        ((320, 240), 640, (320, 240)),
        ((1280, 720), None, (1280, 720)),
        ((1, 1), 640, (1, 1)),
        ((2000, 3), 640, (640, 1)),
    ],
)
def test_the_longest_side_is_bounded(size: tuple[int, int], longest: int | None, expected: tuple[int, int]) -> None:
    seen = DetectedObject(label="person", probability=0.9, box=(0, 0, 1, 1))
    assert drawn(picture(*size), seen, longest=longest).size == expected


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1280, 720)])
def test_the_box_is_where_the_object_is(size: tuple[int, int]) -> None:
    width, height = size
    box = (0.25, 0.5, 0.75, 0.9)
    image = drawn(picture(*size), DetectedObject(label="cat", probability=0.9, box=box))
    for x, y in ((0.25, 0.7), (0.75, 0.7), (0.5, 0.5), (0.5, 0.9)):
        assert any(
            is_yellow(image, x * (width - 1) + dx, y * (height - 1) + dy) for dx in (-2, 0, 2) for dy in (-2, 0, 2)
        ), (x, y)
    assert not is_yellow(image, 0.5 * width, 0.7 * height)
    assert not is_yellow(image, 0.1 * width, 0.7 * height)


@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
def test_a_box_that_nobody_looked_at_is_dashed_and_has_its_corners(size: tuple[int, int]) -> None:
    box = (0.25, 0.5, 0.75, 0.9)
    seen = DetectedObject(label="cat", probability=0.9, box=box)
    dashed = Image.open(io.BytesIO(annotate(picture(*size), [seen], is_dashed=True)))
    whole = Image.open(io.BytesIO(annotate(picture(*size), [seen])))
    y = round(0.9 * (size[1] - 1)) - 1
    along = range(round(0.25 * size[0]), round(0.75 * size[0]))
    yellow = [is_yellow(dashed, x, y) for x in along]
    assert 0.3 < sum(yellow) / len(yellow) < 0.7
    assert sum(is_yellow(whole, x, y) for x in along) / len(along) > 0.95
    assert yellow[1] and yellow[-2]


@pytest.mark.parametrize("is_dashed", [False, True])
@pytest.mark.parametrize(
    "box", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1), (0.9, 0.9, 0.1, 0.1), (0.99, 0, 1, 1), (0, 0.99, 1, 1)]
)
def test_boxes_at_the_edge_and_of_no_size(box: tuple[float, float, float, float], is_dashed: bool) -> None:
    seen = DetectedObject(label="a label that is much longer than the picture is wide", probability=1.0, box=box)
    image = Image.open(io.BytesIO(annotate(picture(64, 64), [seen], is_dashed=is_dashed)))
    assert image.size == (64, 64)


@pytest.mark.parametrize(
    ("box", "tag"),
    [
        ((0.4, 0.5, 0.6, 0.9), (0.45, 0.45)),  # above
        ((0.4, 0.0, 0.5, 0.9), (0.55, 0.03)),  # beside, right
        ((0.9, 0.0, 1.0, 0.9), (0.85, 0.03)),  # beside, left
        ((0.0, 0.0, 1.0, 0.8), (0.05, 0.84)),  # below
        ((0.0, 0.0, 1.0, 1.0), (0.05, 0.97)),  # inside, at the foot
    ],
)
def test_the_tag_leaves_the_head_free(box: tuple[float, float, float, float], tag: tuple[float, float]) -> None:
    image = drawn(picture(640, 480), DetectedObject(label="cat", probability=0.9, box=box))
    around = [(tag[0] * 640 + dx, tag[1] * 480 + dy) for dx in range(-6, 7, 2) for dy in range(-4, 5, 2)]
    assert sum(is_yellow(image, x, y) for x, y in around) > len(around) / 3
    head = (box[0] + box[2]) / 2 * 640, (box[1] + 0.08) * 480
    assert not is_yellow(image, *head)


def test_the_tags_of_a_crowd_cover_no_other_box() -> None:
    boxes = [(0.05 + 0.15 * n, 0.3, 0.25 + 0.15 * n, 0.9) for n in range(5)]
    crowd = [DetectedObject(label="person", probability=0.9 - n / 50, box=box) for n, box in enumerate(boxes)]
    image = np.asarray(drawn(picture(640, 480), *crowd)).astype(int)
    yellow = (image[..., 0] > 200) & (image[..., 1] > 160) & (image[..., 2] < 90)
    inside = yellow[160:420, 40:600]  # nothing but the lines of boxes, of 3 pixels each
    assert inside.mean() < 0.1
    assert yellow[:140].sum() + yellow[436:].sum() > 5 * 60 * 12  # five tags above and below


def test_nothing_seen_is_only_made_smaller() -> None:
    assert drawn(picture(640, 480), longest=320).size == (320, 240)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(UnidentifiedImageError):
        annotate(b"nothing", ())
