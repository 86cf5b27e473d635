"""The lifecycle rules: what may be forgotten, and nothing that a run is pinned to."""

from typing import Any

import pytest

from nightjar.stores.lifecycle import OURS, beside, lifecycle_rules, same

# Prefixes whose old versions a run reads again, or a person is owed.
KEPT = ("footage/", "standard/", "rules/", "config/", "alerts/", "events/", "runs/", "detections/", "records/")


def rules(**more: Any) -> list[dict[str, Any]]:
    """With usual values."""
    return lifecycle_rules(**{"log_prefix": "airflow-logs", "log_days": 30, "old_version_days": 14, **more})


def touched(rule: dict[str, Any]) -> str:
    """The prefix of a rule that deletes objects or versions; `-` for one that does not."""
    deletes = {"Expiration", "NoncurrentVersionExpiration"} & set(rule)
    return str(rule["Filter"]["Prefix"]) if deletes else "-"


def test_nothing_that_is_kept_is_touched() -> None:
    prefixes = {touched(rule) for rule in rules()} - {"-"}
    assert "airflow-logs/" in prefixes
    assert not any(kept.startswith(prefix) or prefix.startswith(kept) for prefix in prefixes for kept in KEPT)


def test_only_logs_are_deleted_by_age() -> None:
    assert [rule["ID"] for rule in rules() if "Days" in rule.get("Expiration", {})] == [f"{OURS}task-logs"]


def test_a_prefix_that_expires_is_named_once() -> None:
    made = rules(expire_days={"quarantine/": 90, "health/": 5})
    assert {rule["Filter"]["Prefix"]: rule["Expiration"] for rule in made if "Days" in rule.get("Expiration", {})} == {
        "airflow-logs/": {"Days": 30},
        "quarantine/": {"Days": 90},
        "health/": {"Days": 5},
    }
    ids = [rule["ID"] for rule in made]
    assert len(ids) == len(set(ids))
    prefixes = [rule["Filter"]["Prefix"] for rule in made]
    assert len(prefixes) == len(set(prefixes)), "two rules about one prefix"


def test_rules_of_others_stay_and_ours_are_replaced() -> None:
    theirs, old = {"ID": "archive"}, {"ID": f"{OURS}of-before"}
    assert beside([{"ID": f"{OURS}new"}], [old, theirs]) == [theirs, {"ID": f"{OURS}new"}]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (list(reversed(rules())), True),
        ([{**rule, "NoncurrentVersionTransitions": None} for rule in rules()], True),
        (rules()[1:], False),
        (rules(log_days=31), False),
        ([], False),
    ],
    ids=["another order", "an empty part", "one less", "other days", "none"],
)
def test_the_same_rules_are_known(there: list[dict[str, Any]], expected: bool) -> None:
    assert same(rules(), there) is expected
