"""The outbox: a file for an event, the same however often it is written."""

from datetime import date

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.outbox import Outbox
from tests.bucket import PORCH
from tests.scenes import DOOR

DAY = date(2024, 11, 20)


def test_a_message_is_filed_by_the_day_and_what_it_is_about_and_written_once() -> None:
    store = MemoryStore()
    ref = Outbox(store).put(DAY, "alice-porch", "e1", b"message")
    assert ref.key == "outbox/2024/11/20/alice-porch/e1.eml"
    assert Outbox(store).put(DAY, "alice-porch", "e1", b"message") == ref
    assert store.get(ref.key)[0] == b"message"
    assert Outbox(store).put(DAY, "alice-porch", "e1", b"another") != ref
    assert Outbox(store).put(DAY, "alice", "digest", b"of a user").key == "outbox/2024/11/20/alice/digest.eml"


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, {"b"}),
        ("alice", "porch", {"b", "c", "d"}),
        ("bob", None, {"a", "c", "d"}),
        ("carol", None, {"a", "b", "c", "d"}),
        ("alice", "door", {"a", "b", "c", "d"}),
    ],
)
def test_a_users_messages_are_erased_in_every_version(user: str, device: str | None, left: set[str]) -> None:
    store = MemoryStore()
    outbox = Outbox(store)
    for name, about in (("a", PORCH.name), ("b", DOOR.name), ("c", "alice-yard"), ("d", "alice")):
        outbox.put(DAY, about, name, b"one")
        outbox.put(DAY, about, name, b"two")
    erased = outbox.erase(user, device)
    assert {version.key[-5] for version in store.list_versions("")} == left
    assert erased == 2 * (4 - len(left))
    assert outbox.erase(user, device) == 0
