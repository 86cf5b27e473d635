"""Troubles: opened and ended by one program, told by another, found without listing those of the past."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.troubles import OPERATOR, Notice, Trouble, trouble_kind
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.troubles import Troubles

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def trouble(about: str = "alice-porch", kind: str = "void", now: datetime = NOON) -> Trouble:
    return Trouble(about=about, kind=kind, severity="warning", since=now, opened_at=now)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def news(store: MemoryStore) -> list[tuple[str, str, Notice | None]]:
    found = Troubles(store).news(most=100)
    return sorted((each.stored.trouble.about, each.stored.trouble.kind, each.stored.trouble.due) for each in found)


def tell(store: MemoryStore, now: datetime = NOON) -> int:
    """Settle all news, as the patrol does; how many notices those were."""
    number = 0
    for each in Troubles(store).news(most=100):
        if notice := each.stored.trouble.due:
            Troubles(store).settle(each, notice, now)
            number += 1
        else:
            Troubles(store).drop(each)
    return number


def test_a_trouble_is_opened_once_and_told_once(store: MemoryStore) -> None:
    troubles = Troubles(store)
    assert [troubles.open(trouble(now=NOON + n * MINUTE)) for n in range(3)] == [True, False, False]
    assert news(store) == [("alice-porch", "void", Notice.OPENED)]
    assert tell(store) == 1
    assert not troubles.open(trouble())
    assert (news(store), tell(store)) == ([], 0)
    assert [each.kind for each in troubles.all_open(10)] == ["void"]
    assert [troubles.end("alice-porch", "void", NOON) for _ in range(2)] == [True, False]
    assert troubles.all_open(10) == []
    assert tell(store) == 1
    assert (news(store), troubles.end("alice-porch", "void", NOON)) == ([], False)
    assert [each.due for each in troubles.of("alice-porch")] == [None]


def test_what_is_over_before_it_was_told_is_not_told(store: MemoryStore) -> None:
    Troubles(store).open(trouble())
    Troubles(store).end("alice-porch", "void", NOON)
    assert (tell(store), news(store)) == (0, [])


def test_news_that_come_while_others_are_told_stay(store: MemoryStore) -> None:
    troubles = Troubles(store)
    troubles.open(trouble())
    [seen] = list(troubles.news(100))
    troubles.end("alice-porch", "void", NOON)
    troubles.open(trouble(now=NOON + MINUTE))  # the second time
    troubles.settle(seen, Notice.OPENED, NOON)  # of the first time, which was sent meanwhile
    assert news(store) == [("alice-porch", "void", Notice.OPENED)]
    assert tell(store) == 1


@pytest.mark.parametrize("lost", ["troubles/news/", "troubles/open/"])
def test_a_crash_after_the_trouble_was_written_is_made_up_for(store: MemoryStore, lost: str) -> None:
    troubles = Troubles(store)
    troubles.open(trouble())
    for version in list(store.list_versions(lost)):
        store.delete(version.key, version.version_id)
    troubles.open(trouble())
    assert len(news(store)) == len(troubles.all_open(10)) == 1


def test_no_versions_are_left_of_what_was_told_and_is_over(store: MemoryStore) -> None:
    troubles = Troubles(store)
    for _ in range(3):
        troubles.open(trouble())
        tell(store)
        troubles.end("alice-porch", "void", NOON)
        tell(store)
    assert {version.key for version in store.list_versions("")} == {"troubles/alice-porch/void.json"}
    assert [each.number for each in troubles.of("alice-porch")] == [3]


def test_only_so_many_are_read(store: MemoryStore) -> None:
    for number in range(5):
        Troubles(store).open(trouble(kind=f"kind{number}"))
    assert len(list(Troubles(store).news(most=2))) == 2
    assert len(Troubles(store).all_open(most=3)) == 3
    Troubles(store).open(trouble("alice-porch2"))
    Troubles(store).open(trouble(OPERATOR))
    assert {each.about for each in Troubles(store).open_of("alice-porch", most=99)} == {"alice-porch"}
    assert [each.about for each in Troubles(store).open_of(OPERATOR, most=99)] == [OPERATOR]
    assert (list(Troubles(MemoryStore()).news(9)), Troubles(MemoryStore()).all_open(9)) == ([], [])


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, {"bob-porch", OPERATOR}),
        ("alice", "porch", {"alice-yard", "bob-porch", OPERATOR}),
        ("ali", None, {"alice-porch", "alice-yard", "bob-porch", OPERATOR}),
        ("operator", None, {"alice-porch", "alice-yard", "bob-porch", OPERATOR}),
    ],
)
def test_erasure(store: MemoryStore, user: str, device: str | None, left: set[str]) -> None:
    troubles, cameras = Troubles(store), ("alice-porch", "alice-yard", "bob-porch", OPERATOR)
    for about in cameras:
        troubles.open(trouble(about))
    troubles.erase(user, device)
    assert {about for about in cameras if troubles.of(about)} == left
    assert {about for about, _, _ in news(store)} == {each.about for each in troubles.all_open(9)} == left
    assert troubles.erase(user, device) == 0


@pytest.mark.parametrize(
    ("parts", "begins"),
    [
        (("failed", "nightjar_live"), "failed-nightjar_live"),
        (("failed", "scheduled__2026-11-20T00:00:00+00:00"), "failed-scheduled__2026-11-20T00-00-00-00-00-"),
        (("a", "../x"), "a--x-"),
        (("a", "x" * 500), "a-xxx"),
        (("",), ""),
    ],
)
def test_kinds_are_safe_in_keys(parts: tuple[str, ...], begins: str) -> None:
    made = trouble_kind(*parts)
    assert made.startswith(begins)
    assert re.fullmatch(r"[A-Za-z0-9_-]{0,109}", made)


def test_kinds_are_told_apart() -> None:
    assert len({trouble_kind("a", name) for name in ("b/c", "b?c", "b-c", "x" * 200, "x" * 201)}) == 5
