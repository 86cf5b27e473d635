"""The notice of a day's digest: what was held back, camera by camera, and the troubles that are open."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from nightjar.domain.alerts import DigestLine
from nightjar.domain.labels import listed
from nightjar.domain.notices import Notice, NoticeKind, Row, Section
from nightjar.domain.places import place
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.tally import many
from nightjar.domain.troubles import Trouble
from nightjar_notify.wording.locale import Writing
from nightjar_tell.equipment_notice import trouble_in_short

_MOST_ROWS = 40  # of a camera
_WHY = {
    "too-late": "arrived too late",
    "muted": "the camera was muted",
    "quiet-hours": "in your quiet hours",
    "cool-down": "soon after another alert",
    "cap": "you had as many alerts as you want",
    "alerts-off": "alerts were off",
}


def digest_notice(
    user: str,
    day: date,
    lines: Sequence[DigestLine],
    open_troubles: Sequence[tuple[Trouble, str]],
    recipient: Recipient,
    due: datetime,
) -> Notice:
    """The digest of the user's `day`, which was due at `due`; there is at least one line.

    `open_troubles` are told with the place of their camera.
    """
    writing = Writing.of(recipient)
    events, others = [line for line in lines if line.event_key], [line for line in lines if not line.event_key]
    parts = [many(len(events), "event")] if events else []
    parts += [f"{many(len(open_troubles), 'camera trouble')}"] if open_troubles else []
    headline = f"Your digest: {listed(parts or [many(len(others), 'notice')])}"
    return Notice(
        id=f"digest-{user}-{day.isoformat()}",
        kind=NoticeKind.DIGEST,
        severity=Severity.INFO,
        headline=headline,
        subject=f"{headline}, {writing.day(due)}",
        when=writing.line(due),
        at=recipient.local(due),
        user=user,
        sections=(*_held_back(lines, writing), *_in_trouble(open_troubles, writing)),
        paragraphs=("You were not alerted of these when they happened.",) if lines else (),
        why="You get this because you want a daily digest. A day on which nothing is held back has none.",
        internal=f"User {user}, digest of {day.isoformat()}",
        language=recipient.language,
    )


def _held_back(lines: Sequence[DigestLine], writing: Writing) -> list[Section]:
    """A section for each camera and day, so that a row has room on a phone."""
    sections: dict[tuple[str, date], list[DigestLine]] = defaultdict(list)
    for line in lines:
        began = line.started_at.astimezone(writing.timezone).date()
        sections[place(line.device, line.site), began].append(line)
    return [_section(where, sorted(held, key=_began), writing) for (where, _), held in sorted(sections.items())]


def _section(where: str, lines: Sequence[DigestLine], writing: Writing) -> Section:
    shown = lines[:_MOST_ROWS]
    left = len(lines) - len(shown)
    title = f"{where}, {writing.day(lines[0].started_at)}"
    return Section(title, tuple(_row(line, writing) for line in shown), f"and {left:,} more" if left else "")


def _row(line: DigestLine, writing: Writing) -> Row:
    when = writing.short_span(line.started_at, line.ended_at)
    why = _WHY.get(line.reason, line.reason.replace("-", " "))
    if not line.event_key:  # a trouble, in words
        return Row(when, line.rule_name, why)
    labels = sorted(line.labels.items(), key=lambda each: -each[1])
    seen = ", ".join(f"{label} {writing.likely(p)}" for label, p in labels)
    return Row(when, f"{seen} ({line.rule_name})", f"{many(line.pictures, 'picture')}; {why}")


def _in_trouble(open_troubles: Sequence[tuple[Trouble, str]], writing: Writing) -> list[Section]:
    rows = [
        Row(
            writing.minute(trouble.since),
            trouble_in_short(trouble, where, writing),
            f"since {writing.day(trouble.since)}",
        )
        for trouble, where in open_troubles
    ]
    return [Section("Cameras in trouble", tuple(rows))] if rows else []


def _began(line: DigestLine) -> tuple[datetime, str]:
    return line.started_at, line.event_id
