"""The cameras as the templates show them: chips, sentences, shapes over the picture. Pure, but for the facts given."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from nightjar.domain.places import place
from nightjar.domain.rules import CameraRules
from nightjar.domain.tally import many
from nightjar.queries.camera_counts import Counts, days_until
from nightjar.queries.camera_facts import CameraFacts
from nightjar.queries.drawn_areas import Shape, shapes_in_force
from plugins.pages.cameras.words import RuleInWords, clock_in_words, rules_in_words, trouble_in_words

_SHOWN_AREAS = 8


@dataclass(frozen=True)
class Chip:
    """A state of a camera. `kind` is how it is coloured: ok, warn, bad or quiet."""

    text: str
    kind: str


@dataclass(frozen=True)
class Outline:
    """A shape for SVG: `points` as a polygon has them, and a place for the name, in fractions of the picture."""

    shape: Shape
    points: str
    x: float
    y: float


@dataclass(frozen=True)
class TroubleLine:
    """A trouble that a camera has, or had."""

    text: str
    severity: str
    number: int
    since: datetime
    ended: datetime | None
    told: datetime | None
    end_told: datetime | None


@dataclass(frozen=True)
class CameraView:
    """One camera for a card or a page."""

    facts: CameraFacts
    now: datetime

    @property
    def name(self) -> str:
        """`<user>-<device>`."""
        return self.facts.camera.name

    @property
    def rules(self) -> CameraRules | None:
        """The rules of the camera; None for one that they do not know."""
        return self.facts.rules

    @property
    def place(self) -> str:
        """Its place as messages say it."""
        return place(self.facts.camera.device, self.rules.site if self.rules else None)

    @property
    def zone(self) -> str:
        """The user's time zone; UTC where the rules do not know the user."""
        return str(self.rules.timezone) if self.rules else "UTC"

    @property
    def seen(self) -> datetime | None:
        """When it took its last footage, good or refused, as far as that can be believed."""
        health = self.facts.health
        known = [health.last_taken_at if health else None, self.facts.counts.last_taken]
        return max((moment for moment in known if moment), default=None)

    @property
    def chips(self) -> list[Chip]:
        """Its states, worst first."""
        return list(self._chips())

    def _chips(self) -> Iterator[Chip]:
        troubles = self.facts.open_troubles
        for trouble in troubles:
            yield Chip(trouble.kind.replace("-", " "), "bad" if trouble.severity == "critical" else "warn")
        if self.facts.muted:
            yield Chip("muted", "quiet")
        if self.rules is None:
            yield Chip("unknown to the rules", "warn")
        elif not self.rules.alerts_enabled:
            yield Chip("alerts off", "quiet")
        if not troubles and self.rules is not None:
            yield Chip("ok", "ok") if self.seen else Chip("nothing yet", "quiet")

    @cached_property
    def troubles(self) -> list[TroubleLine]:
        """All its troubles, those that hold first."""
        return [
            TroubleLine(
                trouble_in_words(each),
                each.severity,
                each.number,
                each.since,
                each.ended_at,
                each.told_at,
                each.end_told_at,
            )
            for each in self.facts.troubles
        ]

    @property
    def clock(self) -> str:
        """Its clock in words."""
        return clock_in_words(self.facts.clock_offset)

    @cached_property
    def rules_in_words(self) -> list[RuleInWords]:
        """Its rules."""
        return rules_in_words(self.rules, self.now) if self.rules else []

    @cached_property
    def shapes(self) -> list[Shape]:
        """Its areas and masks as they are in force."""
        return shapes_in_force(self.rules)

    @property
    def outlines(self) -> list[Outline]:
        """Its areas and masks over the picture."""
        return [_outline(shape) for shape in self.shapes]

    @property
    def areas_in_short(self) -> str:
        """The names of its areas, and how many masks it has: `yard, street; 1 mask`."""
        names = [shape.name for shape in self.shapes if not shape.is_mask]
        masks = len(self.shapes) - len(names)
        more = f" and {len(names) - _SHOWN_AREAS} more" if len(names) > _SHOWN_AREAS else ""
        areas = f"{', '.join(names[:_SHOWN_AREAS])}{more}" or "none"
        return f"{areas}; {many(masks, 'mask')}" if masks else areas

    @property
    def days(self) -> list[tuple[date, Counts]]:
        """The UTC days of the week, newest first; none where nothing came in it."""
        counts = self.facts.counts.days
        return [(day, counts.get(day, Counts())) for day in reversed(days_until(self.now))] if counts else []

    @property
    def most_pictures(self) -> int:
        """Of the fullest day of the week, for the bars beside the numbers."""
        return max((counts.pictures for counts in self.facts.counts.days.values()), default=0)


def _outline(shape: Shape) -> Outline:
    xs = [float(x) for x, _ in shape.corners]
    ys = [float(y) for _, y in shape.corners]
    return Outline(shape, " ".join(f"{x},{y}" for x, y in shape.corners), sum(xs) / len(xs), sum(ys) / len(ys))
