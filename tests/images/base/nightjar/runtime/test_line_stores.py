"""Stores of JSON lines, several files read as one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.validations import Validation
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.line_stores import VALIDATIONS, WHOLE_DAY, oldest_first, read_newest
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PREFIX = "validations/v1/2026/11/20/alice-porch/"


def line(footage: str, duplicates: int = 0) -> Validation:
    return Validation(
        footage_key=footage,
        footage_version="v1",
        footage_sha256="",
        validator="v1",
        settings="s1",
        video=False,
        pictures=(),
        refusals=(),
        duplicates=duplicates,
    )


def a_store(*files: tuple[str, list[Validation]]) -> MemoryStore:
    moments = iter(NOON + timedelta(seconds=n) for n in range(1000))
    store = MemoryStore(clock=lambda: next(moments))
    for name, lines in files:
        write_lines(store, f"{PREFIX}{name}", lines)
    return store


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], {}),
        ([("a.jsonl", [])], {}),
        ([("a.jsonl", [line("x"), line("y")])], {"x": 0, "y": 0}),
        ([("b.jsonl", [line("x", 1)]), ("a.jsonl", [line("x", 2)])], {"x": 2}),
        ([("a.jsonl", [line("x", 1), line("x", 2)])], {"x": 2}),
        ([(WHOLE_DAY, [line("x", 1), line("y", 1)]), ("a.jsonl", [line("x", 2)])], {"x": 2, "y": 1}),
        ([("a.jsonl", [line("x", 1)]), (WHOLE_DAY, [line("x", 2)])], {"x": 2}),
        ([("a.txt", [line("x", 1)])], {}),
    ],
)
def test_the_newest_line_counts(files: list[tuple[str, list[Validation]]], expected: dict[str, int]) -> None:
    found = read_newest(a_store(*files), VALIDATIONS, PREFIX)
    assert {v.footage_key: v.duplicates for v in found.lines} == expected
    assert [v.footage_key for v in found.lines] == sorted(expected)


def test_of_the_same_second_the_whole_day_is_older() -> None:
    def info(name: str, second: int) -> ObjectInfo:
        return ObjectInfo(f"p/{name}", "", 1, "e", NOON + timedelta(seconds=second))

    files = [info("z.jsonl", 1), info(WHOLE_DAY, 1), info("a.jsonl", 1), info("later.jsonl", 2), info("first.jsonl", 0)]
    assert [f.key for f in oldest_first(files)] == [
        "p/first.jsonl",
        "p/day.jsonl",
        "p/a.jsonl",
        "p/z.jsonl",
        "p/later.jsonl",
    ]


def test_a_bad_line_is_named() -> None:
    store = a_store(("a.jsonl", [line("x")]))
    store.put(f"{PREFIX}b.jsonl", b"{}\n")
    with pytest.raises(InputError, match=r"line 1 of .*b\.jsonl"):
        read_newest(store, VALIDATIONS, PREFIX)


class Moving(MemoryStore):
    """Before each read, `before` is called with the store and the key."""

    before: Callable[[MemoryStore, str], None] = staticmethod(lambda store, key: None)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self.before(self, key)
        return super().get(key, version_id)


def test_files_that_become_one_while_they_are_read_are_read_again() -> None:
    store = Moving()
    write_lines(store, f"{PREFIX}a.jsonl", [line("x")])

    def compacted(where: MemoryStore, key: str) -> None:
        if key.endswith("a.jsonl"):
            write_lines(where, f"{PREFIX}{WHOLE_DAY}", [line("x")])
            where.delete(key)

    store.before = compacted
    assert [v.footage_key for v in read_newest(store, VALIDATIONS, PREFIX).lines] == ["x"]


def test_files_that_never_hold_still_are_for_later() -> None:
    store = Moving()
    write_lines(store, f"{PREFIX}0.jsonl", [line("x")])
    numbers = iter(range(1, 1000))

    def moved(where: MemoryStore, key: str) -> None:
        where.delete(key)
        write_lines(where, f"{PREFIX}{next(numbers)}.jsonl", [line("x")])

    store.before = moved
    with pytest.raises(TryAgainError, match="hold still"):
        read_newest(store, VALIDATIONS, PREFIX)
