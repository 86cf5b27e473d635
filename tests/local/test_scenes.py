"""The composed scenes: each is its background with somebody in one place, the same at every call."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from nightjar_local import samples, scenes


@pytest.fixture(scope="module")
def source() -> Path:
    return samples.unpacked()


@pytest.mark.parametrize(
    ("background", "scene", "place"),
    [
        ("garage", "garage, somebody", (20, 145, 210, 485)),
        ("house", "house, somebody at the door", (150, 60, 295, 320)),
        ("house", "house, somebody passing by", (720, 70, 904, 400)),
    ],
)
def test_somebody_stands_in_one_place(
    source: Path, background: str, scene: str, place: tuple[int, int, int, int]
) -> None:
    before, after = scenes.picture(source, background), scenes.picture(source, scene)
    changed = ImageChops.difference(before, after).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert place[0] <= left < right <= place[2], changed
    assert place[1] <= top < bottom <= place[3], changed
    assert right - left > (place[2] - place[0]) * 0.8, "expected most of the place to be filled"
    assert after.tobytes() == scenes.picture(source, scene).tobytes()


def test_a_covered_lens_sees_nothing(source: Path) -> None:
    assert scenes.picture(source, "dark").getextrema() == ((0, 0), (0, 0), (0, 0))


def test_any_other_name_is_a_picture_of_the_packages(source: Path) -> None:
    with Image.open(source / scenes.PICTURES / "chelsea.png") as cat:
        assert scenes.picture(source, "chelsea.png").tobytes() == cat.tobytes()
    with pytest.raises(FileNotFoundError):
        scenes.picture(source, "no such picture.png")


def test_every_scene_is_shot() -> None:
    assert set(scenes.SCENES) <= {trigger.picture for trigger in samples.TRIGGERS}
