"""Rules in force: hours and days on the user's wall clock, across midnight and the change of clocks."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.armed import armed_rules
from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "days", "moment", "armed"),
    [
        (None, None, "2026-11-20T12:00", True),
        (None, ["fri"], "2026-11-20T22:59", True),
        (None, ["fri"], "2026-11-20T23:00", False),  # Saturday in Berlin
        ("22:00-06:00", None, "2026-11-20T20:59", False),
        ("22:00-06:00", None, "2026-11-20T21:00", True),
        ("22:00-06:00", None, "2026-11-21T04:59", True),
        ("22:00-06:00", None, "2026-11-21T05:00", False),
        ("22:00-06:00", ["fri"], "2026-11-21T04:59", True),  # it began on Friday
        ("22:00-06:00", ["sat"], "2026-11-21T04:59", False),
        ("22:00-06:00", ["fri"], "2026-11-20T04:59", False),
        ("08:00-12:00", ["fri"], "2026-11-20T07:00", True),
        ("08:00-12:00", ["fri"], "2026-11-20T06:59", False),
        ("22:00-24:00", ["fri"], "2026-11-20T22:59", True),
        ("02:00-03:00", None, "2026-10-25T00:30", True),  # the clock shows this hour twice
        ("02:00-03:00", None, "2026-10-25T01:30", True),
        ("02:00-03:00", None, "2026-03-29T01:30", False),  # and here not at all
    ],
)
def test_armed(hours: str | None, days: list[str] | None, moment: str, armed: bool) -> None:
    rule = {"name": "intruder", "unsafe": ["person"], "min_probability": 0.6, "hours": hours, "days": days}
    user = {"email": "a@example.com", "timezone": "Europe/Berlin", "rules": [200], "devices": {"porch": {}}}
    rules = Rules.model_validate({"rules": {200: rule}, "users": {"alice": user}})
    camera = rules.device(Camera("alice", "porch"))
    assert camera is not None
    assert armed_rules(camera, at(moment)) == (("intruder",) if armed else ())
