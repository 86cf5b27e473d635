import pytest

from nightjar.domain.manifest import Counts
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_record, write_bytes, write_lines, write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectExistsError

COUNTS = [Counts(received=n, outcomes={"ünï": n}) for n in range(3)]


def test_records_and_lines_survive_and_a_second_write_changes_nothing() -> None:
    store = MemoryStore()
    for _ in range(2):
        line_ref, record_ref = write_lines(store, "l", COUNTS), write_record(store, "r", COUNTS[1])
    assert read_lines(store, "l", Counts) == (COUNTS, line_ref)
    assert read_record(store, "r", Counts) == (COUNTS[1], record_ref)
    assert len(list(store.list_versions(""))) == 2


def test_no_lines_are_an_empty_object() -> None:
    store = MemoryStore()
    assert write_lines(store, "l", []).size == 0
    assert read_lines(store, "l", Counts)[0] == []


def test_create_only_accepts_the_same_and_refuses_another() -> None:
    store = MemoryStore()
    first = write_bytes(store, "k", b"1", content_type="text/plain", if_absent=True)
    assert write_bytes(store, "k", b"1", content_type="text/plain", if_absent=True) == first
    with pytest.raises(ObjectExistsError):
        write_bytes(store, "k", b"2", content_type="text/plain", if_absent=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "found none"),
        (b"", "expected a Counts"),
        (b"{", "expected a Counts"),
        (b'{"received": "x"}', "received"),
        (b"\xff\xfe", "expected a Counts"),
    ],
)
def test_a_document_that_is_not_one_is_refused_naming_it(data: bytes | None, message: str) -> None:
    store = MemoryStore()
    if data is not None:
        store.put("k", data)
    with pytest.raises(InputError, match=message):
        read_record(store, "k", Counts)


def test_a_bad_line_is_named_by_its_number() -> None:
    store = MemoryStore()
    store.put("k", b'{"received": 1}\nnot json\n')
    with pytest.raises(InputError, match="in line 2 of 'k'"):
        read_lines(store, "k", Counts)
