"""Why an object did or did not become a threat, condition by condition."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.areas import Box
from nightjar.domain.conditions import CONDITIONS
from nightjar.domain.explaining import AGREEMENT, STATIC, Explanation, Step, explain
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.rules import CameraRules, Safe
from nightjar.domain.sights import Sight, Thing
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH

GAP = timedelta(seconds=60)
NIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)  # a Friday
PLACE: Box = (0.4, 0.4, 0.6, 0.8)


def camera(rule: str, static: str = "") -> CameraRules:
    text = f"""\
version: 1
{static}
rules:
  200: {{name: intruder, {rule}}}
users:
  alice:
    email: alice@example.com
    timezone: UTC
    rules: [200]
    devices: {{porch: {{areas: {{yard: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}}, masks: [[[0, 0], [0.2, 0], [0, 0.2]]]}}}}
"""
    found = parse_rules(text.encode()).device(PORCH)
    assert found is not None
    return found


def sight(seconds: float, *things: Thing) -> Sight:
    return Sight(NIGHT + timedelta(seconds=seconds), things)


def only(found: list[Explanation]) -> tuple[Explanation, dict[str, Step]]:
    [explanation] = found
    return explanation, {step.condition: step for step in explanation.steps}


FULL = (
    "unsafe: {person: 60%}, hours: '22:00-06:00', days: [fri], areas: [yard], min_box: 2%, max_box: 50%, "
    "agree: {pictures: 2, within_seconds: 10}"
)


def test_every_condition_of_a_threat_says_what_was_asked_and_seen() -> None:
    pictures = [sight(0, Thing("person", 0.9, PLACE)), sight(5, Thing("person", 0.8, PLACE))]
    explanation, steps = only(explain(pictures, NIGHT, camera(FULL), GAP))
    assert explanation.reason is None
    assert explanation.topic.area == "yard"
    assert list(steps) == [*(condition.name for condition in CONDITIONS), STATIC, AGREEMENT]
    assert all(step.reached and step.reason is None for step in steps.values())
    assert {name: (step.asked, step.seen) for name, step in steps.items()} == {
        "label": ("person", "person"),
        "hours and days": ("22:00-06:00 on fri", "Fri 23:00:00"),
        "mask": ("outside 1 mask", "foot at 0.50, 0.80"),
        "area": ("in yard", "foot at 0.50, 0.80"),
        "box size": ("at least 2.0 %, at most 50.0 %", "8.0 % of the picture"),
        "probability": ("at least 60 %", "90 %"),
        "false box": ("", "at none"),
        "static": ("", ""),
        "agreement": ("2 pictures within 10 s", "2"),
    }


@pytest.mark.parametrize(
    ("thing", "condition", "reason"),
    [
        (Thing("dog", 0.9, PLACE), "label", Safe.NOT_UNSAFE),
        (Thing("person", 0.9, (0.0, 0.0, 0.1, 0.1)), "mask", Safe.MASKED),
        (Thing("person", 0.9, (0.4, 0.1, 0.6, 0.4)), "area", Safe.OUTSIDE_AREA),
        (Thing("person", 0.9, (0.4, 0.5, 0.5, 0.6)), "box size", Safe.BOX_TOO_SMALL),
        (Thing("person", 0.5, PLACE), "probability", Safe.BELOW_PROBABILITY),
        (Thing("person", 0.9, PLACE), AGREEMENT, Safe.TOO_FEW_PICTURES),
    ],
)
def test_the_condition_that_stops_it_is_the_last_that_is_reached(thing: Thing, condition: str, reason: Safe) -> None:
    explanation, steps = only(explain([sight(0, thing)], NIGHT, camera(FULL), GAP))
    assert explanation.reason is reason
    reached = [name for name, step in steps.items() if step.reached]
    assert reached[-1] == condition
    assert steps[condition].reason is reason


def test_what_is_static_and_what_is_at_a_false_box() -> None:
    parked = camera("unsafe: [car], min_probability: 50%", "static: {after_seconds: 60}")
    pictures = [sight(10 * n, Thing("car", 0.9, PLACE)) for n in range(-8, 1)]
    explanation, steps = only(explain(pictures, NIGHT, parked, GAP))
    assert explanation.reason is Safe.STATIC
    assert (steps[STATIC].asked, steps[STATIC].seen) == ("not at its place for 60 s", "at its place for so long")
    false = FalseBox(label="car", box=PLACE, confirmed_by="alice", confirmed_at=NIGHT)
    explanation, steps = only(explain(pictures, NIGHT, parked, GAP, [false]))
    assert explanation.reason is Safe.FALSE_BOX
    assert steps["false box"].seen == "confirmed by alice on 2026-11-20"
    assert not steps[STATIC].reached


def test_each_rule_says_its_own() -> None:
    text = b"""\
rules:
  100: {name: animals, unsafe: [dog], min_probability: 50%}
  200: {name: people, unsafe: [person], min_probability: 50%}
users:
  alice: {email: alice@example.com, timezone: UTC, rules: [100, 200], devices: {porch: }}
"""
    both = parse_rules(text).device(PORCH)
    assert both is not None
    found = explain([sight(0, Thing("dog", 0.9, PLACE), Thing("cat", 0.9, PLACE))], NIGHT, both, GAP)
    assert [(e.object.label, e.topic.rule_id, e.reason) for e in found] == [
        ("dog", 100, None),
        ("dog", 200, Safe.NOT_UNSAFE),
        ("cat", 100, Safe.NOT_UNSAFE),
        ("cat", 200, Safe.NOT_UNSAFE),
    ]


def test_of_a_moment_without_a_picture_nothing_is_said() -> None:
    assert explain([sight(5, Thing("person", 0.9, PLACE))], NIGHT, camera(FULL), GAP) == []
