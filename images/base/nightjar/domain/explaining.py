"""Why an object did or did not become a threat: condition by condition, for each rule of its camera. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.conditions import CONDITIONS, Scene, Seen, area_of, centre, foot, share_of
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.judging import Judgement, judge_pictures
from nightjar.domain.labels import listed
from nightjar.domain.probability import percent
from nightjar.domain.rules import CameraRules, Rule, Safe, StandsAt
from nightjar.domain.sights import ObjectSeen, Sight
from nightjar.domain.tally import many
from nightjar.domain.topics import Topic

STATIC, AGREEMENT = "static", "agreement"  # the conditions beside those of `conditions.py`


@dataclass(frozen=True, slots=True)
class Step:
    """A condition: what the rule asks, what was seen, and the reason for which it stops the object, if it does.

    Nothing is `asked` where the rule says nothing about it; it is not `reached` where an earlier condition stops the
    object.
    """

    condition: str
    asked: str
    seen: str
    reason: Safe | None
    reached: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict of one rule about one object; `reason` is None for a threat."""

    object: ObjectSeen
    topic: Topic
    rule: Rule
    steps: tuple[Step, ...]

    @property
    def reason(self) -> Safe | None:
        """The reason of the condition that stopped it."""
        return next((step.reason for step in self.steps if step.reached and step.reason), None)


def explain(
    sights: Iterable[Sight],
    moment: datetime,
    camera: CameraRules,
    gap: timedelta,
    false_boxes: Sequence[FalseBox] = (),
) -> list[Explanation]:
    """Why the objects in the picture taken at `moment` are threats or not, by object and rule.

    `sights` are the camera's pictures: those of 24 hours before, where objects can be static, and those as long before
    and after as the rules ask pictures to agree within. Without them these conditions have nothing to go by. Empty
    where no picture was taken at `moment`.
    """
    everything = list(sights)
    scene = Scene(camera, tuple(false_boxes))
    judgement = judge_pictures(everything, camera, gap, false_boxes)
    sight = next((each for each in reversed(everything) if each.taken_at == moment), None)
    objects = sight.objects if sight else ()
    return [
        _explanation(Seen(one, camera.local(moment)), moment, rule_id, rule, scene, judgement)
        for one in objects
        for rule_id, rule in camera.rules.items()
    ]


def _explanation(
    seen: Seen, moment: datetime, rule_id: int, rule: Rule, scene: Scene, judgement: Judgement
) -> Explanation:
    one = seen.object
    topic = Topic(rule_id, one.label, area_of(one, rule, scene) or "" if rule.areas else "")
    steps: list[Step] = []
    reached = True
    for condition in CONDITIONS:
        reason = condition.why_not(seen, rule, scene) if condition.is_asked(rule, scene) else None
        asked, what = _facts(condition.name, seen, rule, scene)
        steps.append(Step(condition.name, asked, what, reason, reached))
        reached = reached and reason is None
    held = {why for held_topic, other, why in judgement.held.get(moment, ()) if other is one and held_topic == topic}
    for step in (_static(one, scene, held), _agreement(topic, moment, rule, judgement, held)):
        steps.append(Step(step.condition, step.asked, step.seen if reached else "", step.reason, reached))
        reached = reached and step.reason is None
    return Explanation(one, topic, rule, tuple(steps))


def _facts(condition: str, seen: Seen, rule: Rule, scene: Scene) -> tuple[str, str]:
    """The demand of the rule, empty for none; and the facts that were seen."""
    one = seen.object
    where = _where(one, rule)
    match condition:
        case "label":
            return listed(rule.unsafe, "or"), one.label
        case "hours and days":
            days = f"on {listed([str(day) for day in rule.days], 'or')}" if rule.days else ""
            return " ".join(filter(None, [str(rule.hours or ""), days])), f"{seen.local:%a %H:%M:%S}"
        case "mask":
            masks = len(scene.camera.masks)
            return f"outside {many(masks, 'mask')}" if masks else "", where
        case "area":
            inside = f"in {listed(rule.areas, 'or')}" if rule.areas else ""
            outside = f"not in {listed(rule.not_areas, 'or')}" if rule.not_areas else ""
            return ", ".join(filter(None, [inside, outside])), where
        case "box size":
            least = f"at least {_share(rule.min_box)}" if rule.min_box is not None else ""
            most = f"at most {_share(rule.max_box)}" if rule.max_box is not None else ""
            return ", ".join(filter(None, [least, most])), f"{_share(share_of(one.box))} of the picture"
        case "probability":
            asked = rule.probability_of(one.label)
            return f"at least {percent(asked)}" if asked is not None else "", percent(one.probability)
        case "false box":
            boxes = [box for box in scene.false_boxes if box.label == one.label]
            at = next((box for box in boxes if box.holds(one)), None)
            asked_of = "at no false box that a person confirmed" if boxes else ""
            return asked_of, f"confirmed by {at.confirmed_by} on {at.confirmed_at:%Y-%m-%d}" if at else "at none"
    return "", ""


def _static(one: ObjectSeen, scene: Scene, held: set[Safe]) -> Step:
    static, is_static = scene.static, Safe.STATIC in held
    can_be = static is not None and one.label in scene.static_labels
    asked = f"not at its place for {static.after_seconds:,} s" if static and can_be else ""
    seen = "at its place for so long" if is_static else "not at its place for so long"
    return Step(STATIC, asked, seen if asked else "", Safe.STATIC if is_static else None, reached=True)


def _agreement(topic: Topic, moment: datetime, rule: Rule, judgement: Judgement, held: set[Safe]) -> Step:
    if rule.agree is None:
        return Step(AGREEMENT, "", "", None, reached=True)
    within = timedelta(seconds=rule.agree.within_seconds)
    near = {each for each in _candidates(topic, judgement) if abs(each - moment) <= within}
    few = Safe.TOO_FEW_PICTURES if Safe.TOO_FEW_PICTURES in held else None
    asked = f"{rule.agree.pictures:,} pictures within {rule.agree.within_seconds:,} s"
    return Step(AGREEMENT, asked, f"{_most_together(sorted(near), moment, within):,}", few, reached=True)


def _candidates(topic: Topic, judgement: Judgement) -> Iterator[datetime]:
    yield from judgement.threats.get(topic, {})
    for moment, lines in judgement.held.items():
        if any(each == topic and reason is Safe.TOO_FEW_PICTURES for each, _, reason in lines):
            yield moment


def _most_together(near: Sequence[datetime], moment: datetime, within: timedelta) -> int:
    """The most of `near` that one window which holds `moment` holds."""
    starts = [start for start in near if start <= moment <= start + within]
    return max((sum(start <= each <= start + within for each in near) for start in starts), default=0)


def _where(one: ObjectSeen, rule: Rule) -> str:
    if rule.stands_at is StandsAt.TOUCH:
        return f"box {' '.join(f'{side:.2f}' for side in one.box)}"
    x, y = foot(one.box) if rule.stands_at is StandsAt.FOOT else centre(one.box)
    return f"{rule.stands_at.value} at {x:.2f}, {y:.2f}"


def _share(share: float) -> str:
    return f"{share * 100:.1f} %"
