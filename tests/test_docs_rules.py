"""docs/rules.md: each key that the code reads has its row, and its example is taken by the class that reads it."""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from docs.generate import ROOT, RULES, render
from nightjar.domain.rules.schema import keys_of, models_in

PAGE = ROOT / "docs" / "rules.md"
# The least that each mapping needs.
LEAST: dict[str, dict[str, Any]] = {
    "file": {"users": {}, "rules": {n: {"name": "r", "unsafe": ["x"], "min_probability": 1} for n in (200, 300)}},
    "rule": {"name": "r", "unsafe": ["x"], "min_probability": 1},
    "agree": {"pictures": 1, "within_seconds": 1},
    "static": {},
    "user": {"recipients": ["x@example.com"], "timezone": "UTC"},
    "alerts": {},
    "cap": {"alerts": 1, "hours": 1},
    "device": {},
    "operator": {"recipients": ["x@example.com"]},
}


def examples(name: str) -> list[tuple[str, str]]:
    table = re.search(rf"<!-- rules-{name} -->(.*?)<!-- /", PAGE.read_text(), re.DOTALL)
    assert table
    return re.findall(r"^\| `(\w+)` .* \| `([^`]+)` \|$", table[1], re.MULTILINE)


@cache
def page() -> str:
    """The page as the code would write it now."""
    return render(PAGE.read_text())


@pytest.mark.parametrize("name", RULES)
def test_each_key_has_a_description_and_an_example_that_is_taken(name: str) -> None:
    assert page() == PAGE.read_text()
    rows = examples(name)
    assert {key for key, _ in rows} == set(keys_of(RULES[name]))
    for key, example in rows:
        value = yaml.safe_load(example)
        assert list(value) == [key]
        base = {k: v for k, v in LEAST[name].items() if k != "recipients" or key != "email"}
        read = RULES[name].model_validate({**base, **value})
        assert keys_of(RULES[name])[key].description
        assert read.model_fields_set & {key, f"{key}_"}


def test_every_mapping_of_a_rules_file_has_a_table() -> None:
    kinds = [RULES["file"]]
    for kind in kinds:
        kinds += [each for field in keys_of(kind).values() for each in models_in(field.annotation) if each not in kinds]
    assert set(kinds) == set(RULES.values())
