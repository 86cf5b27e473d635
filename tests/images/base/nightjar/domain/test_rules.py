"""The verdicts of rules: classes, probability, hours on the user's wall clock."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules, nearest_miss, unsafe_objects, why_safe
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH
from tests.scenes import DOOR, NIGHT, RULES

RULES_ = parse_rules(RULES.encode())
BOX = (0.0, 0.0, 1.0, 1.0)


def one(label: str, probability: float) -> DetectedObject:
    return DetectedObject(label=label, probability=probability, box=BOX)


def rules(text: str = RULES) -> Rules:
    return parse_rules(text.encode())


@pytest.mark.parametrize(
    ("camera", "ids", "site", "grey"),
    [
        (PORCH, [100, 300], "home", False),
        (NIGHT, [200], None, False),
        (Camera("alice", "yard"), [300], None, True),
        (DOOR, [300], None, False),
    ],
)
def test_a_devices_settings_replace_the_users(camera: Camera, ids: list[int], site: str | None, grey: bool) -> None:
    found = RULES_.device(camera)
    assert found is not None
    assert (list(found.rules), found.site, found.allow_grey) == (ids, site, grey)


def test_a_devices_empty_list_replaces_too() -> None:
    found = rules(RULES.replace("rules: [200]}", "rules: []}")).device(NIGHT)
    assert found is not None
    assert found.rules == {}


@pytest.mark.parametrize("camera", [Camera("alice", "door"), Camera("carol", "porch"), Camera("Alice", "porch")])
def test_what_is_not_in_the_file_is_unknown(camera: Camera) -> None:
    assert RULES_.device(camera) is None


@pytest.mark.parametrize(
    ("utc", "holds"),
    [
        ("2026-11-20T20:59:59", False),  # 21:59:59 in Berlin, winter
        ("2026-11-20T21:00:00", True),
        ("2026-11-21T04:59:59", True),
        ("2026-11-21T05:00:00", False),
        ("2026-07-01T19:59:59", False),  # 21:59:59, summer
        ("2026-07-01T20:00:00", True),
        ("2026-07-02T04:00:00", False),
        ("2026-03-29T03:59:59", True),  # the night that lacks an hour: 05:59:59 is one UTC hour earlier from here on
        ("2026-03-29T04:00:00", False),
        ("2026-10-25T04:59:59", True),  # the night with one hour twice
        ("2026-10-25T05:00:00", False),
    ],
)
def test_hours_are_on_the_users_wall_clock(utc: str, holds: bool) -> None:
    camera = RULES_.device(NIGHT)
    assert camera is not None
    local = camera.local(datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert bool(unsafe_objects([one("person", 0.6)], camera.rules[200], local)) is holds


def test_an_hour_that_comes_twice_counts_twice() -> None:
    changed = rules(RULES.replace("22:00-06:00", "02:15-02:45")).device(NIGHT)
    assert changed is not None
    hours = changed.rules[200].hours
    assert hours is not None
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
    held = [hours.holds_at(changed.local(moment).time()) for moment in moments]
    assert held == [True, True, False]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (one("person", 0.6), "out-of-hours"),
        (one("person", 0.1), "out-of-hours"),
        (one("dog", 0.79), "below-probability"),
        (one("dog", 0.8), None),
        (one("Dog", 0.9), "not-unsafe"),
        (one("chair", 1.0), "not-unsafe"),
    ],
)
def test_the_reason_is_that_of_the_nearest_rule(seen: DetectedObject, reason: str | None) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert nearest_miss(seen, (RULES_.rules[100], RULES_.rules[200]), noon) == reason


def test_no_rules_call_nothing_unsafe() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert nearest_miss(one("person", 1.0), (), noon) == "not-unsafe"
    assert why_safe(one("person", 0.5), RULES_.rules[300], noon) is None


@pytest.mark.parametrize(
    ("seen", "unseen"),
    [
        ({"person", "dog", "cat", "bird"}, {}),
        ({"person", "dog"}, {100: ("cat", "bird")}),
        (set(), {100: ("dog", "cat", "bird"), 200: ("person",), 300: ("person",)}),
    ],
)
def test_labels_that_no_model_can_see(seen: set[str], unseen: dict[int, tuple[str, ...]]) -> None:
    assert RULES_.unseen_labels(seen) == unseen
