"""One user's cameras on both sides: what is counted, and which pictures tell it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.comparison.boxes import match_objects
from nightjar.domain.comparison.documents import (
    Change,
    CountedThings,
    Kind,
    SideRef,
    Tally,
    UserCompared,
)
from nightjar.domain.comparison.pictures import SHOWN_FROM, Pictures, most_telling
from nightjar.domain.comparison.reviewed import Said, on_both_sides
from nightjar.domain.comparison.side import JudgedSide, Outcome
from nightjar.domain.detections import Detection
from nightjar.domain.dry_run import Message, objects_that_matter
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Rules
from nightjar.domain.rules_comparison import Pair, compare
from nightjar.domain.why_not_sent import reasons_held

# An object of a label that no rule of its camera names counts from this probability on.
OTHERS_FROM = 0.5

Sums = dict[tuple[Kind, str, str], Tally]  # by kind, device and label


@dataclass(frozen=True)
class BothAt:
    """One camera's pictures as each side sees them: the same pictures, by time; false boxes confirmed there.

    `before_only` and `after_only` are the moments of pictures that only one of the detectors knows.
    """

    camera: Camera
    before: Sequence[Detection]
    after: Sequence[Detection]
    before_only: Sequence[datetime] = ()
    after_only: Sequence[datetime] = ()
    false_boxes: tuple[FalseBox, ...] = ()


@dataclass(frozen=True)
class Sides:
    """The question: the two sides with their rules, over pictures taken from `start` up to `end`."""

    before: SideRef
    after: SideRef
    rules_before: Rules | None
    rules_after: Rules | None
    start: datetime
    end: datetime

    def cameras(self, camera: Camera) -> list[CameraRules]:
        """The rules of `camera`, by each side that knows it."""
        found = (rules.device(camera) for rules in (self.rules_before, self.rules_after) if rules)
        return [known for known in found if known]

    @property
    def labels(self) -> frozenset[str]:
        """All labels that either detector can see."""
        return frozenset({*self.before.labels, *self.after.labels})

    def counted_from(self, camera: Camera) -> dict[str, float]:
        """By label, the probability from which on an object at `camera` counts: the least that a rule asks for."""
        least = dict.fromkeys(self.labels, OTHERS_FROM)
        asked: dict[str, float] = {}
        for known in self.cameras(camera):
            for rule in known.rules.values():
                for label in rule.unsafe:
                    asked[label] = min(rule.probability_of(label) or 0.0, asked.get(label, 1.0))
        return least | asked

    def wanted(self, camera: Camera) -> dict[str, float]:
        """By label, the probability from which on objects at `camera` have to be read."""
        matter = objects_that_matter(self.cameras(camera))
        return self.counted_from(camera) | {label: min(least, SHOWN_FROM) for label, least in matter.items()}


@dataclass
class _Sum:
    """Counts that grow while the cameras of one user go by."""

    tallies: Sums = field(default_factory=dict)
    pictures: int = 0
    before_only: int = 0
    after_only: int = 0
    cameras: int = 0

    def add(self, kind: Kind, device: str, label: str, tally: Tally) -> None:
        """Count things of a kind, device and label."""
        key = kind, device, label
        self.tallies[key] = self.tallies.get(key, Tally()).plus(tally)


def compare_user(user: str, sides: Sides, cameras: Iterable[BothAt], said: Iterable[Said]) -> UserCompared:
    """Both sides over the pictures of a user's `cameras`; `said` are the events of the time that people reviewed.

    What is before `sides.start` decides what is news, and is not counted.
    """
    before, after = JudgedSide(sides.rules_before), JudgedSide(sides.rules_after)
    counted, pictures = _Sum(), Pictures(sides.before.detector != sides.after.detector)
    for both in cameras:
        before.take(both.camera, both.before, both.false_boxes)
        after.take(both.camera, both.after, both.false_boxes)
        pictures.take(both.before, both.after)
        _count_camera(sides, both, counted, pictures)
    old, fresh = before.outcome(sides.start, sides.end), after.outcome(sides.start, sides.end)
    gap = max(before.gap, after.gap)
    reviewed = on_both_sides(said, before, after)
    alerts = compare(old.messages, fresh.messages, gap)
    events = compare(_each(old), _each(fresh), gap)
    for kind, pairs in ((Kind.ALERTS, alerts), (Kind.EVENTS, events)):
        for pair in pairs:
            counted.add(kind, pair.message.camera.device, pair.message.lead.topic.label, _of(pair))
        pictures.add(kind, _changed(pairs, old, fresh), reviewed, gap, sides.counted_from)
    return UserCompared(
        user=user,
        start=sides.start,
        end=sides.end,
        before=sides.before,
        after=sides.after,
        pictures=counted.pictures,
        before_only=counted.before_only,
        after_only=counted.after_only,
        cameras=counted.cameras,
        counts=tuple(
            CountedThings(kind=kind, device=device, label=label, tally=tally)
            for (kind, device, label), tally in sorted(counted.tallies.items())
        ),
        held_before=reasons_held(old.held),
        held_after=reasons_held(fresh.held),
        reviewed=reviewed,
        examples=tuple(most_telling(pictures.examples, Pictures.MOST_OF_A_USER)),
    )


def _count_camera(sides: Sides, both: BothAt, counted: _Sum, pictures: Pictures) -> None:
    def within(moment: datetime) -> bool:
        return sides.start <= moment < sides.end

    counted.before_only += sum(map(within, both.before_only))
    counted.after_only += sum(map(within, both.after_only))
    compared = [
        (one, other) for one, other in zip(both.before, both.after, strict=True) if within(one.picture.taken_at)
    ]
    counted.pictures += len(compared)
    counted.cameras += bool(compared)
    if not pictures.are_of_two_detectors:
        return
    least = sides.counted_from(both.camera)
    for one, other in compared:
        for label, found in match_objects(one.objects, other.objects, least).items():
            lost, gained = len(found.lost), len(found.gained)
            tally = Tally(before=found.same + lost, after=found.same + gained, gained=gained, lost=lost)
            counted.add(Kind.OBJECTS, both.camera.device, label, tally)
            for change, objects in ((Change.LOST, found.lost), (Change.GAINED, found.gained)):
                pictures.add_objects(change, objects, one, other, least)


def _each(outcome: Outcome) -> list[Message]:
    """Every happening as if it were told by itself, whether it would be or not."""
    return [Message(each.started_at, (each,)) for each in outcome.happenings]


def _of(pair: Pair) -> Tally:
    return Tally(
        before=int(pair.before is not None),
        after=int(pair.after is not None),
        gained=int(pair.before is None),
        lost=int(pair.after is None),
    )


def _changed(pairs: Iterable[Pair], old: Outcome, fresh: Outcome) -> Iterator[tuple[Change, Message, Outcome]]:
    """The messages that one side alone has, each with the side that does not have it."""
    for pair in pairs:
        if pair.after is None:
            yield Change.LOST, pair.message, fresh
        elif pair.before is None:
            yield Change.GAINED, pair.message, old
