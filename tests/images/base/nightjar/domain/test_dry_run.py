"""The messages that rules would have sent, and the effect of other rules on them."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from nightjar.domain.dry_run import Replay, happenings, objects_that_matter, replay
from nightjar.domain.judging import judge_pictures
from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.domain.rules_comparison import Change, compare, count
from nightjar.domain.sights import Sight
from nightjar.domain.why_not_sent import Side, reasons_held, why_not_sent
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH, SHOP
from tests.scenes import NOON, after, detection

GAP = timedelta(seconds=60)
PERSON, CAR = {"person": 0.7}, {"car": 0.9}


def rules(rule: str = "", user: str = "", more: str = "") -> Rules:
    """Alice's porch, yard and Bob's shop under one rule, changed as said."""
    text = f"""\
rules:
  200: {{name: intruder, unsafe: [person, car], min_probability: 60%{rule}}}
{more}
users:
  alice: {{email: a@example.com, timezone: UTC, rules: [200], devices: {{porch: , yard: }}{user}}}
  bob: {{email: b@example.com, timezone: UTC, rules: [200], devices: {{shop: }}}}
"""
    return parse_rules(text.encode())


def run(given: Rules, seen: Mapping[float, Mapping[str, float]], camera: Camera = PORCH) -> tuple[Replay, Side]:
    """The messages that one camera's pictures, so many seconds after noon, would have led to."""
    settings = given.device(camera)
    assert settings is not None
    detections = [detection(camera, after(seconds), objects) for seconds, objects in seen.items()]
    judged = judge_pictures([Sight(d.picture.taken_at, d.objects) for d in detections], settings, GAP)
    replayed = replay(camera.user, happenings(settings, detections, judged, GAP))
    return replayed, Side({camera: settings}, {camera: judged}, [replayed])


def sent(replayed: Replay) -> list[tuple[float, str]]:
    """The seconds after noon of each message, and its labels."""
    return [((m.at - NOON).total_seconds(), " ".join(h.topic.label for h in m.about)) for m in replayed.messages]


@pytest.mark.parametrize(
    ("given", "seen", "expected"),
    [
        (rules(), {}, []),
        (rules(), {0: {}}, []),
        (rules(), {0: PERSON}, [(0, "person")]),
        (rules(), {0: PERSON, 60: PERSON, 120: PERSON}, [(0, "person")]),
        (rules(), {0: PERSON, 61: PERSON}, [(0, "person"), (61, "person")]),
        (rules(), {0: CAR | PERSON}, [(0, "car person")]),  # one message, the surest first
        (rules(), {0: CAR, 30: CAR | PERSON, 60: CAR | PERSON}, [(0, "car"), (30, "person")]),
        (rules(", agree: {pictures: 2, within_seconds: 10}"), {0: PERSON}, []),
        (rules(", agree: {pictures: 2, within_seconds: 10}"), {0: PERSON, 20: PERSON, 30: PERSON}, [(30, "person")]),
        (rules(user=", cool_down_seconds: 100"), {0: PERSON, 70: CAR, 100: CAR}, [(0, "person"), (100, "car")]),
        (rules(user=", cap: {alerts: 1, hours: 1}"), {0: PERSON, 70: CAR, 3600: CAR}, [(0, "person"), (3600, "car")]),
        (rules(user=', quiet_hours: "11:00-12:01"'), {0: PERSON, 59: PERSON, 60: PERSON}, [(60, "person")]),
        (rules(user=', mute_until: "2024-11-20T12:00:30Z"'), {0: PERSON, 30: PERSON}, [(30, "person")]),
        (rules(user=", alerts: {enabled: false}"), {0: PERSON}, []),
        (rules(user=", channels: {warning: []}"), {0: PERSON}, []),
        (
            rules(more="static: {after_seconds: 100, forget_seconds: 60}"),
            {0: CAR, 50: CAR, 100: CAR, 170: CAR},
            [(0, "car")],
        ),
    ],
)
def test_messages(given: Rules, seen: Mapping[float, Mapping[str, float]], expected: list[tuple[float, str]]) -> None:
    assert sent(run(given, seen)[0]) == expected


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (', quiet_hours: "11:00-13:00"', "quiet-hours"),
        (', mute_until: "2024-11-21T00:00:00Z"', "muted"),
        (", alerts: {enabled: false}", "alerts-off"),
        (', alerts: {since: "2024-11-21T00:00:00Z"}', "alerts-off"),
        (", channels: {warning: []}", "no-channel"),
    ],
)
def test_what_is_held_back(user: str, reason: str) -> None:
    replayed, side = run(rules(user=user), {0: PERSON, 30: PERSON, 200: PERSON})
    assert replayed.messages == []
    assert reasons_held(replayed.held) == {reason: 2}
    message = run(rules(), {0: PERSON})[0].messages[0]
    assert why_not_sent(message, side, GAP) == reason


@pytest.mark.parametrize(
    ("before", "after_", "expected"),
    [
        ({}, {}, []),
        ({0: PERSON}, {0: PERSON}, [(0, Change.SAME)]),
        ({0: PERSON}, {}, [(0, Change.LOST)]),
        ({}, {0: PERSON}, [(0, Change.GAINED)]),
        ({0: PERSON}, {60: PERSON}, [(60, Change.SAME)]),  # within the gap: about the same
        ({0: PERSON}, {61: PERSON}, [(0, Change.LOST), (61, Change.GAINED)]),
        ({0: PERSON}, {0: CAR}, [(0, Change.LOST), (0, Change.GAINED)]),  # another label is another alert
        ({0: PERSON | CAR}, {0: CAR}, [(0, Change.SAME)]),
        ({0: PERSON, 50: PERSON, 100: PERSON}, {0: PERSON, 100: PERSON}, [(0, Change.SAME), (100, Change.GAINED)]),
        ({0: PERSON, 100: PERSON}, {0: PERSON, 50: PERSON, 100: PERSON}, [(0, Change.SAME), (100, Change.LOST)]),
    ],
)
def test_two_sets_of_rules(
    before: Mapping[float, Mapping[str, float]],
    after_: Mapping[float, Mapping[str, float]],
    expected: list[tuple[float, Change]],
) -> None:
    old, new = (run(rules(), seen)[0].messages for seen in (before, after_))
    pairs = compare(old, new, GAP)
    assert [((pair.at - NOON).total_seconds(), pair.change) for pair in pairs] == expected
    counts = count(pairs)
    assert sum(c.before for c in counts) == len(old)
    assert sum(c.after for c in counts) == len(new)
    assert sum(c.before - c.lost for c in counts) == sum(c.after - c.gained for c in counts)


def test_cameras_do_not_mix() -> None:
    old, new = run(rules(), {0: PERSON})[0].messages, run(rules(), {0: PERSON}, SHOP)[0].messages
    pairs = compare(old, new, GAP)
    assert {pair.change for pair in pairs} == {Change.LOST, Change.GAINED}
    assert [(c.user, c.gained, c.lost) for c in count(pairs)] == [("alice", 0, 1), ("bob", 1, 0)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rules(", max_box: 1%"), "box-too-large"),
        (rules(', hours: "22:00-06:00"'), "out-of-hours"),
        (rules(", agree: {pictures: 3, within_seconds: 10}"), "too-few-pictures"),
        (rules(", severity: info"), "part of another alert"),
    ],
)
def test_why_not(given: Rules, expected: str) -> None:
    message = run(rules(), {0: PERSON})[0].messages[0]
    assert why_not_sent(message, run(given, {0: PERSON})[1], GAP) == expected


def test_why_not_without_the_camera() -> None:
    message = run(rules(), {0: PERSON})[0].messages[0]
    assert why_not_sent(message, run(rules(), {0: PERSON}, SHOP)[1], GAP) == "camera not in the rules"


def test_objects_that_matter() -> None:
    assert objects_that_matter([]) == {}
    plain, static = rules().device(PORCH), rules(more="static: {}").device(PORCH)
    assert plain
    assert static
    assert objects_that_matter([plain]) == {"person": 0.6, "car": 0.6}
    assert objects_that_matter([plain, static]) == {"person": 0.6, "car": 0.0}
