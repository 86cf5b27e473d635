"""The labelled pictures of packages with their labels, for benchmarks: as validate leaves them, without a bucket."""

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from PIL import Image

from nightjar.cli.evaluate_footage import standard_pictures
from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.kinds import read_labels
from nightjar.domain.evaluation.labels import LabelledPicture, Labels, picture_name
from nightjar.domain.evaluation.looked import Head, Looked, LookedPicture
from tests.labelled.footage import BIKES, CARPHONE, STILLS, clip, gathered

# Of the frames every so many: bursts of about seven pictures a second.
EVERY = 4
# Names of Open Images for what the label files call otherwise.
SAME = {"mug": "cup", "coffee cup": "cup"}


def thinned(labels: Labels, every: int) -> Labels:
    """Every so many of the pictures."""
    return Labels(labels.kind, dict(sorted(labels.pictures.items())[::every]), labels.names)


def labelled() -> Iterator[tuple[Labels, Mapping[str, bytes]]]:
    """The label files with their pictures as validate leaves them: two clips and the stills."""
    for path, name in ((BIKES, "bikes"), (CARPHONE, "carphone")):
        labels = thinned(read_labels(path.read_text(), path.name), EVERY)
        yield labels, _jpegs(clip(name), labels)
    labels = read_labels(STILLS.read_text(), STILLS.name)
    with gathered() as folder:
        yield labels, _jpegs(folder, labels)


def _jpegs(footage: Path, labels: Labels) -> Mapping[str, bytes]:
    with standard_pictures(footage, labels) as (folder, _):
        return {
            picture_name(path.relative_to(folder).as_posix()): path.read_bytes()
            for path in sorted(folder.rglob("*.jpg"))
        }


def together(parts: Iterable[tuple[Labels, Mapping[str, bytes]]]) -> tuple[Labels, dict[str, bytes]]:
    """Several label files as one; before the names of pictures stands the number of their file."""
    pictures: dict[str, LabelledPicture] = {}
    jpegs: dict[str, bytes] = {}
    names: set[str] = set()
    for number, (labels, data) in enumerate(parts):
        pictures |= {f"{number}/{name}": labels.pictures[name] for name in data}
        jpegs |= {f"{number}/{name}": jpeg for name, jpeg in data.items()}
        names |= labels.names
    return Labels("several", pictures, frozenset(names)), jpegs


def looked(
    labels: Iterable[str], min_probability: float, found: Mapping[str, tuple[bytes, tuple[DetectedObject, ...]]]
) -> Looked:
    """Objects by name of picture, as they are measured."""
    pictures = {}
    for name, (jpeg, objects) in found.items():
        width, height = _size(jpeg)
        pictures[name] = LookedPicture(picture=name, width=width, height=height, objects=objects)
    return Looked(Head(detector="it", labels=tuple(labels), min_probability=min_probability), pictures)


def _size(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size
