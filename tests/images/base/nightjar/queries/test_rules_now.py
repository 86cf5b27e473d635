"""The rules in force for a page: small files whole, large ones by the parts that the last run left."""

import pytest

from nightjar.domain.names import Camera
from nightjar.queries.rules_now import rules_now
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RULES_KEY, RulesStore
from tests.bucket import PORCH, RULES, SHOP, YARD

USERS = 3_200
LARGE = RULES + b"".join(
    b"  user%d:\n    email: u@example.com\n    timezone: Europe/Berlin\n    devices: {porch: {}, yard: {}}\n" % n
    for n in range(USERS)
)


@pytest.mark.parametrize(
    ("newest", "last_good", "known", "problem"),
    [
        (RULES, None, True, None),
        (b"users: [", RULES, True, "line 2: not YAML"),
        (None, RULES, True, "expected the rules at 'config/rules.yaml' in the bucket, found none"),
        (b"users: 3", None, False, "line 1"),
        (None, None, False, "expected the rules at 'config/rules.yaml'"),
        (b"users: 3", b"users: 4", False, "line 1"),
    ],
)
def test_small_files(newest: bytes | None, last_good: bytes | None, known: bool, problem: str | None) -> None:
    store = MemoryStore()
    for key, text in ((RULES_KEY, newest), (LAST_GOOD_RULES_KEY, last_good)):
        if text is not None:
            store.put(key, text)
    rules = rules_now(store, ())
    assert rules.is_whole
    assert (rules.of(PORCH) is not None) is known
    assert rules.of(Camera("alice", "none")) is None
    assert rules.problems[0].startswith(problem) if problem else not rules.problems


def test_rules_that_s3_does_not_give() -> None:
    store = MemoryStore()
    store.put(RULES_KEY, RULES)
    store.make_unreadable(RULES_KEY)
    assert rules_now(store, ()).rules is None
    store.put(LAST_GOOD_RULES_KEY, RULES)
    rules = rules_now(store, ())
    assert rules.of(PORCH) is not None
    assert "expected an object that can be read" in rules.problems[0]


def test_a_large_file_is_not_read_before_a_run_has() -> None:
    store = MemoryStore()
    RulesStore(store).put(LARGE)
    rules = rules_now(store, [PORCH])
    assert rules.rules is None
    assert "no run has read it yet" in rules.notes[0]


def test_a_large_file_in_parts() -> None:
    store = MemoryStore()
    RulesStore(store).put(LARGE)
    RulesStore(store).freeze()
    rules = rules_now(store, [PORCH, Camera("user5", "none")])
    assert not rules.is_whole
    assert rules.of(PORCH) and rules.of(YARD) and rules.of(Camera("user5", "yard"))
    assert rules.of(SHOP) is None, "of a user nobody asked for"
    assert rules.problems == rules.notes == ()

    RulesStore(store).put(LARGE + b"# changed\n")
    assert "Newer ones were put" in rules_now(store, [PORCH]).notes[0]
    RulesStore(store).put(LARGE + b"nonsense: 1\n")
    RulesStore(store).freeze()
    broken = rules_now(store, [PORCH])
    assert broken.of(PORCH)
    assert "nonsense" in broken.problems[0]
    parts = RulesStore(store).freeze().parts
    assert parts is not None, "a large file has parts"
    store.delete(parts.key)
    gone = rules_now(store, [PORCH])
    assert gone.rules is None
    assert len(gone.problems) > 1
