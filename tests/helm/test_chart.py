"""The chart renders and is linted by the real Helm engine, and what is generated of it is fresh."""

from collections.abc import Callable
from pathlib import Path

import helm_python
import pytest

from docs import chart as generated
from tests.helm.chart import CHART, MINIMAL, rendered

WARNING = 2  # and 3 an error


def test_lint_finds_nothing() -> None:
    report = helm_python.lint(CHART, dict(MINIMAL), strict=True)
    assert [each for each in report["messages"] if each["severity"] >= WARNING] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [(generated.SCHEMA, generated.schema), (generated.README, generated.readme)],
    ids=["schema", "README"],
)
def test_what_is_generated_is_fresh(path: Path, text: Callable[[], str]) -> None:
    assert path.read_text() == text(), "stale: run `make docs`"


def test_it_renders() -> None:
    assert rendered() == rendered()
