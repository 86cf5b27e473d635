"""What was validated before, read while history compacts the day."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from nightjar.domain.layout import validations_prefix
from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Refusal, Validation
from nightjar.errors import InputError
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar_validate.known import KnownValidations

PORCH = Camera("alice", "porch")
DAY = datetime(2026, 11, 20, tzinfo=UTC).date()
PREFIX = validations_prefix("1.0.0", DAY, PORCH)
LINE = Validation(
    footage_key="footage/a",
    footage_version="v1",
    footage_sha256="0" * 64,
    validator="1.0.0",
    settings="s",
    video=False,
    pictures=(),
    refusals=(),
    duplicates=1,
)


class CompactedMeanwhile(MemoryStore):
    """A store in which everything listed is gone before it can be read."""

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        listed = list(super().list_objects(prefix))
        for info in listed:
            self.delete(info.key)
        return iter(listed)


def known(store: MemoryStore) -> Validation | None:
    return KnownValidations(store, "1.0.0", "runs/nightjar_history/2026-11-20/").find(
        PORCH, DAY, "footage/a", "v1", "s"
    )


def test_what_is_there_is_known() -> None:
    store = MemoryStore()
    write_lines(store, f"{PREFIX}r.jsonl", [LINE])
    assert known(store) == LINE


@pytest.mark.parametrize("lost_in", ["a", "b"])
def test_what_lost_its_decoder_is_not_known_and_hides_nothing_that_is(lost_in: str) -> None:
    store = MemoryStore()
    lost = Refusal(reason=Reason.DECODER_TIMEOUT, detail="", taken_at=None, quarantine_key="quarantine/")
    write_lines(store, f"{PREFIX}{lost_in}.jsonl", [LINE.model_copy(update={"refusals": (lost,)})])
    assert known(store) is None
    write_lines(store, f"{PREFIX}{'ab'.replace(lost_in, '')}.jsonl", [LINE])
    assert known(store) == LINE


def test_what_was_compacted_since_it_was_listed_is_done_again() -> None:
    store = CompactedMeanwhile()
    write_lines(store, f"{PREFIX}r.jsonl", [LINE])
    assert known(store) is None


def test_what_is_there_and_no_validation_is_an_error() -> None:
    store = MemoryStore()
    store.put(f"{PREFIX}r.jsonl", b"{}\n")
    with pytest.raises(InputError, match="expected a Validation in line 1"):
        known(store)
