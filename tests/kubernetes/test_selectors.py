"""Label and field selectors against what a real API server answers."""

from __future__ import annotations

import pytest

from tests.kubernetes.errors import ApiError
from tests.kubernetes.selectors import matches_fields, matches_labels

LABELS = {"app": "nightjar", "tier": "stage", "example.com/zone": "a", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app", True),
        ("other", False),
        ("!other", True),
        ("!app", False),
        ("app=nightjar", True),
        ("app==nightjar", True),
        ("app = nightjar", True),
        ("app=other", False),
        ("app!=other", True),
        ("app!=nightjar", False),
        ("other!=x", True),
        ("other=x", False),
        ("empty=", True),
        ("app=", False),
        ("app in (other, nightjar)", True),
        ("app in (other)", False),
        ("app notin (other)", True),
        ("other notin (x)", True),
        ("other in (x)", False),
        ("example.com/zone=a", True),
        ("app=nightjar,tier=stage,!other,already_checked!=True", True),
        ("app=nightjar,tier in (a,stage),!app", False),
    ],
)
def test_label_selectors(selector: str, matches: bool) -> None:
    assert matches_labels(selector, LABELS) is matches


def test_a_pod_without_labels_matches_only_what_does_not_ask_for_one() -> None:
    assert matches_labels("!app", None)
    assert not matches_labels("app", None)


@pytest.mark.parametrize("selector", ["app=a b", "=x", "app in nightjar", "app=a,,b", "app={{ x }}", "app=" + "x" * 64])
def test_malformed_label_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ApiError) as refusal:
        matches_labels(selector, LABELS)
    assert refusal.value.code == 400


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("metadata.name=b", False),
        ("metadata.name!=b,status.phase=Running", True),
        ("status.phase!=Running", False),
        ("spec.nodeName=", True),
    ],
)
def test_field_selectors(selector: str, matches: bool) -> None:
    assert matches_fields(selector, {"metadata": {"name": "a"}, "status": {"phase": "Running"}}) is matches


def test_malformed_field_selectors_are_refused() -> None:
    with pytest.raises(ApiError, match="field selector"):
        matches_fields("metadata.name", {})
