"""The rules as people look at them: small and large ones, good and broken ones, and the versions before."""

import hashlib
from contextlib import suppress

import pytest

from nightjar.errors import UsageError
from nightjar.queries.rules_state import (
    Numbers,
    RulesState,
    rules_for,
    rules_state,
    user_part,
    version_text,
    versions,
)
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import LARGE
from nightjar.stores.rules import RulesStore
from tests.images.base.nightjar.cli.trials import IN_FORCE
from tests.images.base.nightjar.queries.test_deployed import deploy, publish, stage
from tests.images.base.nightjar.stores.test_rules_parts import large

GOOD = IN_FORCE.encode()
BROKEN = GOOD.replace(b"unsafe: [dog]", b"unsafed: [dog]")


def put(*texts: bytes) -> MemoryStore:
    """A bucket into which each of `texts` was put, and frozen where that is possible."""
    store = MemoryStore()
    for text in texts:
        RulesStore(store).put(text)
        with suppress(UsageError):
            RulesStore(store).freeze()
    return store


@pytest.mark.parametrize(
    ("texts", "in_force", "refused", "problem"),
    [
        ((), None, None, "line 1: expected the rules at 'config/rules.yaml' in the bucket, found none"),
        ((GOOD,), GOOD, None, ""),
        ((GOOD, BROKEN), GOOD, BROKEN, "line 2: rules.100.unsafed: unknown key: did you mean unsafe?"),
        ((BROKEN,), None, BROKEN, "line 2: rules.100.unsafed: unknown key: did you mean unsafe?"),
    ],
)
def test_what_is_in_force(
    texts: tuple[bytes, ...], in_force: bytes | None, refused: bytes | None, problem: str
) -> None:
    state = rules_state(put(*texts))
    assert (state.in_force.text if state.in_force else None) == in_force
    assert (state.refused.text if state.refused else None) == refused
    assert problem in [*map(str, state.problems), ""]
    if in_force:
        assert state.numbers == Numbers(rules=2, users=2, cameras=3)
        assert state.in_force is not None
        assert state.in_force.sha256 == hashlib.sha256(in_force).hexdigest()


def test_labels_that_the_deployed_detector_cannot_see() -> None:
    store = put(GOOD)
    assert (rules_state(store).unseen, rules_state(store).detector) == ((), "")
    publish(store, stage("7"))  # it sees cats
    deploy(store, stage("7"))
    state = rules_state(store)
    assert state.detector == "7"
    assert str(state.unseen[0]).startswith("line 2: rules.100.unsafe.0: no label that the detector")


def test_a_large_file_is_known_by_its_parts() -> None:
    text = large()
    store = put(text)
    state = rules_state(store, read=LARGE)
    assert state.in_force is not None
    assert (state.in_force.text, state.in_force.sha256) == (None, hashlib.sha256(text).hexdigest())
    assert state.numbers == Numbers(rules=3, users=2_000, cameras=None)
    part = user_part(store, state, "u7")
    assert part is not None
    assert part.text.startswith("  u7:\n    email: user7@")
    assert "u8:" not in part.alone
    assert part.alone.startswith(text.decode().partition("users:")[0])
    assert user_part(store, state, "nobody") is None
    rules = rules_for(store, state, {"u7"})
    assert rules is not None
    assert set(rules.users) == {"u7"}


def test_a_large_file_that_no_run_has_checked_is_not_read() -> None:
    store = put(GOOD)
    RulesStore(store).put(large())
    state = rules_state(store, read=LARGE)
    assert state.unchecked is not None
    assert (state.in_force.text if state.in_force else None) == GOOD


def test_a_large_broken_file_has_the_problems_of_its_check() -> None:
    store = put(GOOD, large().replace(b"timezone: Europe/Berlin", b"timezone: Europe/Berlon", 1))
    state = rules_state(store, read=LARGE)
    assert state.refused is not None
    assert [problem.line > 1 for problem in state.problems] == [True]
    assert "Europe/Berlon" in str(state.problems[0])
    assert (state.in_force.text if state.in_force else None) == GOOD


@pytest.mark.parametrize(
    ("name", "line"), [("alice", 5), ("bob", 10), ("carol", None), ("", None), ("email", None), ("<b>", None)]
)
def test_a_user_s_part_of_a_small_file(name: str, line: int | None) -> None:
    store = put(GOOD)
    part = user_part(store, rules_state(store), name)
    assert (part.line if part else None) == line
    if part:
        assert set(rules_for_alone(part.alone)) == {name}
    assert user_part(store, RulesState(), name) is None


def rules_for_alone(text: str) -> list[str]:
    """The users of a text."""
    store = put(text.encode())
    rules = rules_for(store, rules_state(store), set())
    assert rules is not None
    return list(rules.users)


def test_versions_and_how_each_differs() -> None:
    store = put(GOOD, GOOD.replace(b"80%", b"90%"), BROKEN)
    found, number = versions(store, 0, 10)
    assert number == 3
    assert [each.difference for each in found] == [
        "cannot be used: line 2: rules.100.unsafe: missing key, and 1 more",
        "rules changed: 100 (min_probability 0.8 -> 0.9)",
        "there were no rules before",
    ]
    assert [each.difference for each in versions(store, 1, 1)[0]] == [found[1].difference]
    assert versions(store, 3, 10) == ([], 3)
    old = version_text(store, found[2].info.version_id)
    assert old is not None
    assert old.text == GOOD
    assert version_text(store, "../x") is None
