"""The conditions of a rule, in order: an object is a candidate for a threat when each of them lets it pass. Pure.

    label > hours and days > mask > area > box size > probability > false box      of the object alone
    static > agreement                                                             with the camera's other pictures

The first row is here; `static.py` and `agreement.py` have the second. The last condition that an object reached says
how near it came.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from nightjar.domain.areas import Box, Point, Polygon
from nightjar.domain.false_boxes import FalseBox, is_false
from nightjar.domain.rules import CameraRules, Rule, Safe, StandsAt, Static
from nightjar.domain.sights import ObjectSeen
from nightjar.domain.topics import Topic

_NEARNESS = {reason: n for n, reason in enumerate(Safe)}
_ALWAYS_EXEMPT = "person"  # who stands still is no furniture, whatever the rules exempt


@dataclass(frozen=True)
class Scene:
    """A camera as the conditions know it: its rules, and the places where the detector is known to err."""

    camera: CameraRules
    false_boxes: tuple[FalseBox, ...] = ()

    @cached_property
    def by_label(self) -> "dict[str, tuple[tuple[Topic, Rule, tuple[Condition, ...]], ...]]":
        """The rules that name each label, with the topic without an area, and the conditions that the rule asks for."""
        labels = {label for rule in self.camera.rules.values() for label in rule.unsafe}
        asked = {i: tuple(c for c in CONDITIONS if c.is_asked(rule, self)) for i, rule in self.camera.rules.items()}
        return {
            label: tuple((Topic(i, label), r, asked[i]) for i, r in self.camera.rules.items() if label in r.unsafe)
            for label in sorted(labels)
        }

    @cached_property
    def static(self) -> Static | None:
        """When an object is static; None where no rule names a label that can be."""
        return self.camera.static if self.static_labels else None

    @cached_property
    def static_labels(self) -> frozenset[str]:
        """The labels that a rule names and that can be static."""
        static = self.camera.static
        return frozenset(self.by_label).difference(static.exempt, [_ALWAYS_EXEMPT]) if static else frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """An object in a picture that was taken at `local` by the user's wall clock."""

    object: ObjectSeen
    local: datetime


class Condition(NamedTuple):
    """A condition by its name.

    `why_not` is the reason for which it does not let an object pass, None where it does. Where it is not asked for, it
    lets every object pass, and need not be looked at.
    """

    name: str
    is_asked: Callable[[Rule, Scene], bool]
    why_not: Callable[[Seen, Rule, Scene], Safe | None]


def _label(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    return None if seen.object.label in rule.unsafe else Safe.NOT_UNSAFE


def _hours(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    return None if rule.holds_at(seen.local) else Safe.OUT_OF_HOURS


def _mask(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    # A box that merely touches a mask may be of somebody who comes out of it.
    point = foot(seen.object.box) if rule.stands_at is StandsAt.FOOT else centre(seen.object.box)
    return Safe.MASKED if any(mask.contains(point) for mask in scene.camera.masks) else None


def _area(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    if rule.areas and area_of(seen.object, rule, scene) is None:
        return Safe.OUTSIDE_AREA
    forbidden = (scene.camera.areas.get(name) for name in rule.not_areas)
    return Safe.OUTSIDE_AREA if any(a and stands_in(a, seen.object.box, rule.stands_at) for a in forbidden) else None


def _size(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    share = share_of(seen.object.box)
    if rule.min_box is not None and share < rule.min_box:
        return Safe.BOX_TOO_SMALL
    return Safe.BOX_TOO_LARGE if rule.max_box is not None and share > rule.max_box else None


def _probability(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    least = rule.probability_of(seen.object.label)
    return Safe.BELOW_PROBABILITY if least is None or seen.object.probability < least else None


def _false_box(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    return Safe.FALSE_BOX if is_false(seen.object, scene.false_boxes) else None


CONDITIONS = (
    Condition("label", lambda rule, scene: True, _label),
    Condition("hours and days", lambda rule, scene: rule.hours is not None or rule.days is not None, _hours),
    Condition("mask", lambda rule, scene: bool(scene.camera.masks), _mask),
    Condition("area", lambda rule, scene: bool(rule.areas or rule.not_areas), _area),
    Condition("box size", lambda rule, scene: rule.min_box is not None or rule.max_box is not None, _size),
    Condition("probability", lambda rule, scene: True, _probability),
    Condition("false box", lambda rule, scene: bool(scene.false_boxes), _false_box),
)


def why_not(seen: Seen, rule: Rule, scene: Scene) -> Safe | None:
    """Why `rule` does not call the object unsafe, as far as the object alone decides; None when it does."""
    return next(
        (reason for c in CONDITIONS if c.is_asked(rule, scene) and (reason := c.why_not(seen, rule, scene))), None
    )


def verdicts(one: ObjectSeen, local: datetime, scene: Scene) -> Iterator[tuple[Topic, Safe | None]]:
    """For each rule that names the label: the topic, and why the object is no candidate, if so."""
    seen = Seen(one, local)
    for topic, rule, conditions in scene.by_label.get(one.label, ()):
        for condition in conditions:
            if reason := condition.why_not(seen, rule, scene):
                yield topic, reason
                break
        else:
            yield _with_area(topic, one, rule, scene), None


def candidate_topics(one: ObjectSeen, local: datetime, scene: Scene) -> Iterator[Topic]:
    """The topics of which the object is a candidate: what `verdicts` says, without reasons and faster."""
    for topic, rule, conditions in scene.by_label.get(one.label, ()):
        # Most objects are faint.
        if one.probability >= (rule.probability_of(one.label) or 0.0):
            seen = Seen(one, local)
            if not any(condition.why_not(seen, rule, scene) for condition in conditions):
                yield _with_area(topic, one, rule, scene)


def _with_area(topic: Topic, one: ObjectSeen, rule: Rule, scene: Scene) -> Topic:
    return Topic(topic.rule_id, one.label, area_of(one, rule, scene) or "") if rule.areas else topic


def nearest(reasons: Iterable[Safe]) -> Safe:
    """The reason that came nearest to a threat; `NOT_UNSAFE` where no rule had anything to say."""
    return min(reasons, key=_NEARNESS.__getitem__, default=Safe.NOT_UNSAFE)


def area_of(one: ObjectSeen, rule: Rule, scene: Scene) -> str | None:
    """The first of the rule's areas in which the object stands; None for none. An area the device lacks holds none."""
    for name in rule.areas:
        area = scene.camera.areas.get(name)
        if area is not None and stands_in(area, one.box, rule.stands_at):
            return name
    return None


def stands_in(area: Polygon, box: Box, at: StandsAt) -> bool:
    """Whether an object with this box stands in `area`; the edges belong to it."""
    if at is StandsAt.TOUCH:
        return area.touches(box)
    return area.contains(foot(box) if at is StandsAt.FOOT else centre(box))


def foot(box: Box) -> Point:
    """The middle of the lower edge."""
    return (box[0] + box[2]) / 2, box[3]


def centre(box: Box) -> Point:
    """The middle of the box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def share_of(box: Box) -> float:
    """The share of the picture's area that the box takes."""
    return (box[2] - box[0]) * (box[3] - box[1])
