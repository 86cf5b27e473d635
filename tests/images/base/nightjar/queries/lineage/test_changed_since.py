"""Lineage where versions were overwritten, deleted or erased since."""

from collections.abc import Callable

import pytest

from nightjar.domain.lineage.nodes import Kind, State
from nightjar.runtime.manifests import write_record
from nightjar.runtime.memory import MemoryStore
from tests.images.base.nightjar.queries.lineage.lineage_world import CHAIN, CLIP, OF_RULES, Lineages, ask, kinds


def test_an_event_that_changed_since_is_told_as_it_was(world: Lineages) -> None:
    longer = world.event.model_copy(update={"picture_count": 9, "revision": 1})
    write_record(world.store, world.event_key, longer)
    event = ask(world, "0000000000000007").of_kind(Kind.EVENT)[0]
    assert (event.state, ("pictures", "3") in event.facts) == (State.OVERWRITTEN, True)
    assert "it has changed since" in event.notes[0]


def _overwrite(store: MemoryStore, key: str) -> None:
    store.put(key, b"other", metadata={"sha256": "f" * 64})


def _delete(store: MemoryStore, key: str) -> None:
    store.delete(key)


def _erase(store: MemoryStore, key: str) -> None:
    for version in list(store.list_versions(key)):
        store.delete(key, version.version_id)


@pytest.mark.parametrize(
    ("act", "state"), [(_overwrite, State.OVERWRITTEN), (_delete, State.DELETED), (_erase, State.ERASED)]
)
def test_versions_that_are_gone_are_said_so(
    world: Lineages, act: Callable[[MemoryStore, str], None], state: State
) -> None:
    for key in (world.pictures[0].standard_key, world.pictures[2].footage_key):
        act(world.store, key)
    found = ask(world, "0000000000000007")
    assert kinds(found) == {**CHAIN, **OF_RULES}
    states = {node.key: node.state for node in found.nodes.values() if node.kind in (Kind.PICTURE, Kind.ORIGINAL)}
    assert states.pop(world.pictures[0].standard_key) is state
    assert states.pop(world.pictures[2].footage_key) is state
    assert set(states.values()) == {State.CURRENT}


def test_a_picture_that_is_erased_is_answered_from_its_line(world: Lineages) -> None:
    _erase(world.store, world.pictures[0].standard_key)
    for is_up, number in ((False, 3), (True, 6)):
        found = ask(world, "alice-porch-1795176000", is_up=is_up)
        assert (found.nodes[found.root].state, len(found.nodes)) == (State.ERASED, number)


def test_an_original_that_is_erased_is_answered_from_its_validation(world: Lineages) -> None:
    _erase(world.store, world.pictures[0].footage_key)
    found = ask(world, CLIP, is_up=True)
    assert (found.nodes[found.root].state, kinds(found)[Kind.PICTURE]) == (State.ERASED, 2)


def test_without_the_folder_of_the_run_less_is_known_and_said(world: Lineages) -> None:
    for key in [info.key for info in world.store.list_objects("runs/")]:
        _erase(world.store, key)
    found = ask(world, "0000000000000007")
    assert {kind: n for kind, n in kinds(found).items() if kind in CHAIN} == CHAIN
    picture = found.of_kind(Kind.PICTURE)[0]
    assert (picture.state, picture.notes) == (State.CURRENT, ("the run that made it was not recorded, or is not kept",))


def test_an_event_without_lines_in_the_store_keeps_its_pictures(world: Lineages) -> None:
    for key in [info.key for info in world.store.list_objects("detections/")]:
        _erase(world.store, key)
    found = ask(world, "0000000000000007")
    assert kinds(found)[Kind.DETECTION] == 3
    assert all("is not found" in node.notes[0] for node in found.of_kind(Kind.DETECTION))
