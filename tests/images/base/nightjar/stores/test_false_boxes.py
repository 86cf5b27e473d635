"""False boxes that people have confirmed: written, read, changed by two, damaged, erased."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.false_boxes import CameraFalseBoxes, FalseBox
from nightjar.domain.names import Camera
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectExistsError, ObjectInfo
from nightjar.stores.false_boxes import FalseBoxes
from tests.bucket import PORCH, SHOP, YARD

BUSH = FalseBox(
    label="person", box=(0.1, 0.2, 0.3, 0.4), confirmed_by="alice", confirmed_at=datetime(2026, 11, 20, tzinfo=UTC)
)
KEY = "config/false-boxes/alice-porch.json"


def test_a_camera_without_any_has_none() -> None:
    assert FalseBoxes(MemoryStore()).of(PORCH) == ()


def test_what_is_put_is_read_and_putting_it_again_writes_nothing() -> None:
    store = MemoryStore()
    boxes = FalseBoxes(store)
    boxes.put(PORCH, (BUSH,))
    boxes.put(SHOP, (BUSH, BUSH.model_copy(update={"label": "dog"})))
    assert boxes.of(PORCH) == (BUSH,)
    assert boxes.cameras() == [PORCH, SHOP]
    before = list(store.list_versions(""))
    boxes.put(PORCH, (BUSH,))
    assert list(store.list_versions("")) == before
    boxes.put(PORCH, ())
    assert boxes.of(PORCH) == ()


def test_keys_of_a_later_release_are_kept() -> None:
    store = MemoryStore()
    store.put(KEY, b'{"schema": 2, "mood": "calm", "boxes": []}')
    FalseBoxes(store).put(PORCH, (BUSH,))
    assert b'"mood": "calm"' in store.get(KEY)[0].replace(b'":"', b'": "')


class Overtaken(MemoryStore):
    """Somebody else writes first."""

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        super().put(key, b'{"boxes": []}')
        return super().put(key, data, **options)


def test_nobody_overwrites_what_another_person_confirms_meanwhile() -> None:
    with pytest.raises(ObjectExistsError):
        FalseBoxes(Overtaken()).put(PORCH, (BUSH,))


def test_boxes_are_added_beside_those_that_are() -> None:
    store = MemoryStore()
    boxes = FalseBoxes(store)
    dog = BUSH.model_copy(update={"label": "dog"})
    again = BUSH.model_copy(update={"confirmed_by": "bob"})
    assert boxes.add(PORCH, [BUSH]) == 1
    assert boxes.add(PORCH, [again, dog, dog]) == 1
    assert boxes.of(PORCH) == (BUSH, dog)
    assert boxes.add(PORCH, []) == 0


class OvertakenOnce(MemoryStore):
    """Somebody else writes first, once."""

    is_first = True

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if self.is_first:
            self.is_first = False
            super().put(key, CameraFalseBoxes(boxes=(BUSH,)).model_dump_json().encode())
        return super().put(key, data, **options)


def test_both_are_kept_when_two_people_add() -> None:
    store = OvertakenOnce()
    dog = BUSH.model_copy(update={"label": "dog"})
    assert FalseBoxes(store).add(PORCH, [dog]) == 1
    assert FalseBoxes(store).of(PORCH) == (BUSH, dog)


class AlwaysOvertaken(MemoryStore):
    """Somebody else always writes first, something else each time."""

    writes = 0

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        self.writes += 1
        super().put(key, b'{"boxes": [], "write": %d}' % self.writes)
        return super().put(key, data, **options)


def test_adding_gives_up_while_others_keep_writing() -> None:
    with pytest.raises(TryAgainError, match="5 times in a row"):
        FalseBoxes(AlwaysOvertaken()).add(PORCH, [BUSH])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"boxes": [{"label": "person"}]}',
        b'{"boxes": [{"label": "person", "box": [0, 0, 2, 1], "confirmed_by": "a", "confirmed_at": "2026-11-20"}]}',
    ],
)
def test_a_damaged_object_is_named(text: bytes) -> None:
    store = MemoryStore()
    store.put(KEY, text)
    with pytest.raises(InputError, match=KEY):
        FalseBoxes(store).of(PORCH)


@pytest.mark.parametrize(
    ("device", "left"), [(None, [SHOP]), ("porch", [Camera("alice", "yard"), SHOP]), ("gate", [PORCH, YARD, SHOP])]
)
def test_a_users_false_boxes_are_erased_in_every_version(device: str | None, left: list[Camera]) -> None:
    store = MemoryStore()
    boxes = FalseBoxes(store)
    for camera in (PORCH, YARD, SHOP):
        boxes.put(camera, (BUSH,))
        boxes.put(camera, ())
    assert boxes.erase("alice", device) == 2 * (3 - len(left))
    assert boxes.cameras() == left
    assert {version.key for version in store.list_versions("")} == {
        f"config/false-boxes/{camera.name}.json" for camera in left
    }
