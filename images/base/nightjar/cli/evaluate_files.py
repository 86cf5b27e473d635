"""Label files from the disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from nightjar.domain.evaluation.kinds import read_labels
from nightjar.domain.evaluation.labels import Labels
from nightjar.domain.evaluation.yolo import read_yolo
from nightjar.errors import InputError, UsageError

_MOST_BYTES = 512 << 20  # COCO's largest label file has 470 MB
_NAME_LISTS = ("classes.txt", "obj.names")
_NAME_DOCUMENTS = ("data.yaml", "dataset.yaml")
_NO_LABELS = {*_NAME_LISTS, "train.txt", "val.txt", "test.txt", "readme.txt", "notes.txt"}


def label_file(path: Path) -> Labels:
    """The labels in a file of MOT or COCO, or a folder of YOLO. Raises UsageError, and InputError for the content."""
    if not _is_folder(path):
        return read_labels(_text(path), str(path))
    files = sorted(file for file in path.rglob("*.txt") if file.name.lower() not in _NO_LABELS)
    texts = {file.relative_to(path).as_posix(): _text(file) for file in files}
    if not texts:
        raise InputError(f"expected text files of YOLO below {str(path)!r}, a file a picture, got none")
    return read_yolo(texts, _class_names(path), str(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long, or a folder above that may not be entered
        raise UsageError(f"expected labels at {str(path)[:200]!r}: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise UsageError(f"expected labels of at most {_MOST_BYTES >> 20} MiB, {str(path)!r} has {size >> 20}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"expected labels at {str(path)!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"expected labels as text at {str(path)!r}, it is none") from None


def _class_names(folder: Path) -> Sequence[str]:
    """The names of YOLO's classes, from a file in the folder or in the one above it."""
    for place in (folder, folder.parent):
        for name in _NAME_LISTS:
            if (place / name).is_file():
                return [line.strip() for line in _text(place / name).splitlines() if line.strip()]
        for name in _NAME_DOCUMENTS:
            if (place / name).is_file():
                return _names_in(_text(place / name), str(place / name))
    expected = ", ".join((*_NAME_LISTS, *_NAME_DOCUMENTS))
    raise InputError(f"expected the names of YOLO's classes in or above {str(folder)!r} ({expected}), got none")


def _names_in(text: str, source: str) -> Sequence[str]:
    try:
        document: Any = yaml.safe_load(text)
    # Beside its own error, PyYAML lets through those of Python: for a value that is not of its type
    # (`2020-13-45`, `0b_`, `!!bool x`, `!!timestamp x`) and for a thousand brackets.
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"expected YAML at {source!r}: {' '.join(str(error).split())[:200]}") from None
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f"expected names, a list or by number from 0, at {source!r}, got {str(names)[:80]}")
    return names
