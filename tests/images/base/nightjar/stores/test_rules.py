"""The rules that a run is pinned to: by content, good, and the same for as long as the run lasts."""

import hashlib

import pytest

from nightjar.domain.release import FrozenRules
from nightjar.errors import InputError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RulesStore

RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: alice@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}}}
"""


def check_freezing(store: ObjectStore) -> None:
    rules = RulesStore(store)
    rules.put(RULES)
    assert rules.current() == RULES
    first = rules.freeze()
    assert first.problem is None
    assert first.sha256 == first.source.sha256 == hashlib.sha256(RULES).hexdigest()
    assert first.key == f"rules/{first.sha256}.yaml"
    assert store.get(LAST_GOOD_RULES_KEY)[0] == store.get(first.key)[0] == RULES

    rules.put(b"version: 1\nrulez: {}\n")
    second = rules.freeze()
    assert (second.key, second.sha256, second.source.key) == (first.key, first.sha256, LAST_GOOD_RULES_KEY)
    assert "line 2: rulez: unknown key" in (second.problem or "")
    assert rules.freeze() == second
    assert store.get(LAST_GOOD_RULES_KEY)[0] == RULES

    store.delete("config/rules.yaml")
    third = rules.freeze()
    assert "found none" in (third.problem or "")
    loaded, ref = rules.load(third)
    assert (ref.key, ref.sha256) == (third.key, third.sha256)
    assert loaded.event_gap_seconds == 60

    rules.put(RULES.replace(b"60", b"61"))
    fourth = rules.freeze()
    assert fourth.key != first.key
    assert rules.load(fourth)[0].event_gap_seconds == 61
    assert rules.load(first)[0].event_gap_seconds == 60
    assert len(list(store.list_versions("rules/"))) == 2, "expected each text to be written once"


def test_good_rules_are_frozen_by_content() -> None:
    check_freezing(MemoryStore())


def test_good_rules_are_frozen_by_content_on_a_real_server(s3_store: S3Store) -> None:
    check_freezing(s3_store)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "expected the rules at 'config/rules.yaml'"), (b"version: 1\nx: 1\n", "line 2: x")]
)
def test_without_good_rules_nothing_is_frozen(text: bytes | None, message: str) -> None:
    store = MemoryStore()
    if text:
        RulesStore(store).put(text)
    with pytest.raises(UsageError, match=message):
        RulesStore(store).freeze()
    assert list(store.list_objects("rules/")) == []


def test_last_good_rules_of_an_older_nightjar_may_be_wrong_by_now() -> None:
    store = MemoryStore()
    store.put(LAST_GOOD_RULES_KEY, b"version: 1\nx: 1\n")
    with pytest.raises(UsageError, match=r"config/rules\.last-good\.yaml is wrong: .*line 2: x"):
        RulesStore(store).freeze()


def test_rules_that_release_0_2_had_in_force_keep_their_meaning_until_they_are_mended() -> None:
    """It took a number as YAML 1.1 reads it: 0300 is 192."""
    store = MemoryStore()
    text = RULES.replace(b"event_gap_seconds: 60", b"event_gap_seconds: 0300")
    store.put(LAST_GOOD_RULES_KEY, text)
    rules = RulesStore(store)
    rules.put(text)
    frozen = rules.freeze()
    assert "line 2: event_gap_seconds: expected a decimal number" in (frozen.problem or "")
    assert rules.load(frozen)[0].event_gap_seconds == 192
    in_force = rules.in_force()
    assert in_force.rules and in_force.rules.event_gap_seconds == 192
    assert len(in_force.problems) == 1
    rules.put(RULES)
    assert rules.freeze().problem is None


@pytest.mark.parametrize("text", ["ключ🦝: 1\n" * 200, f"{'🦝' * 999}: 1\n" * 9], ids=range(2))
def test_a_problem_with_any_letters_is_told(text: str, s3_store: S3Store) -> None:
    rules = RulesStore(s3_store)
    rules.put(RULES)
    rules.freeze()
    rules.put(("# wrong\n" + text).encode())
    assert "line 2" in (rules.freeze().problem or "")


def test_frozen_rules_that_changed_or_went_are_refused() -> None:
    store = MemoryStore()
    rules = RulesStore(store)
    rules.put(RULES)
    frozen = rules.freeze()
    store.put(frozen.key, RULES.replace(b"60", b"61"))
    with pytest.raises(InputError, match="expected rules with SHA-256"):
        rules.load(frozen)
    store.delete(frozen.key)
    with pytest.raises(InputError, match="found none"):
        rules.load(frozen)


def test_rules_that_release_0_1_froze_in_the_run_s_folder_are_loaded() -> None:
    store = MemoryStore()
    rules = RulesStore(store)
    rules.put(RULES)
    frozen = rules.freeze()
    key = "runs/nightjar_live/20261120T130500Z-0123456789ab/rules.yaml"
    store.put(key, RULES)
    assert rules.load(FrozenRules(key=key, sha256=frozen.sha256, source=frozen.source))[1].key == key
