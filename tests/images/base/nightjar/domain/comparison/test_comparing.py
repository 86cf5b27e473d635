"""One user on both sides: objects, events and alerts gained and lost, what people said, and the telling pictures."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from nightjar.domain.comparison.adding import add_up, unseen_labels
from nightjar.domain.comparison.comparing import BothAt, Sides, compare_user
from nightjar.domain.comparison.documents import Change, Kind, SideRef, Tally, UserCompared
from nightjar.domain.comparison.pictures import most_telling
from nightjar.domain.comparison.reviewed import Said
from nightjar.domain.detections import Detection
from nightjar.domain.reactions import ReviewVerdict
from nightjar.domain.why_not_sent import NOT_SEEN
from nightjar.errors import InputError
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH
from tests.images.base.nightjar.cli.trials import IN_FORCE, at
from tests.scenes import BOX, DETECTOR, detection

RULES = parse_rules(IN_FORCE.encode())
START, END = at("00:00"), at("00:00", day=1)
NEAR, OID = SideRef(detector="near", labels=("person", "car", "dog")), SideRef(detector="oid", labels=("person", "car"))
OTHER = DETECTOR.model_copy(update={"tag": "d2", "sha256": "1" * 64})


def looked(seen: Sequence[tuple[str, dict[str, float]]], day: int = 0) -> list[Detection]:
    return [detection(PORCH, at(clock, day), objects, OTHER) for clock, objects in seen]


def compared(
    before: list[Detection], after: list[Detection], said: Sequence[Said] = (), sides: Sides | None = None
) -> UserCompared:
    sides = sides or Sides(NEAR, OID, RULES, RULES, START, END)
    return compare_user("alice", sides, [BothAt(PORCH, before, after)], said)


def tallies(part: UserCompared) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    return {
        (str(each.kind), each.label): (each.tally.before, each.tally.after, each.tally.gained, each.tally.lost)
        for each in part.counts
    }


def said_of(clock: str, verdict: ReviewVerdict, label: str = "person") -> Said:
    moment = at(clock)
    return Said(f"event-{clock}", PORCH, label, verdict, moment, moment)


BEFORE = looked([("09:00", {"person": 0.9}), ("12:00", {"person": 0.8, "zebra": 0.9}), ("15:00", {})])
AFTER = looked([("09:00", {"person": 0.9}), ("12:00", {"person": 0.4}), ("15:00", {"car": 0.7})])


def test_gained_and_lost() -> None:
    part = compared(BEFORE, AFTER)
    assert (part.pictures, part.cameras) == (3, 1)
    assert tallies(part) == {
        ("alerts", "car"): (0, 1, 1, 0),
        ("alerts", "person"): (2, 1, 0, 1),
        ("events", "car"): (0, 1, 1, 0),
        ("events", "person"): (2, 1, 0, 1),
        ("objects", "car"): (0, 1, 1, 0),
        ("objects", "person"): (2, 1, 0, 1),  # the zebra is of a label that neither detector says it can see
    }
    alerts = {(each.change, each.label): each for each in part.examples if each.kind == Kind.ALERTS}
    assert set(alerts) == {(Change.LOST, "person"), (Change.GAINED, "car")}
    lost = alerts[Change.LOST, "person"]
    assert (lost.why, lost.rule, lost.severity) == ("below-probability", "200 intruder", "warning")
    assert [each.probability for each in lost.before] == [0.8]
    assert [each.probability for each in lost.after] == [0.4]  # not sure enough, and shown
    assert alerts[Change.GAINED, "car"].why == NOT_SEEN


@pytest.mark.parametrize(
    ("before", "after"),
    [([], []), (BEFORE, BEFORE), (looked([("09:00", {})]), looked([("09:00", {})]))],
)
def test_the_same_on_both_sides(before: list[Detection], after: list[Detection]) -> None:
    part = compared(before, after)
    assert all(each.tally.gained == each.tally.lost == 0 for each in part.counts)
    assert part.examples == ()


def test_the_day_before_decides_what_is_news_and_is_not_counted() -> None:
    late = looked([("23:59:50", {"person": 0.9})], day=-1)
    early = looked([("00:00:10", {"person": 0.9})])
    part = compared([*late, *early], [*late, *early])
    assert tallies(part) == {("objects", "person"): (1, 1, 0, 0)}  # the event began, and was told, before
    assert part.pictures == 1


def test_other_rules_over_the_same_detector() -> None:
    strict = parse_rules(IN_FORCE.replace("60%", "85%").encode())
    sides = Sides(NEAR, NEAR, RULES, strict, START, END)
    part = compared(BEFORE, BEFORE, sides=sides)
    assert tallies(part) == {("alerts", "person"): (2, 1, 0, 1), ("events", "person"): (2, 1, 0, 1)}
    assert [each.why for each in part.examples] == ["below-probability"]


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        (said_of("09:00", ReviewVerdict.FALSE_ALARM), True, True),
        (said_of("12:00", ReviewVerdict.FALSE_ALARM), True, False),
        (said_of("15:00", ReviewVerdict.CONFIRMED, "car"), False, True),
        (said_of("18:00", ReviewVerdict.CONFIRMED), False, False),
    ],
)
def test_reviewed_events(said: Said, before: bool, after: bool) -> None:
    [reviewed] = compared(BEFORE, AFTER, [said]).reviewed
    assert (reviewed.before, reviewed.after) == (before, after)


def test_a_confirmed_event_that_is_lost_is_shown_first() -> None:
    before = looked([("09:00", {"person": 0.99}), ("12:00", {"person": 0.7})])
    after = looked([("09:00", {}), ("12:00", {})])
    part = compared(before, after, [said_of("12:00", ReviewVerdict.CONFIRMED)])
    assert [(each.verdict, each.probability) for each in part.examples[:2]] == [("confirmed", 0.7), ("", 0.99)]
    assert [each.probability for each in most_telling(part.examples, 1)] == [0.7]


def test_the_sum() -> None:
    first, second = compared(BEFORE, AFTER, [said_of("12:00", ReviewVerdict.FALSE_ALARM)]), compared(BEFORE, BEFORE)
    second = second.model_copy(update={"end": END + timedelta(days=1)})
    total = add_up([first, second], unseen_labels(RULES, OID.labels), ["alice-porch: crashed"])
    assert total.total(Kind.ALERTS) == Tally(before=4, after=4, gained=1, lost=1)
    assert [(s.name, s.tally.lost) for s in total.of_kind(total.by_label, Kind.EVENTS)] == [("car", 0), ("person", 1)]
    assert [s.name for s in total.of_kind(total.by_camera, Kind.OBJECTS)] == ["alice-porch"]
    assert (total.users, total.cameras, total.pictures) == (1, 1, 6)
    assert [(w.verdict, w.before, w.gone) for w in total.words] == [("false-alarm", 1, 1)]
    assert total.unseen == ("dog",)
    assert total.failed == ("alice-porch: crashed",)
    assert (total.start, total.end) == (START, second.end)
    with pytest.raises(InputError, match="found none"):
        add_up([])


def test_labels_that_nobody_knows_are_not_said_to_be_unseen() -> None:
    assert unseen_labels(RULES, ()) == []
    assert unseen_labels(None, ("person",)) == []


def test_boxes_are_fractions() -> None:
    assert compared(BEFORE, AFTER).examples[0].before[0].box == BOX
