"""The footage that the label files beside this are about, gathered from pinned packages; README.md says more."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

from nightjar_local.samples import unpacked
from nightjar_local.scenes import PICTURES, SCENES, VIDEOS, picture

HERE = Path(__file__).parent
STILLS = HERE / "stills.coco.json"  # pictures, of `gathered`
BIKES = HERE / "bikes.mot.txt"  # every frame of clip("bikes")
CARPHONE = HERE / "carphone.mot.txt"  # every frame of clip("carphone")

_CLIPS = {"bikes": "bikes.mp4", "carphone": "carphone_pristine.mp4", "bigbuckbunny": "bigbuckbunny.mp4"}
_HOPPER = "grace_hopper.jpg"  # a picture of the United States Navy, in the public domain; it comes with matplotlib


def clip(name: str) -> Path:
    """The video of `name`: bikes, carphone or bigbuckbunny."""
    return unpacked() / VIDEOS / _CLIPS[name]


@contextmanager
def gathered() -> Iterator[Path]:
    """A folder with what STILLS is about: pictures, and the clip bigbuckbunny.mp4, of which it names some frames."""
    source = unpacked()
    with TemporaryDirectory() as folder:
        target = Path(folder)
        for path in (source / PICTURES).glob("*.[jp][pn]g"):
            shutil.copyfile(path, target / path.name)
        shutil.copyfile(Path(matplotlib.get_data_path()) / "sample_data" / _HOPPER, target / _HOPPER)
        for name in SCENES:
            picture(source, name).save(target / f"{name}.png", compress_level=1)
        shutil.copyfile(clip("bigbuckbunny"), target / "bigbuckbunny.mp4")
        yield target
