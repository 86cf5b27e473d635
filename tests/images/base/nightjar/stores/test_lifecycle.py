"""The lifecycle rules: what may be forgotten, and nothing that a run is pinned to."""

from typing import Any

import pytest
from pydantic import ValidationError

from nightjar.domain.retention import Keep
from nightjar.errors import UsageError
from nightjar.settings.retention import RetentionSettings
from nightjar.stores.lifecycle import KINDS, OURS, beside, folders_that_expire, lifecycle_rules, renewed, same

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


def test_every_kind_that_may_expire_has_its_folders_and_its_setting() -> None:
    assert set(KINDS) == set(Keep.model_fields)
    assert {f"keep_{kind}_days" for kind in KINDS} | {"keep_old_versions_days"} == set(RetentionSettings.model_fields)
    folders = [folder for some in KINDS.values() for folder in some]
    assert len(folders) == len(set(folders))


def test_by_default_only_what_was_made_of_others_expires() -> None:
    assert folders_that_expire(Keep()) == {"comparisons/": 365, "reproductions/": 30}
    assert RetentionSettings().keep == Keep()


def test_a_kind_expires_with_all_its_folders() -> None:
    expiring = folders_that_expire(Keep(footage=90, pictures=30, events=400), {"archive/": 7})
    assert expiring["footage/"] == 90
    assert {expiring[folder] for folder in KINDS["events"]} == {400}
    assert expiring["archive/"] == 7
    assert "runs/" not in expiring
    made = rules(expire_days=expiring)
    assert {
        rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in made if "Days" in rule.get("Expiration", {})
    } == {
        **expiring,
        "airflow-logs/": 30,
    }
    # Removed for good a day after the delete marker: an expired original is in no version any more.
    assert all(
        rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
        for rule in made
        if rule["Filter"]["Prefix"] in expiring
    )


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ({"events": 7}, "events to be kept for good (0) or at least 8 days, got 7"),
        ({"runs": 1}, "runs to be kept for good (0) or at least 8 days"),
        ({"footage": 30, "detections": 30}, "pictures to be kept no longer than footage (30 days)"),
        ({"footage": 30, "detections": 30, "pictures": 31}, "pictures to be kept no longer than footage"),
        ({"footage": -1}, "greater than or equal to 0"),
        ({"videos": 3}, "Extra inputs are not permitted"),
    ],
)
def test_days_that_do_not_go_together_are_refused(days: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        Keep.model_validate(days)
    assert sentence in str(error.value)


@pytest.mark.parametrize("days", [{}, {"events": 8, "runs": 8}, {"footage": 30, "pictures": 30, "detections": 5}])
def test_days_that_go_together(days: dict[str, int]) -> None:
    assert Keep.model_validate(days).expiring().items() >= days.items()


@pytest.mark.parametrize("folder", ["footage/", "footage/2026/", "foo"])
def test_a_folder_has_one_number_of_days(folder: str) -> None:
    with pytest.raises(UsageError, match="expected days for"):
        folders_that_expire(Keep(footage=90), {folder: 3})


def test_rules_that_are_there_are_left_alone() -> None:
    theirs = {"ID": "archive"}
    assert renewed([theirs, *rules()], rules()) is None
    assert renewed([theirs, *rules(log_days=3)], rules()) == [theirs, *rules()]
