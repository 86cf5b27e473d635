"""Claims: made once, given out again until the live run of their batch has begun."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.batch import Claim, ReceivedVersion
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.claims import Claims

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def claim(*names: str) -> Claim:
    return Claim.of(
        ReceivedVersion(key=f"incoming/{name}", version_id="v1", size=1, received_at=NOON) for name in names
    )


def test_versions_are_sorted_and_none_is_no_claim() -> None:
    assert claim("b", "a") == claim("a", "b")
    with pytest.raises(ValueError, match="at least one"):
        Claim.of([])


def test_the_first_claim_of_a_run_holds() -> None:
    claims = Claims(MemoryStore())
    first = claims.write("w1", claim("a"))
    assert claims.write("w1", claim("b")).claim == first.claim == claim("a")
    assert claims.write("w1", claim("a")).ref == first.ref


@pytest.mark.parametrize(
    ("run", "begun", "opened", "left"),
    [
        ("w1", [], "w1", ["w1", "w2"]),
        ("w2", [], "w2", ["w1", "w2"]),
        ("w3", [], "w1", ["w1", "w2"]),
        ("w3", ["w1"], "w2", ["w2"]),
        ("w1", ["w1"], "w2", ["w2"]),
        ("w3", ["w1", "w2"], None, []),
    ],
)
def test_the_claim_to_go_on_with(run: str, begun: list[str], opened: str | None, left: list[str]) -> None:
    """A run's own claim comes first, then the oldest; those that are handed over go."""
    store = MemoryStore(clock=iter(NOON.replace(second=n) for n in range(60)).__next__)
    claims = Claims(store)
    ids = {name: claims.write(name, claim(name)).claim.batch_id for name in ("w1", "w2")}
    held = claims.open(run, lambda batch: batch in {ids[name] for name in begun})
    assert (held and held.run) == opened
    assert sorted(info.key for info in store.list_objects("")) == [f"claims/{name}.json" for name in left]
    assert Claims(MemoryStore()).open(run, lambda batch: False) is None


def test_a_dropped_claim_is_gone_in_every_version() -> None:
    store = MemoryStore()
    claims = Claims(store)
    claims.drop(claims.write("w1", claim("a")))
    assert list(store.list_versions("")) == []
