"""The numbers of open troubles that go to the metrics."""

from collections.abc import Mapping, Sequence

import pytest

from nightjar.domain.operator_troubles import OperatorKind
from nightjar.domain.troubles import OPERATOR
from operators import metrics


@pytest.mark.parametrize(
    ("open_kinds", "expected"),
    [
        ({}, {}),
        ({OPERATOR: ["watch-silent"]}, {"watch_silent": 1}),
        ({OPERATOR: ["run-late-nightjar_live-a", "run-late-nightjar_live-b"]}, {"run_late": 2}),
        ({"alice-porch": ["silent", "void"], "bob-shop": ["silent"]}, {"cameras": 3}),
        ({OPERATOR: ["of-a-later-release"]}, {}),
    ],
    ids=["none", "watch", "two runs", "cameras", "unknown"],
)
def test_each_kind_has_a_number(open_kinds: Mapping[str, Sequence[str]], expected: Mapping[str, int]) -> None:
    counted = metrics.counts(open_kinds)
    assert {name: number for name, number in counted.items() if number} == expected
    assert set(counted) == {*(each.replace("-", "_") for each in OperatorKind), "cameras"}


def test_telling_needs_no_metrics_switched_on() -> None:
    metrics.tell({OPERATOR: ["watch-silent"]})
