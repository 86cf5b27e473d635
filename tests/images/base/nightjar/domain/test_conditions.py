"""The conditions of a rule: each met, missed and at its edge, in zones, over midnight and when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.areas import Box
from nightjar.domain.conditions import CONDITIONS, Scene, Seen, nearest, verdicts, why_not
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.rules import Safe
from nightjar.domain.sights import Thing, overlap_of
from nightjar.domain.topics import Topic
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SMALL: Box = (0.4, 0.4, 0.5, 0.5)


def scene(
    rule: str = "", device: str = "", zone: str = "Europe/Berlin", false_boxes: tuple[FalseBox, ...] = ()
) -> Scene:
    """A camera with the one rule 200, of which `rule` is written besides its name."""
    text = f"""\
version: 1
rules:
  200: {{name: intruder, {rule or "unsafe: [person], min_probability: 50%"}}}
users:
  alice:
    email: alice@example.com
    timezone: {zone}
    rules: [200]
    devices: {{porch: {{{device}}}}}
"""
    camera = parse_rules(text.encode()).device(PORCH)
    assert camera is not None
    return Scene(camera, false_boxes)


def reason(
    where: Scene, label: str = "person", probability: float = 0.9, box: Box = SMALL, at: datetime = NOON
) -> Safe | None:
    """Why the rule does not call the object unsafe."""
    seen = Seen(Thing(label, probability, box), where.camera.local(at))
    return why_not(seen, where.camera.rules[200], where)


def test_conditions_fail_in_the_order_of_their_reasons() -> None:
    """The condition that is reached last is the nearest miss: the reasons are the conditions backwards."""
    strict = scene(
        'unsafe: [person], min_probability: 60%, hours: "00:00-06:00", areas: [yard], min_box: 2%',
        "areas: {yard: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}, masks: [[[0, 0], [0.2, 0], [0, 0.2]]]",
        "UTC",
        (FalseBox(label="person", box=(0.7, 0.7, 0.9, 0.9), confirmed_by="alice", confirmed_at=NOON),),
    )
    night = datetime(2026, 11, 20, 3, tzinfo=UTC)
    cases: list[tuple[str, float, Box, datetime, Safe | None]] = [
        ("dog", 0.1, (0.0, 0.0, 0.05, 0.05), NOON, Safe.NOT_UNSAFE),
        ("person", 0.1, (0.0, 0.0, 0.05, 0.05), NOON, Safe.OUT_OF_HOURS),
        ("person", 0.1, (0.0, 0.0, 0.05, 0.05), night, Safe.MASKED),
        ("person", 0.1, (0.3, 0.3, 0.35, 0.35), night, Safe.OUTSIDE_AREA),
        ("person", 0.1, (0.3, 0.6, 0.35, 0.65), night, Safe.BOX_TOO_SMALL),
        ("person", 0.1, (0.7, 0.7, 0.9, 0.9), night, Safe.BELOW_PROBABILITY),
        ("person", 0.9, (0.7, 0.7, 0.9, 0.9), night, Safe.FALSE_BOX),
        ("person", 0.9, (0.1, 0.7, 0.3, 0.9), night, None),
    ]
    found = [reason(strict, label, probability, box, at) for label, probability, box, at, _ in cases]
    assert found == [expected for *_, expected in cases]
    order = list(Safe)
    places = [order.index(each) for each in found if each]
    assert places == sorted(places, reverse=True)
    assert len(CONDITIONS) == 7


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
    night = scene('unsafe: [person], min_probability: 50%, hours: "22:00-06:00"')
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert reason(night, at=moment) == (None if holds else Safe.OUT_OF_HOURS)


@pytest.mark.parametrize(
    ("zone", "utc", "holds"),
    [
        ("Europe/Berlin", "2026-10-25T00:30:00", True),  # 02:30, twice
        ("Europe/Berlin", "2026-10-25T01:30:00", True),
        ("Europe/Berlin", "2026-10-25T02:30:00", False),
        ("Europe/Berlin", "2026-03-29T00:59:59", False),  # 01:59:59; then it is 03:00: this day has no 02:30
        ("Europe/Berlin", "2026-03-29T01:00:00", False),
        ("America/New_York", "2026-11-01T06:30:00", False),  # 01:30 EST
        ("America/New_York", "2026-11-01T07:30:00", True),
        ("Asia/Kathmandu", "2026-11-20T20:44:00", False),  # 02:29, +05:45
        ("Asia/Kathmandu", "2026-11-20T20:45:00", True),
        ("Pacific/Kiritimati", "2026-11-19T12:30:00", True),  # 02:30 of the next day, +14
        (
            "Australia/Lord_Howe",
            "2026-04-04T15:35:00",
            False,
        ),  # 02:35 at +11; at 02:00 (+11) it is 01:30 (+10:30) again
    ],
)
def test_hours_in_zones_of_all_kinds(zone: str, utc: str, holds: bool) -> None:
    early = scene('unsafe: [person], min_probability: 50%, hours: "02:30-02:45"', zone=zone)
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert reason(early, at=moment) == (None if holds else Safe.OUT_OF_HOURS)


@pytest.mark.parametrize(
    ("hours", "days", "local", "holds"),
    [
        ("22:00-06:00", "fri", "2026-11-20T22:00:00", True),  # a Friday
        ("22:00-06:00", "fri", "2026-11-21T05:59:59", True),  # the hours began on Friday
        ("22:00-06:00", "fri", "2026-11-21T06:00:00", False),
        ("22:00-06:00", "fri", "2026-11-21T22:00:00", False),
        ("22:00-06:00", "fri", "2026-11-20T05:00:00", False),  # of Thursday's hours
        ("22:00-06:00", "thu", "2026-11-20T05:00:00", True),
        ("22:00-06:00", "sun", "2026-11-23T00:00:00", True),  # into Monday
        ("08:00-18:00", "fri", "2026-11-20T08:00:00", True),
        ("08:00-18:00", "fri", "2026-11-21T08:00:00", False),
        ("22:00-24:00", "fri", "2026-11-20T23:59:59", True),
        ("22:00-24:00", "fri", "2026-11-21T00:00:00", False),
        ("00:00-24:00", "sat", "2026-11-21T00:00:00", True),
        ("22:00-00:00", "fri", "2026-11-20T23:00:00", True),
        ("22:00-00:00", "fri", "2026-11-21T00:00:00", False),
        ("", "fri", "2026-11-20T00:00:00", True),
        ("", "fri", "2026-11-20T23:59:59", True),
        ("", "fri", "2026-11-21T00:00:00", False),
        ("22:00-06:00", "sat", "2026-10-25T02:30:00", True),  # the hour that comes twice, of Saturday's hours
        ("22:00-06:00", "sat", "2026-03-29T03:30:00", True),  # after the hour that is missing
        ("22:00-06:00", "sun", "2026-03-29T03:30:00", False),
    ],
)
def test_days_are_those_on_which_the_hours_begin(hours: str, days: str, local: str, holds: bool) -> None:
    written = f'hours: "{hours}", ' if hours else ""
    where = scene(f"unsafe: [person], min_probability: 50%, {written}days: [{days}]")
    moment = datetime.fromisoformat(local).replace(tzinfo=where.camera.timezone)
    assert reason(where, at=moment) == (None if holds else Safe.OUT_OF_HOURS)


def test_a_week_of_nights_is_covered_once() -> None:
    """Each minute of a week belongs to the nights of exactly one day, or to none."""
    nights = [
        scene(f'unsafe: [person], min_probability: 50%, hours: "22:00-06:00", days: [{day}]', zone="Asia/Kolkata")
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    ]
    anybody = scene('unsafe: [person], min_probability: 50%, hours: "22:00-06:00"', zone="Asia/Kolkata")
    for minutes in range(0, 7 * 24 * 60, 30):
        moment = datetime(2026, 11, 16, tzinfo=UTC) + timedelta(minutes=minutes)
        held = [night for night in nights if reason(night, at=moment) is None]
        assert len(held) == (reason(anybody, at=moment) is None)


YARD = "areas: {yard: [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]], door: [[0, 0], [0.3, 0], [0.3, 0.3], [0, 0.3]]}"


@pytest.mark.parametrize(
    ("rule", "box", "area"),
    [
        ("areas: [yard]", (0.4, 0.1, 0.6, 0.5), "yard"),  # the foot is inside
        ("areas: [yard]", (0.4, 0.5, 0.6, 0.9), None),  # the foot is below it
        ("areas: [yard]", (0.4, 0.5, 0.6, 0.8), "yard"),  # on the edge
        ("areas: [yard]", (0.1, 0.5, 0.3, 0.6), "yard"),  # on the left edge
        ("areas: [yard]", (0.1, 0.5, 0.29, 0.6), None),
        ("areas: [yard], stands_at: centre", (0.4, 0.5, 0.6, 0.9), "yard"),
        ("areas: [yard], stands_at: centre", (0.4, 0.8, 0.6, 0.9), None),
        ("areas: [yard], stands_at: touch", (0.4, 0.8, 0.6, 0.9), "yard"),
        ("areas: [yard], stands_at: touch", (0.0, 0.0, 1.0, 1.0), "yard"),
        ("areas: [yard], stands_at: touch", (0.85, 0.85, 1.0, 1.0), None),
        ("areas: [yard, door]", (0.24, 0.1, 0.26, 0.25), "yard"),  # in both: the first that the rule names
        ("areas: [door, yard]", (0.24, 0.1, 0.26, 0.25), "door"),
        ("areas: [door, yard]", (0.5, 0.1, 0.6, 0.5), "yard"),
        ("not_areas: [door]", (0.5, 0.1, 0.6, 0.5), ""),
        ("not_areas: [door]", (0.0, 0.1, 0.2, 0.2), None),
        ("areas: [yard], not_areas: [door]", (0.24, 0.1, 0.26, 0.25), None),
        ("areas: [yard], not_areas: [door], stands_at: touch", (0.29, 0.29, 0.6, 0.6), None),
    ],
)
def test_areas_in_and_out(rule: str, box: Box, area: str | None) -> None:
    where = scene(f"unsafe: [person], min_probability: 50%, {rule}", YARD)
    [(topic, why)] = verdicts(Thing("person", 0.9, box), where.camera.local(NOON), where)
    assert why == (Safe.OUTSIDE_AREA if area is None else None)
    assert topic == Topic(200, "person", area or "")


@pytest.mark.parametrize(
    ("rule", "box", "expected"),
    [
        ("", (0.0, 0.0, 0.1, 0.1), Safe.MASKED),
        ("", (0.2, 0.2, 0.4, 0.4), None),  # the foot is at 0.3, 0.4
        ("stands_at: centre", (0.0, 0.0, 0.6, 0.6), Safe.MASKED),  # on the mask's corner
        ("stands_at: touch", (0.25, 0.25, 0.9, 0.9), None),  # it touches the mask, and is not in it
        ("stands_at: touch", (0.0, 0.0, 0.1, 0.1), Safe.MASKED),
    ],
)
def test_masks(rule: str, box: Box, expected: Safe | None) -> None:
    where = scene(
        f"unsafe: [person], min_probability: 50%, {rule}", "masks: [[[0, 0], [0.3, 0], [0.3, 0.3], [0, 0.3]]]"
    )
    assert reason(where, box=box) == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.0, 0.0, 0.1, 0.1), Safe.BOX_TOO_SMALL),
        ((0.0, 0.0, 0.25, 0.25), None),  # a sixteenth: the least
        ((0.0, 0.0, 0.5, 0.5), None),  # a quarter: the most
        ((0.0, 0.0, 0.5, 0.75), Safe.BOX_TOO_LARGE),
    ],
)
def test_the_size_of_the_box(box: Box, expected: Safe | None) -> None:
    where = scene("unsafe: [person], min_probability: 50%, min_box: 6.25%, max_box: 25%")
    assert reason(where, box=box) == expected


@pytest.mark.parametrize(
    ("rule", "label", "probability", "expected"),
    [
        ("unsafe: [person], min_probability: 60%", "person", 0.6, None),
        ("unsafe: [person], min_probability: 60%", "person", 0.5999, Safe.BELOW_PROBABILITY),
        ("unsafe: {person: 60%, car: 80%}", "car", 0.79, Safe.BELOW_PROBABILITY),
        ("unsafe: {person: 60%, car: 80%}", "car", 0.8, None),
        ("unsafe: {person: 60%, car: 80%}", "person", 0.6, None),
        ("unsafe: {person: , car: 80%}, min_probability: 30%", "person", 0.3, None),
        ("unsafe: {person: 0%}", "person", 0.0, None),
        ("unsafe: [person], min_probability: 60%", "Person", 0.9, Safe.NOT_UNSAFE),
        ("unsafe: [person], min_probability: 60%", "dog", 1.0, Safe.NOT_UNSAFE),
    ],
)
def test_probability_for_each_label(rule: str, label: str, probability: float, expected: Safe | None) -> None:
    assert reason(scene(rule), label, probability) == expected


@pytest.mark.parametrize(
    ("label", "box", "expected"),
    [
        ("person", (0.4, 0.4, 0.5, 0.5), Safe.FALSE_BOX),
        ("person", (0.4, 0.4, 0.5, 0.48), Safe.FALSE_BOX),  # four fifths: the least
        ("person", (0.4, 0.4, 0.5, 0.47), None),
        ("person", (0.6, 0.4, 0.7, 0.5), None),
        ("dog", (0.4, 0.4, 0.5, 0.5), None),
    ],
)
def test_false_boxes(label: str, box: Box, expected: Safe | None) -> None:
    false = FalseBox(label="person", box=SMALL, overlap=0.79, confirmed_by="alice", confirmed_at=NOON)
    where = scene("unsafe: [person, dog], min_probability: 50%", false_boxes=(false,))
    assert reason(where, label, box=box) == expected


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((0.0, 0.0, 0.5, 0.5), (0.0, 0.0, 0.5, 0.5), 1.0),
        ((0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0, 0.5), 0.0),  # side by side
        ((0.0, 0.0, 0.5, 0.5), (0.25, 0.0, 0.75, 0.5), 1 / 3),
        ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.5, 0.5), 0.25),
        ((0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5), 1.0),  # boxes without an area
        ((0.5, 0.5, 0.5, 0.5), (0.0, 0.0, 1.0, 1.0), 0.0),
    ],
)
def test_the_overlap_of_boxes(one: Box, other: Box, overlap: float) -> None:
    assert overlap_of(one, other) == pytest.approx(overlap)
    assert overlap_of(other, one) == pytest.approx(overlap)


def test_of_several_reasons_the_nearest_is_told() -> None:
    assert nearest([Safe.OUT_OF_HOURS, Safe.STATIC, Safe.MASKED]) is Safe.STATIC
    assert nearest([]) is Safe.NOT_UNSAFE
