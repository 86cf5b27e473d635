"""The last alerts of each user: changed by one task at a time."""

import threading

import pytest

from nightjar.domain.policy import LastAlert, Telling
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.telling import Tellings
from tests.scenes import NOON


def with_camera(telling: Telling, name: str) -> Telling:
    return telling.model_copy(update={"cameras": {**telling.cameras, name: LastAlert(at=NOON)}})


def test_a_change_is_written_and_no_change_is_not() -> None:
    store = MemoryStore()
    tellings = Tellings(store)
    assert tellings.get("alice") == Telling(user="alice")
    assert tellings.change("alice", lambda telling: ("same", telling)) == "same"
    assert list(store.list_objects("telling/")) == []
    assert tellings.change("alice", lambda telling: ("new", with_camera(telling, "porch"))) == "new"
    assert list(tellings.get("alice").cameras) == ["porch"]
    assert [info.key for info in store.list_objects("")] == ["telling/alice.json"]


def test_changes_at_once_are_all_made() -> None:
    tellings = Tellings(MemoryStore())

    def change(name: str) -> None:
        tellings.change("alice", lambda telling: (None, with_camera(telling, name)))

    names = [f"camera{n}" for n in range(8)]
    threads = [threading.Thread(target=change, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(tellings.get("alice").cameras) == names


def test_others_that_are_always_quicker_are_told() -> None:
    store = MemoryStore()
    tellings = Tellings(store)
    number = iter(range(1000))

    def work(telling: Telling) -> tuple[None, Telling]:
        other = f"other{next(number)}"
        Tellings(store).change("alice", lambda now: (None, with_camera(now, other)))
        return None, with_camera(telling, "mine")

    with pytest.raises(TryAgainError, match="what alice was told was changed by other tasks"):
        tellings.change("alice", work)


def test_it_is_erased_and_what_is_none_is_told() -> None:
    store = MemoryStore()
    tellings = Tellings(store)
    for user in ("alice", "alice2"):
        tellings.change(user, lambda telling: (None, with_camera(telling, "porch")))
    assert tellings.erase("alice") == 1
    assert [info.key for info in store.list_objects("")] == ["telling/alice2.json"]
    store.put("telling/alice.json", b"[]")
    with pytest.raises(InputError, match=r"telling/alice\.json"):
        tellings.get("alice")
