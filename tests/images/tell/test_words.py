"""The words of equipment notices: what is wrong, what that does to alerts, what to do."""

from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.notices import Notice
from nightjar.domain.rules import CameraRules
from nightjar.domain.troubles import Notice as Which
from nightjar.domain.troubles import TroubleKind
from nightjar.runtime.rules import parse_rules
from nightjar_tell.equipment_notice import equipment_notice
from tests.bucket import PORCH
from tests.images.tell.world import HOUR, NOON, RULES, trouble

HOURS = 3600


def camera(which: Camera = PORCH) -> CameraRules:
    found = parse_rules(RULES).device(which)
    assert found
    return found


def notice(kind: str, which: Which = Which.OPENED, **facts: Any) -> Notice:
    one = trouble(kind, **facts)
    ended = one.model_copy(update={"ended_at": NOON + HOUR}) if which is Which.ENDED else one
    return equipment_notice(ended, which, camera(), None, timedelta(hours=6))


@pytest.mark.parametrize(
    ("kind", "facts", "headline", "what"),
    [
        (
            TroubleKind.COVERED,
            {"rules": ["intruder", "anybody"], "pictures": 1},
            "Porch, home is covered",
            'the newest picture is black or of one colour, while "intruder" and "anybody" should look',
        ),
        (
            TroubleKind.VOID,
            {"pictures": 3},
            "Porch, home sees nothing",
            "3 pictures in a row are black or of one colour",
        ),
        (
            TroubleKind.FROZEN,
            {"pictures": 5, "how": "exact"},
            "Porch, home shows the same picture again and again",
            "5 pictures in a row are exactly the same",
        ),
        (
            TroubleKind.FROZEN,
            {"pictures": 25, "how": "noise"},
            "Porch, home shows the same picture again and again",
            "its pictures, one an hour, are the same but for noise",
        ),
        (
            TroubleKind.SILENT,
            {"last_at": NOON - 8 * HOUR, "usual_seconds": 2 * HOURS, "allowed_seconds": 6 * HOURS},
            "Nothing from Porch, home since 05:00",
            "no footage for over 6 h; it mostly sends again within 2 h",
        ),
        (
            TroubleKind.SILENT,
            {"last_at": NOON - 26 * HOUR, "allowed_seconds": 24 * HOURS},
            "Nothing from Porch, home since 11:00",
            "no footage for over 24 h",
        ),
        (
            TroubleKind.SILENT,
            {"allowed_seconds": 24 * HOURS},
            "Porch, home has never sent anything",
            "no footage within 24 h of its being in the rules",
        ),
        (
            TroubleKind.CLOCK,
            {"offset_seconds": 8 * HOURS},
            "The clock of Porch, home is 8 h behind",
            "the times in its names lie 8 h before the arrival, again and again",
        ),
        (
            TroubleKind.CLOCK,
            {"offset_seconds": -1 * HOURS},
            "The clock of Porch, home is 60 min ahead",
            "the times in its names lie 60 min after the arrival, again and again",
        ),
        (
            TroubleKind.CLOCK,
            {"offset_seconds": 56 * 365 * 86_400},
            "The clock of Porch, home has lost the time",
            "the times in its names lie 20440 days before the arrival, again and again",
        ),
        (
            TroubleKind.REFUSED,
            {"refused": 30, "received": 40, "reasons": {"grey": 28, "too-many-pixels": 2}},
            "Most footage of Porch, home is refused",
            "30 of 40 pictures of the last day were refused: no colour (28) and too many pixels (2)",
        ),
        ("of-a-later-release", {}, "Porch, home is in trouble: of-a-later-release", "of-a-later-release"),
    ],
)
def test_what_is_wrong(kind: str, facts: dict[str, Any], headline: str, what: str) -> None:
    made = notice(kind, **facts)
    assert (made.headline, made.facts[0].value) == (headline, what)
    assert made.severity == ("critical" if kind == TroubleKind.COVERED else "warning")


@pytest.mark.parametrize(
    ("offset", "says"),
    [
        (8 * HOURS, "count as 8 h old when they arrive. Events that are older than 6 h are late and are not alerted"),
        (6 * HOURS, "are not alerted"),
        (2 * HOURS, "Alerts from this camera tell a wrong time"),
        (-1 * HOURS, "Footage from such a time is refused"),
        (56 * 365 * 86_400, "Footage from such a time is refused"),
    ],
)
def test_what_a_wrong_clock_does_to_alerts(offset: float, says: str) -> None:
    [meaning] = notice(TroubleKind.CLOCK, offset_seconds=offset).paragraphs
    assert says in meaning
    assert "Set the camera's clock" in meaning


@pytest.mark.parametrize(
    ("kind", "headline"),
    [
        (TroubleKind.COVERED, "Porch, home sees again"),
        (TroubleKind.SILENT, "Porch, home sends again"),
        (TroubleKind.CLOCK, "The clock of Porch, home is right again"),
        ("of-a-later-release", "Porch, home is well again"),
    ],
)
def test_it_is_over(kind: str, headline: str) -> None:
    opened, over = notice(kind), notice(kind, Which.ENDED)
    assert (over.headline, over.about, over.id) == (headline, opened.about, f"{opened.id}-over")
    assert over.kind.is_over and not opened.kind.is_over
    lasted = {fact.name: fact.value for fact in over.facts}["Lasted"]
    assert lasted == "2 h"


def test_every_kind_has_words_and_says_what_to_do() -> None:
    for kind in TroubleKind:
        made, over = notice(kind), notice(kind, Which.ENDED)
        assert "in trouble" not in made.headline and "well again" not in over.headline
        assert made.paragraphs and made.actions
        assert made.actions[0].command == "nightjar mute alice-porch 8h"
