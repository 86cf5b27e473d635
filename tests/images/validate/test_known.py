"""Footage that was validated before."""

from datetime import date

import pytest

from nightjar.domain.batch import Footage
from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Refusal, Validation
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.validations import Validations
from nightjar_validate.known import KnownValidations

PLACE = Place("0123456789abcdef", Camera("alice", "porch"), date(2026, 11, 20))
HISTORY = RunShard("2026-11-20", "alice-porch", is_history=True)
KEY = "footage/2026/11/20/12/alice-porch-1795176000.jpg"
FOOTAGE = Footage.model_validate({"key": KEY, "version_id": "v1", "size": 1, "sha256": ""})
LINE = Validation(
    footage_key=KEY,
    footage_version="v1",
    footage_sha256="0" * 64,
    validator=PLACE.maker,
    settings="s",
    video=False,
    pictures=(),
    refusals=(),
    duplicates=1,
)


def write(store: MemoryStore, run: str, line: Validation) -> None:
    Validations(store).write(PLACE, RunShard(run, "alice-porch", is_history=False), [line])


def known(store: MemoryStore, footage: Footage = FOOTAGE, settings: str = "s") -> Validation | None:
    return KnownValidations(Validations(store), HISTORY).find(PLACE, footage, settings)


@pytest.mark.parametrize(
    ("change", "settings", "is_known"),
    [
        ({}, "s", True),
        ({"version_id": "v2"}, "s", False),
        ({"key": KEY.replace("jpg", "png")}, "s", False),
        ({}, "t", False),
    ],
)
def test_footage_is_known_by_version_and_settings(change: dict[str, str], settings: str, is_known: bool) -> None:
    store = MemoryStore()
    write(store, "r", LINE)
    assert (known(store, FOOTAGE.model_copy(update=change), settings) == LINE) is is_known


@pytest.mark.parametrize("lost_in", ["a", "b"])
def test_a_validation_that_lost_its_decoder_is_not_known_and_hides_none_that_is(lost_in: str) -> None:
    store = MemoryStore()
    lost = Refusal(reason=Reason.DECODER_TIMEOUT, detail="", taken_at=None, quarantine_key="quarantine/")
    write(store, lost_in, LINE.model_copy(update={"refusals": (lost,)}))
    assert known(store) is None
    write(store, "ab".replace(lost_in, ""), LINE)
    assert known(store) == LINE


def test_a_place_is_read_once() -> None:
    store = MemoryStore()
    lookup = KnownValidations(Validations(store), HISTORY)
    assert lookup.find(PLACE, FOOTAGE, "s") is None
    write(store, "r", LINE)
    assert lookup.find(PLACE, FOOTAGE, "s") is None
