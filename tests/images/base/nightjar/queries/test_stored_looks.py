"""Detections of the bucket as what is measured: those that are stored, and those that are missing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightjar.domain.detections import Detection, How, LookedAt, Mark
from nightjar.domain.detectors import PublishedDetector, detector_id
from nightjar.domain.evaluation.labels import LabelledPicture, Labels
from nightjar.errors import InputError, UsageError
from nightjar.queries.stored_looks import stored_looks
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place, RunShard
from tests.bucket import NOON, PORCH, put_picture
from tests.scenes import DETECTOR, after, objects

DETECTOR_ID = detector_id(DETECTOR.sha256, DETECTOR.settings)
PREFIX = "standard/2026/11/20/"


def labels(*names: str) -> Labels:
    return Labels("COCO", {name: LabelledPicture((), (1.0, 1.0)) for name in names}, frozenset({"person"}))


@pytest.fixture
def store() -> MemoryStore:
    """Three pictures, of which the detector has looked at two; the third got its objects from them."""
    store = MemoryStore()
    pictures = [put_picture(store, f"picture {n}".encode(), after(n, NOON)) for n in range(3)]
    lines = [Detection.of(picture, DETECTOR, objects({"person": 0.9})) for picture in pictures[:2]]
    mark = Mark(how=How.CARRIED, sources=(LookedAt.of(pictures[1]),))
    lines.append(Detection.of(pictures[2], DETECTOR, objects({"person": 0.9}), mark))
    Detections(store).write(Place(DETECTOR_ID, PORCH, NOON.date()), RunShard("b1", "everything", False), lines)
    settings = DETECTOR.model_copy(update={"settings": "s"})
    Detectors(store).publish("identity", PublishedDetector.of(settings, ["person", "dog"]), b"{}")
    return store


def names(store: MemoryStore) -> list[str]:
    return [info.key.rpartition("/")[2].removesuffix(".jpg") for info in store.list_objects("standard/")]


def test_what_is_stored_is_measured(store: MemoryStore) -> None:
    first, second, third = names(store)
    looked = stored_looks(store, PREFIX, labels(first, third), DETECTOR.tag)
    assert (looked.head.detector, looked.head.labels) == (DETECTOR.tag, ("dog", "person"))
    assert [(name.rpartition("/")[2], len(each.objects)) for name, each in looked.pictures.items()] == [(first, 1)]
    assert len(stored_looks(store, PREFIX, labels(first, second), None).pictures) == 2  # the only detector there is


def test_what_is_missing_is_looked_at(store: MemoryStore) -> None:
    looked_at: list[str] = []

    def look(tag: str, folder: Path) -> Iterator[str]:
        yield json.dumps({"detector": tag, "labels": ["person"], "min_probability": 0.1})
        for path in folder.rglob("*.jpg"):
            name = path.relative_to(folder).as_posix().removesuffix(".jpg")
            looked_at.append(name)
            yield json.dumps({"picture": name, "width": 640, "height": 480, "objects": []})

    every = names(store)
    looked = stored_looks(store, PREFIX, labels(*every), DETECTOR.tag, look)
    assert [name.rpartition("/")[2] for name in looked_at] == every[2:]
    assert [len(looked.pictures[name].objects) for name in sorted(looked.pictures)] == [1, 1, 0]
    # A detector that has never run here looks at all of them.
    assert len(stored_looks(store, PREFIX, labels(*every), "near", look).pictures) == 3
    assert len(looked_at) == 4


@pytest.mark.parametrize(
    ("prefix", "tag", "error", "said"),
    [
        (PREFIX, "d9", UsageError, "expected the id or the tag of a detector"),
        ("standard/2025/", DETECTOR.tag, InputError, "expected labelled pictures, such as .* got 0 others"),
    ],
)
def test_what_nobody_knows_is_refused(
    store: MemoryStore, prefix: str, tag: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        stored_looks(store, prefix, labels(names(store)[0]), tag)
