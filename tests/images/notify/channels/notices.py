"""Notices for the tests of channels."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from nightjar.domain.names import Camera
from nightjar.domain.notices import Action, Fact, Notice, NoticeKind, Row, Section
from nightjar.domain.severity import Severity

NOW = datetime(2024, 11, 20, 12, 5, tzinfo=UTC)

NOTICE = Notice(
    id="0193f0",
    kind=NoticeKind.ALERT,
    severity=Severity.CRITICAL,
    headline="Person at Porch, home",
    subject="Person at Porch, home, 13:00",
    when="Wednesday 20 November 2024, 13:00 CET",
    at=NOW,
    user="alice",
    camera=Camera("alice", "porch"),
    place="Porch, home",
    about="0193f0",
    facts=(Fact("What", "person, 95 %"), Fact("Where", "Porch, home")),
    paragraphs=("It goes on.",),
    sections=(Section("Also", (Row("13:01", "a car", "muted"),), more="and one more"),),
    actions=(Action("Mute this camera for 8 hours", link="https://x/nightjar/mute/t0ken"), Action("Why", command="y")),
    why="You get this because of rule intruder.",
    internal="Camera alice-porch, rule 200",
)


def notice(**values: Any) -> Notice:
    """The notice, with other values."""
    return replace(NOTICE, **values)
