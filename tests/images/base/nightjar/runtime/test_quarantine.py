"""Quarantine: the thing, why, and doing it twice."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.quarantine import QuarantineEntry, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.quarantine import entry_prefix, find_quarantine, is_copy_of, source_metadata, write_quarantine
from nightjar.runtime.store import ObjectMissingError

RECEIVED = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
NAME = "incoming/ünsafe {{ name }}"


def entry(version: str, **more: object) -> QuarantineEntry:
    values: dict[str, object] = {
        "reason": Reason.BAD_NAME,
        "meaning": Reason.BAD_NAME.meaning,
        "expected": "a name",
        "found": "none",
        "source_key": NAME,
        "source_version": version,
        "detail": "",
        "received_at": RECEIVED,
        "taken_at": None,
        "sha256": "0" * 64,
        "size": 3,
        "stage": "collect",
        "image": "i:1",
    }
    return QuarantineEntry.model_validate({**values, **more})


@pytest.mark.parametrize("data", [None, b"abc"], ids=["copied in the store", "given"])
def test_written_twice_is_written_once(data: bytes | None) -> None:
    store = MemoryStore()
    source = store.put(NAME, b"abc")
    one = entry(source.version_id)
    refs = write_quarantine(store, one, data)
    assert [ref.key for ref in refs] == [f"{entry_prefix(one)}object", f"{entry_prefix(one)}reason.json"]
    assert write_quarantine(store, one, data) == refs
    store.delete(NAME, source.version_id)
    assert write_quarantine(store, one, data) == refs, "expected a copy that is there to need no source"
    assert find_quarantine(store, entry_prefix(one)) == refs
    assert store.get(refs[0].key)[0] == b"abc"
    assert is_copy_of(store.get(refs[0].key)[1], NAME, source.version_id)


def test_a_source_that_is_gone() -> None:
    store = MemoryStore()
    with pytest.raises(ObjectMissingError):
        write_quarantine(store, entry("v1"))
    assert find_quarantine(store, entry_prefix(entry("v1"))) == ()


def test_half_an_entry_is_none() -> None:
    store = MemoryStore()
    object_, _ = write_quarantine(store, entry("v1"), b"abc")
    store.delete(f"{entry_prefix(entry('v1'))}reason.json")
    assert find_quarantine(store, entry_prefix(entry("v1"))) == ()
    assert write_quarantine(store, entry("v1"), b"abc")[0] == object_


@pytest.mark.parametrize(
    ("more", "day"),
    [({}, "2026/11/20"), ({"taken_at": datetime(2026, 11, 19, tzinfo=UTC)}, "2026/11/19")],
    ids=["by the day received", "by the day taken"],
)
def test_where_it_is(more: dict[str, object], day: str) -> None:
    prefix = entry_prefix(entry("v1", **more))
    assert prefix.startswith(f"quarantine/bad-name/{day}/")
    assert prefix.isascii()
    others = {entry_prefix(entry("v2", **more)), entry_prefix(entry("v1", detail="frame at 1000 ms", **more))}
    assert len({prefix, *others}) == 3


def test_metadata_is_short_and_ascii_whatever_the_name() -> None:
    metadata = source_metadata("incoming/" + "ü" * 1000, "v1", "0" * 64)
    assert all(text.isascii() and len(text) <= 64 for text in metadata.values())


@pytest.mark.parametrize(
    ("sentence", "halves"),
    [
        ("expected a, got b", ("a", "b")),
        ("expected a, got b, got c", ("a, got b", "c")),
        ("something else", ("", "something else")),
        ("what came, got lost", ("", "what came, got lost")),
        ("", ("", "")),
    ],
)
def test_expected_and_found(sentence: str, halves: tuple[str, str]) -> None:
    assert expected_and_found(sentence) == halves
