"""The difference between two rules files in a few words."""

import pytest

from nightjar.domain.rules_changes import changes
from nightjar.runtime.rules import parse_rules
from tests.scenes import RULES


@pytest.mark.parametrize(
    ("old", "new", "phrases"),
    [
        ("version: 1", "# a comment\nversion: 1", []),
        ("0.8", "80%", []),
        ("event_gap_seconds: 60\n", "", []),
        ("event_gap_seconds: 60", "event_gap_seconds: 30", ["event_gap_seconds: 60 -> 30"]),
        ('hours: "22:00-06:00"', 'hours: "21:00-06:00"', ["rules changed: 200 (hours 22:00-06:00 -> 21:00-06:00)"]),
        (', hours: "22:00-06:00"', "", ["rules changed: 200 (hours 22:00-06:00 -> none)"]),
        ("[dog, cat, bird]", "[dog]", ["rules changed: 100 (unsafe [dog, cat, bird] -> [dog])"]),
        ("  100: {", "  101: {name: x, unsafe: [x], min_probability: 1}\n  100: {", ["rules added: 101"]),
        ("alice@example.com", "a@b.c", ["users changed: alice (email alice@example.com -> a@b.c)"]),
        ("yard: {allow_grey: true}", "yard: ", ["cameras changed: alice-yard (allow_grey true -> false)"]),
        ("site: home", "site: hut", ["cameras changed: alice-porch (site home -> hut)"]),
        ("      night: {rules: [200]}", "", ["cameras removed: alice-night"]),
        (
            "      night: {rules: [200]}",
            "".join(f"      n{n}:\n" for n in range(7)),
            [
                "cameras added: alice-n0, alice-n1, alice-n2, alice-n3, alice-n4 and 2 more",
                "cameras removed: alice-night",
            ],
        ),
    ],
)
def test_each_difference_is_told(old: str, new: str, phrases: list[str]) -> None:
    assert old in RULES
    assert changes(parse_rules(RULES.encode()), parse_rules(RULES.replace(old, new, 1).encode())) == phrases
