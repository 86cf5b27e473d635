"""The words of an alert: times on the user's clock, names from outside as text."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.events import Event, ThreatPicture, summary_of
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules
from nightjar.runtime.rules import parse_rules
from nightjar_notify.message import Message, compose
from tests.bucket import PORCH
from tests.scenes import DETECTOR, DOOR, RULES, detection, objects


def about(
    *moments: str,
    camera: Camera = PORCH,
    site: str | None = None,
    rules: str = RULES,
    seen: dict[str, float] | None = None,
) -> tuple[Event, CameraRules]:
    times = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments]
    threats = [
        ThreatPicture(
            picture=detection(camera, t, {}).picture, detector=DETECTOR, objects=objects(seen or {"person": 0.9})
        )
        for t in times
    ]
    event = Event(
        id="0123456789abcdef",
        day=times[0].date(),
        user=camera.user,
        device=camera.device,
        site=site,
        rule_id=300,
        rule_name="anybody",
        rules_sha256="0" * 64,
        **summary_of(threats),
    )
    settings = parse_rules(rules.encode()).device(camera)
    assert settings is not None
    return event, settings


def message(*moments: str, **options: Any) -> Message:
    return compose(*about(*moments, **options), b"jpeg", possibly_repeated=False)


@pytest.mark.parametrize(
    ("camera", "moments", "clock", "when"),
    [
        (PORCH, ["2026-11-20T21:14:03"], "22:14", "Friday 20 November 2026, 22:14:03 CET (Europe/Berlin)"),
        (PORCH, ["2026-07-03T21:14:03"], "23:14", "Friday 3 July 2026, 23:14:03 CEST (Europe/Berlin)"),
        (DOOR, ["2026-11-20T03:00:00"], "22:00", "Thursday 19 November 2026, 22:00:00 EST (America/New_York)"),
        (
            PORCH,
            ["2026-11-20T21:14:03", "2026-11-20T21:14:40"],
            "22:14",
            "Friday 20 November 2026, 22:14:03 to 22:14:40 CET (Europe/Berlin)",
        ),
        (
            PORCH,
            ["2026-11-20T22:59:50", "2026-11-20T23:00:10"],
            "23:59",
            "Friday 20 November 2026, 23:59:50 CET to Saturday 21 November 2026, 00:00:10 CET (Europe/Berlin)",
        ),
        (  # the clock goes back from 03:00 CEST to 02:00 CET
            PORCH,
            ["2026-10-25T00:59:50", "2026-10-25T01:00:10"],
            "02:59",
            "Sunday 25 October 2026, 02:59:50 CEST to Sunday 25 October 2026, 02:00:10 CET (Europe/Berlin)",
        ),
        (PORCH, ["2026-11-20T21:14:03.250"], "22:14", "Friday 20 November 2026, 22:14:03 CET (Europe/Berlin)"),
    ],
)
def test_times_are_those_of_the_users_clock(camera: Camera, moments: list[str], clock: str, when: str) -> None:
    made = message(*moments, camera=camera)
    assert made.subject.endswith(f", {clock}")
    assert f"When     {when}\n" in made.text
    assert when in made.html


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"person": 0.9}, "Person at"),
        ({"person": 0.9, "dog": 0.8}, "Person and dog at"),
        ({"dog": 0.9, "person": 0.8, "cat": 0.7}, "Dog, person and cat at"),
        ({"dog": 0.9, "person": 0.8, "cat": 0.7, "bird": 0.6, "cow": 0.5}, "Dog, person, cat and more at"),
        ({"dining table": 0.9}, "Dining table at"),
    ],
)
def test_the_subject_says_what_the_likeliest_first(seen: dict[str, float], words: str) -> None:
    assert message("2026-11-20T21:14:03", seen=seen).subject.startswith(words)


HOSTILE = """<script>alert("x")</script>{{ 7*7 }}&'"""


def test_names_from_outside_are_text() -> None:
    rules = RULES.replace("anybody", "'" + HOSTILE.replace("'", "''") + "'")
    made = message("2026-11-20T21:14:03", site=HOSTILE, rules=rules, seen={HOSTILE: 0.9})
    assert HOSTILE in made.text
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "{{ 7*7 }}" in made.html
    assert "49" not in made.html
    assert "\n" not in made.subject


def test_the_rule_is_told_as_it_holds_and_by_name_when_it_is_gone() -> None:
    event, camera = about("2026-11-20T21:14:03")
    text = compose(event, camera, None, possibly_repeated=False).text
    assert "Rule     anybody (300): person from 50 %\n" in text
    gone = event.model_copy(update={"rule_id": 999})
    assert "Rule     anybody (999)\n" in compose(gone, camera, None, possibly_repeated=False).text


def test_the_text_is_all_there_is_to_know() -> None:
    made = message("2026-11-20T21:14:03", "2026-11-20T21:14:33", site="home")
    assert made.text == (
        "Person at alice-porch (home)\n"
        "Friday 20 November 2026, 22:14 CET\n"
        "\n"
        "What     person 90 %\n"
        "Where    alice-porch (home)\n"
        "When     Friday 20 November 2026, 22:14:03 to 22:14:33 CET (Europe/Berlin)\n"
        "Rule     anybody (300): person from 50 %\n"
        "Seen in  2 pictures, the clearest at 22:14:03\n"
        "Event    0123456789abcdef\n"
        "\n"
        "You get this because of the rule for alice-porch; whoever runs Nightjar for you can change it.\n"
    )
    assert made.recipient == "alice@example.com"
