"""Labelled pictures: the boxes that people drew, whatever file they come from."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Box = tuple[float, float, float, float]  # x_min, y_min, x_max, y_max, origin top left

FRACTIONS = (1.0, 1.0)


@dataclass(frozen=True)
class LabelledBox:
    """A box in the unit of its picture. An `ignored` one is a region in which finding and missing count for nothing."""

    label: str
    box: Box
    ignored: bool = False


@dataclass(frozen=True)
class LabelledPicture:
    """The boxes of one picture, possibly none.

    `size` is width and height of the whole picture in the unit of the boxes: FRACTIONS, or pixels. None: the boxes are
    in pixels of the picture itself, whose size the file does not say.
    """

    boxes: tuple[LabelledBox, ...]
    size: tuple[float, float] | None

    def fractions(self, size: tuple[float, float]) -> tuple[LabelledBox, ...]:
        """The boxes as fractions of a picture that is `size` pixels, clipped to it; what is outside goes.

        Detectors clip too, so a box that reaches outside would be found by none.
        """
        width, height = self.size or size
        clipped = ((each, _clipped(each.box, width, height)) for each in self.boxes)
        return tuple(LabelledBox(each.label, box, each.ignored) for each, box in clipped if box is not None)


@dataclass(frozen=True)
class Labels:
    """A label file. `kind` is MOT, COCO or YOLO; `pictures` are by name, without an extension.

    `names` are the labels that whoever drew the boxes looked for, also those of which there is none.
    """

    kind: str
    pictures: Mapping[str, LabelledPicture]
    names: frozenset[str]

    def renamed(self, same: Mapping[str, str]) -> "Labels":
        """The same with each label that is in `same` called as it says there."""
        pictures = {
            name: LabelledPicture(tuple(_renamed(box, same) for box in picture.boxes), picture.size)
            for name, picture in self.pictures.items()
        }
        return Labels(self.kind, pictures, frozenset(same.get(name, name) for name in self.names))


def tidy(label: str) -> str:
    """A label as detectors of Nightjar name it: lower case, single spaces."""
    return shown(" ".join(label.replace("_", " ").split()).casefold())


def shown(text: str) -> str:
    """`text` for a terminal or a document: whatever steers a terminal, or is no character of XML, becomes U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in text)


def picture_name(path: str) -> str:
    """The name of the picture at `path`: no extension, `/` between folders, and none that leads upwards."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if not parts:
        return ""
    stem, dot, extension = parts[-1].rpartition(".")
    parts[-1] = stem if dot and stem and 0 < len(extension) <= 5 else parts[-1]
    return "/".join(parts)


def frame_name(number: int) -> str:
    """The name of a video's frame, the first of which is 1: as ffmpeg's `%06d.jpg` numbers pictures."""
    return f"{number:06d}"


def same_pictures(labelled: Iterable[str], looked_at: Iterable[str]) -> dict[str, str]:
    """For each labelled name the picture that it is about; those that have none, or more than one, are left out.

    So are several that would be about one picture, unless one of them has its very name: no object counts twice.
    Names agree when one ends with the other, folder by folder: `img1/000007` is about `bikes/img1/000007` and `000007`.
    """
    by_end: dict[str, list[str]] = {}
    for name in looked_at:
        by_end.setdefault(_end(name), []).append(name)
    pairs = {}
    for name in labelled:
        same = by_end.get(_end(name), [])
        agreeing = [name] if name in same else [other for other in same if _ends_with(name, other)]
        if len(agreeing) == 1:
            pairs[name] = agreeing[0]
    claims = Counter(pairs.values())
    return {name: other for name, other in pairs.items() if claims[other] == 1 or name == other}


def _end(name: str) -> str:
    """The last part of a name; a number without regard to its zeros, since MOT's folders have 4, 6 or 8 digits."""
    last = name.rpartition("/")[2]
    return str(int(last)) if last.isascii() and last.isdigit() else last


def _ends_with(first: str, second: str) -> bool:
    ours, theirs = first.split("/")[-2::-1], second.split("/")[-2::-1]
    return all(a == b for a, b in zip(ours, theirs, strict=False))


def _renamed(box: LabelledBox, same: Mapping[str, str]) -> LabelledBox:
    return LabelledBox(same.get(box.label, box.label), box.box, box.ignored)


def _clipped(box: Box, width: float, height: float) -> Box | None:
    left, top = max(0.0, box[0] / width), max(0.0, box[1] / height)
    right, bottom = min(1.0, box[2] / width), min(1.0, box[3] / height)
    return (left, top, right, bottom) if right > left and bottom > top else None
