"""The words of a card and of the head of an event: states, severities, addresses. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from nightjar.domain.labels import listed
from nightjar.domain.probability import percent
from nightjar.domain.severity import Severity
from nightjar.queries.event_card import DeliveryShort, EventCard
from nightjar.queries.event_reviews import Word
from nightjar.runtime.links import event_path
from plugins.web.boxes import Box, boxes_of
from plugins.web.formats import duration

_KINDS = {Severity.CRITICAL: "bad", Severity.WARNING: "warn"}


class Chip(NamedTuple):
    """A state in a word or two; `kind` is ok, warn, bad, or empty."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class CardView:
    """An event as the list shows it, with the last word of a person about it."""

    card: EventCard
    word: Word

    @property
    def path(self) -> str:
        """Below the page."""
        return event_path(self.card.camera, self.card.ref)

    @property
    def seen(self) -> str:
        """`person 87 %`."""
        return f"{listed(self.card.labels, 'and') or 'something'} {percent(self.card.probability)}"

    @property
    def boxes(self) -> list[Box]:
        """The unsafe objects in the picture."""
        return boxes_of(self.card.boxes)

    @property
    def state(self) -> Chip:
        """Whether it was told."""
        return state_of(self.card.state, self.card.deliveries, self.card.unalerted, self.card.late_seconds)

    @property
    def severity(self) -> Chip | None:
        """How much it matters, where that is known."""
        return severity_of(self.card.severity)

    @property
    def lasted(self) -> timedelta:
        """From its first to its last picture."""
        return self.card.ended_at - self.card.started_at


def state_of(
    state: str, deliveries: Sequence[DeliveryShort], unalerted: str, late_seconds: float | None = None
) -> Chip:
    """Whether an event was told to anybody, or why not."""
    if deliveries:
        return _told(deliveries)
    if state in ("withdrawn", "absorbed"):
        return Chip(state)
    if unalerted == "too-late" and late_seconds is not None:
        return Chip(f"held back: {duration(late_seconds)} too late", "warn")
    if unalerted:
        return Chip(f"held back: {unalerted.replace('-', ' ')}", "warn")
    return Chip("not alerted", "warn")


def _told(deliveries: Sequence[DeliveryShort]) -> Chip:
    done = [each for each in deliveries if each.is_done]
    failed = sum(each.state == "failed" for each in deliveries)
    if not done:
        return Chip("alert failed", "bad") if failed else Chip("being alerted", "warn")
    if failed:
        return Chip(f"alerted, {failed} of {len(deliveries)} failed", "warn")
    if all(each.state == "outbox" for each in done):
        return Chip("alerted, in the outbox", "ok")
    return Chip("alerted", "ok")


def severity_of(severity: str | None) -> Chip | None:
    """The chip of a severity."""
    if not severity:
        return None
    known = severity in set(Severity)
    return Chip(severity, _KINDS.get(Severity(severity), "") if known else "")
