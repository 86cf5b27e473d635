"""The outbox: a file for an event, the same however often it is written."""

from datetime import timedelta

import pytest

from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.outbox import Outbox
from tests.images.base.nightjar.stores.test_ledger import event
from tests.scenes import DOOR, NOON


def test_a_message_is_filed_by_the_day_of_its_event_and_written_once() -> None:
    store = MemoryStore()
    about = event().model_copy(update={"started_at": NOON - timedelta(days=1)})  # it was extended since it was made
    ref = Outbox(store).put(about, b"message")
    assert ref.key == "outbox/2024/11/20/alice-porch/e1.eml"
    assert Outbox(store).put(about, b"message") == ref
    assert store.get(ref.key)[0] == b"message"
    assert Outbox(store).put(about, b"another") != ref


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, {"b"}),
        ("alice", "porch", {"b", "c"}),
        ("bob", None, {"a", "c"}),
        ("carol", None, {"a", "b", "c"}),
        ("alice", "door", {"a", "b", "c"}),
    ],
)
def test_a_users_messages_are_erased_in_every_version(user: str, device: str | None, left: set[str]) -> None:
    store = MemoryStore()
    outbox = Outbox(store)
    for name, camera in (("a", event().camera), ("b", DOOR), ("c", Camera("alice", "yard"))):
        outbox.put(event(name, camera=camera), b"one")
        outbox.put(event(name, camera=camera), b"two")
    erased = outbox.erase(user, device)
    assert {version.key[-5] for version in store.list_versions("")} == left
    assert erased == 2 * (3 - len(left))
    assert outbox.erase(user, device) == 0
