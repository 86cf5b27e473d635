"""The day in words: the truth first, its causes, and numbers that add up."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nightjar.domain.alerts import AlertState
from nightjar.domain.deliveries import Delivery
from nightjar.domain.events import Event
from nightjar.domain.policy import Held
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import Unalerted
from nightjar_record.stage import work as record
from nightjar_report.account import as_words, by_reason, duration, notices
from nightjar_report.page import headline, render
from nightjar_report.stage import summary_of
from nightjar_report.summary import AlertedEvent, Summary
from tests.bucket import NOON, PORCH, YARD
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.images.record.world import DAY, World, person


def day_of(world: World) -> Summary:
    run(record, world.close())
    return summary_of(Records(world.store), DAY)


def two_intruders() -> tuple[World, list[Any]]:
    world = World(MemoryStore())
    events = [world.event([world.still(camera, NOON, person())], n) for n, camera in enumerate((PORCH, YARD))]
    return world, events


def test_a_day_on_which_all_intruders_came_too_late_does_not_look_like_a_good_day() -> None:
    world, events = two_intruders()
    for event in events:
        world.too_late(event, seconds=7500)
    summary = day_of(world)
    assert headline(summary) == "2 motion triggers, 0 alerts, 2 events nobody was told about"
    [notice] = notices(summary)
    assert notice.alarming
    assert notice.text == "Nobody was told about 2 events. The cause: footage that came too late for an alert."
    html = render(summary, {}).decode()
    assert html.count("Nobody was told: it came too late. Nightjar saw it 2 h 5 min after its end.") == 2
    assert "Nobody had to be told" not in html
    assert html.index(notice.text) < html.index("What became of every picture")


@pytest.mark.parametrize(
    ("prepare", "cause"),
    [
        (lambda world, event: world.too_late(event), (Unalerted.TOO_LATE, 7200.0)),
        (lambda world, event: world.too_late(event, None), (Unalerted.TOO_LATE, None)),
        (lambda world, event: setattr(world, "is_notified", False), (Unalerted.NOT_TRIED, None)),
        (lambda world, event: world.alert(event), (None, None)),
    ],
    ids=["too late", "too late, as 0.2 wrote it", "notify did not get through", "alerted"],
)
def test_the_cause_is_recorded_with_the_event(prepare: Any, cause: tuple[str | None, float | None]) -> None:
    world, (event, _) = two_intruders()
    prepare(world, event)
    [row] = [each.event for each in day_of(world).events if each.event.id == event.id]
    assert (row.unalerted, row.late_seconds) == cause


def test_every_box_of_the_shown_picture_is_recorded() -> None:
    world = World(MemoryStore())
    world.event([world.still(PORCH, NOON, person(0.9), person(0.7))])
    [each] = day_of(world).events
    assert each.event.best_labels == ["person", "person"]
    assert each.event.best_probabilities == [0.9, 0.7]
    assert each.event.best_boxes == [*person().box, *person().box]


NOT_RECORDED = "Nobody was told. The reason was not recorded: the log of the run's notify task has it."


@pytest.mark.parametrize(
    ("unalerted", "late", "expected"),
    [
        ("too-late", 59.0, "Nobody was told: it came too late. Nightjar saw it 59 s after its end."),
        ("too-late", None, "Nobody was told: it came too late for an alert."),
        ("unknown-camera", None, "Nobody was told: the rules do not know this camera any more."),
        ("not-tried", None, "Nobody was told: sending did not get through. See the run's notify task, then clear it."),
        (None, None, NOT_RECORDED),
        ("of-a-later-release", None, NOT_RECORDED),
    ],
)
def test_the_cause_in_words(unalerted: str | None, late: float | None, expected: str) -> None:
    event = replace(an_event(), unalerted=unalerted, late_seconds=late)
    assert as_words(AlertedEvent(event)) == expected


def test_what_was_held_back_as_somebody_wanted_alarms_nobody() -> None:
    world, events = two_intruders()
    world.too_late(events[0], reason="muted")
    world.too_late(events[1], reason="quiet-hours")
    summary = day_of(world)
    assert headline(summary) == "2 motion triggers, 0 alerts"
    [notice] = notices(summary)
    assert not notice.alarming
    assert notice.text == (
        "Nobody was told about 2 events, as the rules ask. The causes: a camera that was muted (1), quiet hours (1)."
    )
    assert [as_words(each) for each in summary.unalerted] == [
        "Nobody was told: the camera was muted.",
        "Nobody was told: it was within the owner's quiet hours.",
    ]
    assert all(each.event.late_seconds is None for each in summary.unalerted)


@pytest.mark.parametrize("reason", list(Unalerted))
def test_every_cause_has_its_words(reason: Unalerted) -> None:
    world, [event, other] = two_intruders()
    world.alert(other)
    world.too_late(event, reason=reason)
    [first] = day_of(world).unalerted
    assert first.event.unalerted == reason
    assert "The reason was not recorded" not in as_words(first)


def test_every_reason_of_the_policy_can_be_recorded() -> None:
    assert set(map(str, Held)) <= set(map(str, Unalerted))


def deliveries(event: Event, *states: str, told_with: Event | None = None) -> dict[str, object]:
    """The deliveries of the event's alert, by e-mail and by further channels."""
    return {
        "deliveries": tuple(
            Delivery(
                channel=f"way{number}" if number else "email",
                recipient="",
                state=state,
                finished_at=event.ended_at,
                told_with=told_with.ref if told_with else None,
            )
            for number, state in enumerate(states)
        )
    }


def test_an_alert_of_several_deliveries_is_one_and_events_told_together_are_one() -> None:
    world, events = two_intruders()
    world.alert(events[0], AlertState.SENT, **deliveries(events[0], "sent", "failed"))
    world.alert(events[1], AlertState.SENT, **deliveries(events[1], "sent", "failed", told_with=events[0]))
    summary = day_of(world)
    assert headline(summary) == "2 motion triggers, 1 alert"
    assert [len(each.deliveries) for each in summary.events] == [2, 2]
    assert summary.funnel["alerts"] == 1
    assert sum(summary.alerts_by_camera.values()) == 1
    page = render(summary, {}).decode()
    assert page.count("email: sent; way1: failed") == 2


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "1 h"),
        (3660, "1 h 1 min"),
        (86_399, "1 day"),
        (90_000, "1 day 1 h"),
        (14 * 86_400, "14 days"),
    ],
)
def test_time_spans(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, ""),
        ({"a": 1}, "a: 1"),
        (dict.fromkeys("abcdef", 9), "a: 9, b: 9, c: 9, d: 9, e: 9, f: 9"),
        (dict.fromkeys("abcdefg", 9), "a: 9, b: 9, c: 9, d: 9, e: 9, f: 9 and 1 more reason"),
        ({"a": 1200, **dict.fromkeys("bcdefghij", 9)}, "a: 1,200, b: 9, c: 9, d: 9, e: 9, f: 9 and 4 more reasons"),
    ],
)
def test_reasons_in_a_line(counts: Mapping[str, int], expected: str) -> None:
    assert by_reason(counts) == expected


def test_a_broken_rules_file_stands_on_top_until_it_is_mended() -> None:
    broken = Provenance(run="a", problem="line 3: expected a list")
    mended = Provenance(run="b")
    summary = day_of(World(MemoryStore()))
    texts = [notice.text for notice in notices(replace(summary, provenances=(mended, broken)))]
    assert texts == ["The rules file is broken, so the last good rules are in force: line 3: expected a list"]
    assert notices(replace(summary, provenances=(broken, mended))) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "line 1: x"), (3, "line 1: x; line 2: x; line 3: x"), (5, "line 1: x; line 2: x; line 3: x; and 2 more")],
)
def test_the_first_mistakes_in_the_rules_are_told_with_their_lines(number: int, expected: str) -> None:
    problems = tuple(f"line {n}: x" for n in range(1, number + 1))
    made = Provenance(run="a", problem="the last good rules are used: …", problems=problems)
    [notice] = notices(replace(day_of(World(MemoryStore())), provenances=(made,)))
    assert notice.text.endswith(f"in force: {expected}")


def test_a_missing_mail_key_is_said_once_and_alarms_nobody() -> None:
    world, events = two_intruders()
    for event in events:
        world.alert(event, AlertState.OUTBOX)
    summary = day_of(world)
    [notice] = notices(summary)
    assert not notice.alarming
    assert render(summary, {}).decode().count("No key of a mail API is set") == 1


def test_an_alert_that_failed_is_an_event_that_nobody_was_told_about() -> None:
    world, events = two_intruders()
    world.alert(events[0], AlertState.FAILED)
    world.alert(events[1], AlertState.SENT)
    summary = day_of(world)
    assert headline(summary) == "2 motion triggers, 1 alert, 1 event nobody was told about"
    assert [notice.text for notice in notices(summary)] == [
        "1 alert reached nobody: refused by the mail API or another channel."
    ]
