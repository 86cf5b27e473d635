"""Who is told of what: switched off, muted, quiet, cooling down, capped, late; the same however often it is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.policy import Ended, Held, Period, Telling, held_back, needs_state, reserve, undo
from nightjar.domain.reactions import Mute
from nightjar.domain.rules import CameraRules, Cap, Severity
from nightjar.domain.windows import Hours
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH
from tests.scenes import RULES, after

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOURS = timedelta(hours=6)
INFO, WARNING, CRITICAL = Severity


def rules(**values: Any) -> CameraRules:
    camera = parse_rules(RULES.encode()).device(PORCH)
    assert camera is not None
    return replace(camera, **values)


def mute(hours: float) -> Mute:
    """Until so many hours after NOON."""
    return Mute(user="alice", device="porch", until=NOON + timedelta(hours=hours), by="link", at=NOON)


NIGHT = Hours.parse("23:00-06:00")  # 22:00 to 05:00 UTC in a Berlin winter, 21:00 to 04:00 in summer


@pytest.mark.parametrize(
    ("ended_at", "values", "muted", "severity", "held"),
    [
        (NOON, {}, None, WARNING, None),
        (NOON, {"alerts_enabled": False}, None, CRITICAL, Held.ALERTS_OFF),
        (NOON, {"alerts_since": NOON}, None, WARNING, None),
        (NOON, {"alerts_since": NOON + timedelta(seconds=1)}, None, CRITICAL, Held.ALERTS_OFF),
        (NOON, {}, mute(1), CRITICAL, Held.MUTED),
        (NOON, {}, mute(0), WARNING, None),  # it went on until the mute was over
        (NOON, {}, mute(-1), WARNING, None),
        (NOON, {"mute_until": NOON + HOURS}, None, WARNING, Held.MUTED),
        (NOON, {"mute_until": NOON + HOURS}, mute(-1), WARNING, Held.MUTED),  # the later one holds
        (NOON, {"mute_until": NOON - HOURS}, mute(1), WARNING, Held.MUTED),
        (NOON - HOURS, {}, None, WARNING, None),
        (NOON - HOURS - timedelta(seconds=1), {}, None, CRITICAL, Held.TOO_LATE),
        (NOON.replace(hour=21, minute=59), {"quiet_hours": NIGHT}, None, WARNING, None),
        (NOON.replace(hour=22), {"quiet_hours": NIGHT}, None, WARNING, Held.QUIET_HOURS),
        (NOON.replace(hour=22), {"quiet_hours": NIGHT}, None, INFO, Held.QUIET_HOURS),
        (NOON.replace(hour=22), {"quiet_hours": NIGHT}, None, CRITICAL, None),
        (NOON.replace(day=21, hour=4, minute=59), {"quiet_hours": NIGHT}, None, WARNING, Held.QUIET_HOURS),
        (NOON.replace(day=21, hour=5), {"quiet_hours": NIGHT}, None, WARNING, None),
        (datetime(2026, 7, 1, 21, 0, tzinfo=UTC), {"quiet_hours": NIGHT}, None, WARNING, Held.QUIET_HOURS),
        # The clock goes back at 03:00 on 25 October: 23:00-06:00 ends an hour later in UTC.
        (datetime(2026, 10, 25, 4, 59, tzinfo=UTC), {"quiet_hours": NIGHT}, None, WARNING, Held.QUIET_HOURS),
        (datetime(2026, 10, 25, 5, 0, tzinfo=UTC), {"quiet_hours": NIGHT}, None, WARNING, None),
        # And forward at 02:00 on 29 March.
        (datetime(2026, 3, 29, 3, 59, tzinfo=UTC), {"quiet_hours": NIGHT}, None, WARNING, Held.QUIET_HOURS),
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), {"quiet_hours": NIGHT}, None, WARNING, None),
    ],
)
def test_what_the_rules_and_a_mute_hold_back(
    ended_at: datetime, values: dict[str, Any], muted: Mute | None, severity: Severity, held: Held | None
) -> None:
    now = NOON if ended_at <= NOON and (NOON - ended_at) < DAY else ended_at
    assert held_back(ended_at, severity, rules(**values), muted, now, HOURS) is held


def at(seconds: float, severity: Severity = WARNING) -> Ended:
    return Ended(after(seconds, NOON), severity)


def told(
    camera: CameraRules, *messages: dict[str, Ended], step: float = 60
) -> tuple[Telling, list[dict[str, Held]], list[datetime | None]]:
    """The events held back of each message, when these are asked for in order, `step` seconds apart."""
    telling, held, capped = Telling(user="alice"), [], []
    for number, message in enumerate(messages):
        reserved = reserve(telling, camera, message, after(number * step, NOON))
        telling = reserved.telling
        held.append(dict(reserved.held))
        capped.append(reserved.capped)
    return telling, held, capped


COOLING = rules(cool_down=timedelta(seconds=600))


@pytest.mark.parametrize(
    ("messages", "held"),
    [
        ([{"a": at(0)}], [{}]),
        ([{"a": at(0)}, {"b": at(50)}], [{}, {"b": Held.COOL_DOWN}]),
        ([{"a": at(0)}, {"b": at(599)}, {"b": at(600)}], [{}, {"b": Held.COOL_DOWN}, {}]),  # it went on: it is told
        ([{"a": at(0), "b": at(1)}], [{}]),  # one message
        ([{"a": at(0)}, {"a": at(50)}], [{}, {}]),  # a task that is repeated
        ([{"a": at(0)}, {"a": at(50), "b": at(50)}], [{}, {"b": Held.COOL_DOWN}]),
        ([{"a": at(0)}, {"b": at(50, CRITICAL)}, {"c": at(55)}], [{}, {}, {"c": Held.COOL_DOWN}]),
        ([{"a": at(0, CRITICAL)}, {"b": at(50, CRITICAL)}], [{}, {"b": Held.COOL_DOWN}]),
        ([{"a": at(0)}, {"b": at(50, INFO)}], [{}, {"b": Held.COOL_DOWN}]),
        # An event that was held back starts no cool-down of its own.
        ([{"a": at(0)}, {"b": at(590)}, {"c": at(601)}], [{}, {"b": Held.COOL_DOWN}, {}]),
    ],
)
def test_a_cool_down_is_counted_from_the_last_alert(
    messages: list[dict[str, Ended]], held: list[dict[str, Held]]
) -> None:
    assert told(COOLING, *messages)[1] == held


def test_a_cool_down_is_of_one_camera() -> None:
    telling = told(COOLING, {"a": at(0)})[0]
    other = replace(COOLING, camera=Camera("alice", "yard"))
    assert reserve(telling, other, {"b": at(50)}, after(60, NOON)).held == {}


CAPPED = rules(cap=Cap(alerts=2, hours=1))


@pytest.mark.parametrize(
    ("messages", "held", "capped"),
    [
        ([{"a": at(0)}, {"b": at(1)}], [{}, {}], [None, None]),
        ([{"a": at(0)}, {"b": at(1)}, {"c": at(2)}], [{}, {}, {"c": Held.CAP}], [None, None, NOON]),
        ([{"a": at(0), "b": at(1)}, {"c": at(2)}], [{}, {}], [None, None]),  # several events are one message
        # Whoever repeats a task gets the same answers, and uses up nothing.
        ([{"a": at(0)}, {"a": at(0)}, {"a": at(9)}, {"b": at(1)}], [{}] * 4, [None] * 4),
        (
            [{"a": at(0)}, {"b": at(1)}, {"c": at(2)}, {"c": at(2)}, {"b": at(1)}],
            [{}, {}, {"c": Held.CAP}, {"c": Held.CAP}, {}],
            [None, None, NOON, NOON, None],
        ),
        # The period ends an hour after its first message, for events that end then.
        (
            [{"a": at(0)}, {"b": at(1)}, {"c": at(3599)}, {"d": at(3600)}],
            [{}, {}, {"c": Held.CAP}, {}],
            [None, None, NOON, None],
        ),
        # An event that joins a message that was begun does not make it two.
        ([{"a": at(0)}, {"b": at(1)}, {"b": at(1), "c": at(2)}], [{}, {}, {}], [None, None, None]),
    ],
)
def test_a_cap_is_for_a_user_and_a_period(
    messages: list[dict[str, Ended]], held: list[dict[str, Held]], capped: list[datetime | None]
) -> None:
    _, seen, periods = told(CAPPED, *messages)
    assert (seen, periods) == (held, capped)


def test_a_cap_is_of_all_cameras_of_a_user() -> None:
    telling = told(CAPPED, {"a": at(0)}, {"b": at(1)})[0]
    other = replace(CAPPED, camera=Camera("alice", "yard"))
    assert reserve(telling, other, {"c": at(2)}, after(9, NOON)).held == {"c": Held.CAP}


def test_the_state_stays_small() -> None:
    many = rules(cap=Cap(alerts=100_000, hours=24))
    telling = Telling(user="alice")
    for number in range(600):
        events = {f"{number}-{n}": at(number) for n in range(100)}
        telling = reserve(telling, many, events, after(number, NOON)).telling
    assert telling.period is not None
    assert telling.period.count == 600
    assert len(telling.model_dump_json()) < 400_000
    assert len(telling.cameras) == 1


def test_a_message_that_reached_nobody_does_not_count() -> None:
    both = rules(cap=Cap(alerts=1, hours=1), cool_down=timedelta(seconds=600))
    telling = told(both, {"a": at(0)})[0]
    assert reserve(telling, both, {"b": at(9)}, after(9, NOON)).held == {"b": Held.COOL_DOWN}
    undone = undo(telling, PORCH, ("a",))
    assert undone.cameras == {}
    assert undone.period == Period(began=NOON, count=0)
    assert reserve(undone, both, {"b": at(9)}, after(9, NOON)).held == {}
    assert undo(telling, PORCH, ("other",)) == telling


@pytest.mark.parametrize(("camera", "needed"), [(rules(), False), (COOLING, True), (CAPPED, True)])
def test_nothing_is_read_or_written_for_who_wants_neither(camera: CameraRules, needed: bool) -> None:
    assert needs_state(camera) is needed
