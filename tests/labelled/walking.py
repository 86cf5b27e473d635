"""Bursts of somebody walking through real pictures, with boxes that are exact, since the people are put there.

The man of the demo's scenes stands before pictures of pinned packages, larger or smaller, a step further in each, and
every picture has noise of its own, as those of a camera have. Nothing differs between two calls.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nightjar.domain.evaluation.labels import Box, LabelledBox, LabelledPicture
from nightjar_local.samples import unpacked
from nightjar_local.scenes import man_box, picture, with_man

PICTURES_A_BURST = 10
SECONDS_APART = 1 / 7
_NOISE = 3.0  # levels, one standard deviation
_LEAST_INSIDE = 0.5  # of a box, else it is ignored: nobody would draw it


@dataclass(frozen=True)
class Walk:
    """Somebody, `height` of the picture's height tall, whose feet go from `start` to `end`, in fractions of it."""

    height: float
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Shot:
    """A picture of a burst; `people` are where everybody is who walks in it, by their number, also those outside."""

    burst: int
    jpeg: bytes
    size: tuple[int, int]
    people: tuple[LabelledBox, ...]

    @property
    def labelled(self) -> LabelledPicture:
        """The boxes as labels."""
        return LabelledPicture(self.people, self.size)


# (background, who walks): past a house near and far, through a garage, towards the camera, two who meet, nobody.
_BURSTS: tuple[tuple[str, tuple[Walk, ...]], ...] = (
    ("house", (Walk(0.75, (0.1, 0.97), (0.6, 0.97)),)),
    ("house", (Walk(0.5, (0.9, 0.8), (0.55, 0.8)),)),
    ("house", (Walk(0.35, (0.15, 0.75), (0.3, 0.75)),)),
    ("garage", (Walk(0.8, (0.15, 0.97), (0.9, 0.97)),)),
    ("garage", (Walk(0.5, (0.95, 0.9), (0.7, 0.9)),)),
    ("rocket.jpg", (Walk(0.4, (0.2, 0.98), (0.5, 0.98)),)),
    ("rocket.jpg", (Walk(0.3, (0.8, 0.97), (0.65, 0.97)), Walk(0.45, (0.1, 0.98), (0.35, 0.98)))),
    ("gravel.png", (Walk(0.6, (0.1, 0.8), (0.9, 0.8)),)),
    ("grass.png", (Walk(0.5, (0.3, 0.6), (0.5, 0.95)),)),
    ("brick.png", (Walk(0.6, (0.2, 0.95), (0.7, 0.95)), Walk(0.6, (0.85, 0.95), (0.4, 0.95)))),
    ("brick.png", (Walk(0.7, (0.5, 0.95), (0.5, 0.95)),)),  # stands
    ("house", ()),
    ("garage", ()),
)


def bursts() -> Iterator[list[Shot]]:
    """Every burst, its pictures by time."""
    source = unpacked()
    for number, (name, walks) in enumerate(_BURSTS):
        background = picture(source, name).convert("RGB")
        chance = np.random.default_rng(number)
        yield [
            _shot(number, background, walks, step / (PICTURES_A_BURST - 1), chance) for step in range(PICTURES_A_BURST)
        ]


def _shot(
    number: int, background: Image.Image, walks: tuple[Walk, ...], share: float, chance: np.random.Generator
) -> Shot:
    scene, people = background, []
    for walk in walks:
        x, y = (a + (b - a) * share for a, b in zip(walk.start, walk.end, strict=True))
        height = round(walk.height * scene.height)
        *_, beside, below = man_box(0, 0, height)
        left, top = round(x * scene.width - beside / 2), round(y * scene.height - below)
        scene = with_man(scene, unpacked(), left, top, height)
        people.append(_person(man_box(left, top, height), scene.size))
    return Shot(number, _noisy_jpeg(scene, chance), background.size, tuple(people))


def _person(box: Box, size: tuple[int, int]) -> LabelledBox:
    width = min(box[2], size[0]) - max(box[0], 0)
    height = min(box[3], size[1]) - max(box[1], 0)
    inside = max(0, width) * max(0, height) / ((box[2] - box[0]) * (box[3] - box[1]))
    return LabelledBox("person", box, ignored=inside < _LEAST_INSIDE)


def _noisy_jpeg(scene: Image.Image, chance: np.random.Generator) -> bytes:
    pixels = np.asarray(scene, np.float32)
    noise = chance.normal(0, _NOISE, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()
