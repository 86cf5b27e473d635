"""The label files that are kept here are whole, and are about footage that is there."""

from pathlib import Path

import av
import pytest
from PIL import Image

from nightjar.domain.evaluation.kinds import read_labels
from nightjar_local.samples import unpacked
from nightjar_local.scenes import PICTURES, SCENES
from tests.labelled.footage import BIKES, CARPHONE, STILLS, clip


@pytest.mark.parametrize(
    ("path", "name", "frames", "size", "objects"),
    [
        (BIKES, "bikes", 250, (640, 272), {"person": 75, "car": 145, "bicycle": 84, "motorcycle": 29}),
        (CARPHONE, "carphone", 120, (176, 144), {"person": 120}),
    ],
)
def test_clips(path: Path, name: str, frames: int, size: tuple[int, int], objects: dict[str, int]) -> None:
    labels = read_labels(path.read_text(), path.name)
    with av.open(str(clip(name))) as video:
        stream = video.streams.video[0]
        assert (stream.frames, (stream.width, stream.height)) == (frames, size)
    assert len(labels.pictures) == frames
    found: dict[str, int] = {}
    for picture in labels.pictures.values():
        for box in picture.fractions(size):
            found[box.label] = found.get(box.label, 0) + (not box.ignored)
    assert found == objects


def test_stills() -> None:
    labels = read_labels(STILLS.read_text(), STILLS.name)
    for name, picture in labels.pictures.items():
        assert len(picture.fractions((1, 1))) == len(picture.boxes)
        files = [unpacked() / PICTURES / f"{name}{kind}" for kind in (".png", ".jpg")]
        if there := next((file for file in files if file.exists()), None):
            with Image.open(there) as image:
                assert image.size == picture.size
        else:
            assert name in SCENES or name == "grace_hopper" or name.startswith("bigbuckbunny/")
