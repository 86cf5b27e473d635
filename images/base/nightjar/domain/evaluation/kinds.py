"""Of which kind a label file is, by its content; and names of labels that stand for each other."""

from collections.abc import Iterable

from nightjar.domain.evaluation.coco import is_coco, read_coco
from nightjar.domain.evaluation.labels import Labels, tidy
from nightjar.domain.evaluation.mot import is_mot, read_mot
from nightjar.domain.evaluation.yolo import is_yolo
from nightjar.errors import InputError, UsageError


def read_labels(text: str, source: str) -> Labels:
    """The labels in a file of MOT or COCO; YOLO has a file a picture, see `yolo`. Raises InputError."""
    if not text.strip():
        raise InputError(f"{source}: expected labels of MOT, COCO or YOLO, the file is empty")
    if is_coco(text):
        return read_coco(text, source)
    if is_mot(text):
        return read_mot(text, source)
    if is_yolo(text):
        raise InputError(
            f"{source}: expected the folder with the text files of YOLO and the names of its classes, got one file"
        )
    first = next(line for line in text.splitlines() if line.strip())
    expected = "rows of numbers with commas (MOT), a JSON object (COCO) or a folder of text files (YOLO)"
    raise InputError(f"{source}: expected {expected}, it begins with {first.strip()[:60]!r}")


def parse_same(groups: Iterable[str]) -> dict[str, str]:
    """The meaning of `person=pedestrian,man`: by each of the other names, the first one. Raises UsageError."""
    same: dict[str, str] = {}
    for group in groups:
        first, equals, others = group.partition("=")
        names = [tidy(name) for name in others.split(",") if name.strip()]
        if not equals or not first.strip() or not names:
            raise UsageError(f"expected LABEL=NAME[,NAME…], such as person=pedestrian,man, got {group!r}")
        for name in names:
            if same.get(name, tidy(first)) != tidy(first):
                raise UsageError(
                    f"expected each name to stand for one label, got {name} for {same[name]} and {tidy(first)}"
                )
            same[name] = tidy(first)
    for name, first in same.items():
        if first in same and same[first] != first:
            raise UsageError(f"expected {first}, which {name} stands for, not to stand for {same[first]} itself")
    return same
