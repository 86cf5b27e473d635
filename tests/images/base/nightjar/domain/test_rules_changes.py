"""The difference between two rules files in a few words."""

import pytest

from nightjar.domain.rules_changes import changes
from nightjar.runtime.rules import parse_rules
from tests.images.base.nightjar.domain.test_camera_rules import FULL
from tests.scenes import RULES

FULL_CHANGES = [
    ("after_seconds: 900", "after_seconds: 60", ["static.after_seconds 900 -> 60"]),
    ("static: {after_seconds: 900, overlap: 60%}\n", "", ["static {after_seconds: 900, overlap: 0.6} -> none"]),
    ("static: {after_seconds: 900, overlap: 60%}", "static: false",
     ["static {after_seconds: 900, overlap: 0.6} -> false"]),
    ("{person: 60%, car: }", "{person: 50%, dog: }", ["rules changed: 200 (unsafe.person 0.6 -> 0.5, "
                                                                   "unsafe.car removed, unsafe.dog added)"]),
    ("pictures: 3", "pictures: 2", ["rules changed: 200 (agree.pictures 3 -> 2)"]),
    ("days: [fri, sat]", "days: [fri]", ["rules changed: 200 (days [fri, sat] -> [fri])"]),
    ("severity: critical", "severity: info", ["rules changed: 200 (severity critical -> info)"]),
    ("shop: [300, 100]", "shop: [300]", ["groups changed: shop ([300, 100] -> [300])"]),
    ("shop: [300, 100]", "shop: [300, 100], all: []", ["groups added: all"]),
    ("[ops@example.com]", "[o@example.com]", ["operator.recipients [ops@example.com] -> [o@example.com]"]),
    ("mute_until: 2026-11-19T08:00:00Z", "quiet_hours: '23:00-06:00'",
     ["operator.quiet_hours none -> 23:00-06:00", "operator.mute_until 2026-11-19 08:00:00+00:00 -> none"]),
    ("{info: [], critical", "{info: [email], critical", ["users changed: alice (channels.info [] -> [email])"]),
    ("cool_down_seconds: 300", "cool_down_seconds: 0", ["users changed: alice (cool_down_seconds 300 -> 0)"]),
    ("[0.5, 0], [50%, 1]]", "[0.5, 0], [0.6, 1]]", ["cameras changed: alice-porch (areas.yard drawn anew)"]),
    ("masks: [[[0, 0], [0.1, 0], [0, 0.1]]]", "", ["cameras changed: alice-porch (masks [3 corners] -> [])"]),
    ("static: false", "static: {}", ["cameras changed: alice-gate (static false -> {})"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "phrases"), FULL_CHANGES)
def test_each_difference_in_a_key_is_told(old: str, new: str, phrases: list[str]) -> None:
    assert old in FULL
    told = changes(parse_rules(FULL.encode()), parse_rules(FULL.replace(old, new, 1).encode()))
    assert told == phrases


@pytest.mark.parametrize(
    ("old", "new", "phrases"),
    [
        ("version: 1", "# a comment\nversion: 1", []),
        ("0.8", "80%", []),
        ("event_gap_seconds: 60\n", "", []),
        ("event_gap_seconds: 60", "event_gap_seconds: 30", ["event_gap_seconds 60 -> 30"]),
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
