"""Judging the pictures of one camera, all at once: threats by topic, what is suppressed and why, and the events. Pure.

It means what the transactions over a camera's stored events mean, whatever runs the pictures came in. `nightjar rules
try` asks here what other rules would have alerted. It makes no document for an object, so that a week takes seconds.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from nightjar.domain.agreement import agreeing
from nightjar.domain.areas import Box
from nightjar.domain.conditions import Scene, candidate_topics, nearest, verdicts
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.rules import CameraRules, Safe
from nightjar.domain.sights import ObjectSeen, Sight
from nightjar.domain.standing import Standing
from nightjar.domain.static import Look, boxes_by_label
from nightjar.domain.topics import Topic

Objects = tuple[ObjectSeen, ...]


@dataclass(slots=True)
class Alone:
    """The verdict of the rules about the objects of one picture by themselves.

    `candidates` are those that a rule calls unsafe, by topic; `misses` the others, each with the nearest reason.
    """

    candidates: dict[Topic, list[ObjectSeen]] = field(default_factory=dict)
    misses: list[tuple[ObjectSeen, Safe]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class JudgedEvent:
    """An event as far as its threats tell: those of one topic that follow each other within the gap."""

    topic: Topic
    started_at: datetime
    ended_at: datetime
    pictures: int
    best_at: datetime  # of the pictures looked at, the one with the best probability, the earliest of equals
    probability: float

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From its first threat to its last."""
        return self.started_at, self.ended_at


@dataclass
class Judgement:
    """The pictures of one camera, judged.

    `threats` has the unsafe objects of each picture by topic and time; `held` has the candidates that are no threats by
    picture, each with its topic and the reason; `events` are by start and topic.
    """

    sights: Sequence[Sight]
    scene: Scene
    threats: dict[Topic, dict[datetime, Objects]] = field(default_factory=dict)
    held: dict[datetime, list[tuple[Topic, ObjectSeen, Safe]]] = field(default_factory=dict)
    events: list[JudgedEvent] = field(default_factory=list)

    @cached_property
    def suppressed(self) -> dict[datetime, list[tuple[ObjectSeen, Safe]]]:
        """The objects of each picture that are no threat for any rule, with the reason that came nearest."""
        return _suppressed(self)

    def hold(self, moment: datetime, topic: Topic, objects: Iterable[ObjectSeen], reason: Safe) -> None:
        """Note that these candidates are no threats."""
        if lines := [(topic, one, reason) for one in objects]:
            self.held.setdefault(moment, []).extend(lines)


def judge_alone(sight: Sight, scene: Scene) -> Alone:
    """The verdict of the camera's rules about each object of a picture by itself."""
    alone = Alone()
    local = None
    for one in sight.objects:
        if one.label not in scene.by_label:
            alone.misses.append((one, Safe.NOT_UNSAFE))
            continue
        local = local or scene.camera.local(sight.taken_at)
        reasons: list[Safe] = []
        is_candidate = False
        for topic, reason in verdicts(one, local, scene):
            if reason is None:
                is_candidate = True
                alone.candidates.setdefault(topic, []).append(one)
            else:
                reasons.append(reason)
        if not is_candidate:
            alone.misses.append((one, nearest(reasons)))
    return alone


def static_wanted(candidates: Mapping[Topic, Iterable[ObjectSeen]], scene: Scene) -> dict[str, set[Box]]:
    """The boxes of candidates that may be static, by label."""
    wanted: dict[str, set[Box]] = {}
    for topic, objects in candidates.items():
        if topic.label in scene.static_labels:
            wanted.setdefault(topic.label, set()).update(one.box for one in objects)
    return wanted


def judge_pictures(
    sights: Iterable[Sight], camera: CameraRules, gap: timedelta, false_boxes: Sequence[FalseBox] = ()
) -> Judgement:
    """Judge all pictures of one camera; of two of the same moment the last one given counts.

    What was before the first of them is not known: an object that stood there already is static `after_seconds` later.
    """
    scene = Scene(camera, tuple(false_boxes))
    ordered = [sight for _, sight in sorted({sight.taken_at: sight for sight in sights}.items())]
    found = {sight.taken_at: _candidates(sight, scene) for sight in ordered}
    judgement = Judgement(ordered, scene)
    if scene.static:
        _hold_static(found, judgement)
    seen = {sight.taken_at for sight in ordered if sight.is_seen}
    by_topic: dict[Topic, dict[datetime, Objects]] = {}
    for moment, each in found.items():
        for topic, objects in each.items():
            by_topic.setdefault(topic, {})[moment] = tuple(objects)
    for topic, candidates in sorted(by_topic.items()):
        agree = camera.rules[topic.rule_id].agree
        agreed = agreeing([m for m in candidates if m in seen], agree) if agree else candidates.keys()
        threats = {moment: objects for moment, objects in candidates.items() if moment in agreed}
        for moment in candidates.keys() - agreed:
            judgement.hold(moment, topic, candidates[moment], Safe.TOO_FEW_PICTURES)
        if threats:
            judgement.threats[topic] = threats
            judgement.events += _events(topic, threats, gap, seen)
    judgement.events.sort(key=lambda event: (event.started_at, event.topic))
    return judgement


def _candidates(sight: Sight, scene: Scene) -> dict[Topic, list[ObjectSeen]]:
    """The objects that a rule calls unsafe by themselves, by topic: as `judge_alone` has them."""
    candidates: dict[Topic, list[ObjectSeen]] = {}
    local = None
    for one in sight.objects:
        if one.label in scene.by_label:
            local = local or scene.camera.local(sight.taken_at)
            for topic in candidate_topics(one, local, scene):
                candidates.setdefault(topic, []).append(one)
    return candidates


def _hold_static(found: Mapping[datetime, dict[Topic, list[ObjectSeen]]], judgement: Judgement) -> None:
    """Take the static candidates out of those that were found."""
    scene = judgement.scene
    static = scene.static
    assert static is not None, "expected a camera with static objects"
    looks = [Look(sight.taken_at, boxes_by_label(sight.objects, scene.static_labels)) for sight in judgement.sights]
    standing = Standing(looks, static)
    for number, look in enumerate(looks):
        candidates = found[look.taken_at]
        wanted = static_wanted(candidates, scene)
        if boxes := standing.boxes(number, wanted):
            for topic in [topic for topic in candidates if topic.label in wanted]:
                stays = [one for one in candidates[topic] if one.box in boxes]
                judgement.hold(look.taken_at, topic, stays, Safe.STATIC)
                candidates[topic] = [one for one in candidates[topic] if one.box not in boxes]
                if not candidates[topic]:
                    del candidates[topic]


def _events(
    topic: Topic, threats: Mapping[datetime, Objects], gap: timedelta, seen: Collection[datetime]
) -> Iterator[JudgedEvent]:
    """The events of one topic; `threats` are by time. At the moments `seen` the detector looked."""
    moments = list(threats)
    first = 0
    for n in range(1, len(moments) + 1):
        if n == len(moments) or moments[n] - moments[n - 1] > gap:
            part = moments[first:n]
            best = {moment: max(one.probability for one in threats[moment]) for moment in part}
            best_at = max(part, key=lambda moment: (moment in seen, best[moment]))
            yield JudgedEvent(topic, part[0], part[-1], len(part), best_at, best[best_at])
            first = n


def _suppressed(judgement: Judgement) -> dict[datetime, list[tuple[ObjectSeen, Safe]]]:
    unsafe: dict[datetime, set[int]] = {}
    for by_moment in judgement.threats.values():
        for moment, objects in by_moment.items():
            unsafe.setdefault(moment, set()).update(map(id, objects))
    found = {}
    for sight in judgement.sights:
        moment = sight.taken_at
        held = ((one, reason) for _, one, reason in judgement.held.get(moment, ()))
        lines = [*judge_alone(sight, judgement.scene).misses, *held_back(held, unsafe.get(moment, set()))]
        if lines:
            found[moment] = lines
    return found


def held_back(held: Iterable[tuple[ObjectSeen, Safe]], unsafe: set[int]) -> Iterator[tuple[ObjectSeen, Safe]]:
    """The candidates of one picture that are no threat for any rule, each once with the reason that came nearest.

    `unsafe` has the `id()` of those that are threats.
    """
    reasons: dict[int, tuple[ObjectSeen, list[Safe]]] = {}
    for one, reason in held:
        if id(one) not in unsafe:
            reasons.setdefault(id(one), (one, []))[1].append(reason)
    return ((one, nearest(several)) for one, several in reasons.values())
