"""Events of which people said something, and whether each side of a comparison still has them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.comparison.documents import ReviewedEvent, Words
from nightjar.domain.comparison.side import JudgedSide
from nightjar.domain.names import Camera


@dataclass(frozen=True)
class Said:
    """The word of a person about an event: what it was about, and when it was."""

    event: str
    camera: Camera
    label: str
    verdict: str
    started_at: datetime
    ended_at: datetime


def on_both_sides(said: Iterable[Said], before: JudgedSide, after: JudgedSide) -> tuple[ReviewedEvent, ...]:
    """Each event with whether the sides have it, by start."""

    def reviewed(each: Said) -> ReviewedEvent:
        has = [side.has(each.camera, each.label, each.started_at, each.ended_at) for side in (before, after)]
        return ReviewedEvent(
            event=each.event,
            device=each.camera.device,
            label=each.label,
            verdict=each.verdict,
            started_at=each.started_at,
            before=has[0],
            after=has[1],
        )

    return tuple(map(reviewed, sorted(said, key=lambda each: (each.started_at, each.event))))


def in_numbers(reviewed: Iterable[ReviewedEvent]) -> tuple[Words, ...]:
    """The events by what people called them: how many each side has, how many go and come with the candidate."""
    by_verdict: dict[str, list[ReviewedEvent]] = {}
    for each in reviewed:
        by_verdict.setdefault(str(each.verdict), []).append(each)
    return tuple(
        Words(
            verdict=verdict,
            reviewed=len(events),
            before=sum(each.before for each in events),
            after=sum(each.after for each in events),
            gone=sum(each.before and not each.after for each in events),
            new=sum(each.after and not each.before for each in events),
        )
        for verdict, events in sorted(by_verdict.items())
    )
