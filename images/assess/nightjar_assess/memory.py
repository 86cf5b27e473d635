"""The conditions that need a camera's other pictures, in a transaction: what is static, do enough pictures agree?

Candidates go in, threats come out. A picture that comes late may change how stored pictures are judged: these are
judged again by what is stored of them, and grouped together with the run's own pictures.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightjar.domain.agreement import agreeing
from nightjar.domain.areas import Box
from nightjar.domain.conditions import Scene
from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.events import EventRef, ThreatPicture
from nightjar.domain.judging import held_back, static_wanted
from nightjar.domain.minutes import Held
from nightjar.domain.rules import Agree, Safe
from nightjar.domain.sights import ObjectSeen
from nightjar.domain.static import boxes_by_label, static_boxes
from nightjar.domain.topics import Topic
from nightjar.stores.camera_memory import CameraMemory
from nightjar.stores.camera_view import CameraView
from nightjar_assess.judgement import ByTopic, Misses


@dataclass
class TopicMemory:
    """The pictures in which a topic's objects are static, and the events that held pictures were in: see `Memory`."""

    static: set[datetime] = field(default_factory=set)
    known: dict[datetime, EventRef] = field(default_factory=dict)


@dataclass
class Remembered:
    """By topic, the pictures that are judged now, and those of them that are static or threats; and by picture, what is
    held."""

    judged: dict[Topic, set[datetime]] = field(default_factory=dict)
    memory: dict[Topic, TopicMemory] = field(default_factory=dict)
    threats: ByTopic = field(default_factory=dict)
    held: dict[datetime, Misses] = field(default_factory=dict)


def remember(
    view: CameraView,
    scene: Scene,
    seen: Mapping[datetime, Detection],
    candidates: Mapping[Topic, Mapping[datetime, ThreatPicture]],
) -> Remembered:
    """Judge the `candidates` in the pictures of `seen` with the camera's other pictures, and put into the view what is
    to be remembered of them.

    Without static objects and agreement every candidate is a threat, and nothing more is read or kept.
    """
    return _Remembering(view, scene, seen, candidates).result()


class _Remembering:
    def __init__(
        self,
        view: CameraView,
        scene: Scene,
        seen: Mapping[datetime, Detection],
        candidates: Mapping[Topic, Mapping[datetime, ThreatPicture]],
    ) -> None:
        self._memory, self._scene, self._seen = CameraMemory(view), scene, seen
        self._view = view
        self._pool: ByTopic = {topic: dict(pictures) for topic, pictures in candidates.items()}
        self._static: dict[tuple[Topic, datetime], ThreatPicture] = {}
        self._judged_again: dict[Topic, set[datetime]] = {}
        self._done = Remembered()

    def result(self) -> Remembered:
        own = set(self._seen)
        for moment in sorted(self._keep_looks() - own):
            for topic, picture in self._memory.candidates_at(moment).items():
                if topic.label in self._scene.static_labels and topic.rule_id in self._scene.camera.rules:
                    self._pool.setdefault(topic, {})[moment] = picture
                    self._judged_again.setdefault(topic, set()).add(moment)
        topics = self._pool.keys() | self._view.topics_at(own) | self._memory.held_topics(own)
        if self._scene.static:
            self._take_out_static()
        for topic in sorted(topics):
            self._decide(topic, own | self._judged_again.get(topic, set()))
        return self._done

    def _keep_looks(self) -> set[datetime]:
        """Keep a look at each picture; the moments at which stored pictures may be judged otherwise by that."""
        static = self._scene.static
        if static is None:
            return set()
        newest = self._view.newest_look
        labels = self._scene.static_labels
        changed = [
            moment
            for moment, detection in sorted(self._seen.items())
            if self._memory.put_look(moment, boxes_by_label(detection.objects, labels))
        ]
        if changed:
            self._view.newest_look = max(changed[-1], newest) if newest else changed[-1]
        return self._memory.influenced(changed, newest, static)

    def _take_out_static(self) -> None:
        """Move the static objects of each picture from the pool to the static ones."""
        static = self._scene.static
        assert static is not None, "expected a camera with static objects"
        by_moment: dict[datetime, dict[Topic, ThreatPicture]] = {}
        for topic, by_time in self._pool.items():
            for moment, picture in by_time.items():
                by_moment.setdefault(moment, {})[topic] = picture
        for moment, pictures in sorted(by_moment.items()):
            wanted = static_wanted({topic: picture.objects for topic, picture in pictures.items()}, self._scene)
            look = self._memory.look(moment) if wanted else None
            if look is None:
                continue
            boxes = static_boxes(look, wanted, self._memory.looks_before(moment), static)
            for topic, picture in pictures.items():
                stays, moves = _parted(picture, boxes) if topic.label in wanted else (None, picture)
                if stays:
                    self._static[topic, moment] = stays
                    self._done.memory.setdefault(topic, TopicMemory()).static.add(moment)
                    del self._pool[topic][moment]
                    if moves:
                        self._pool[topic][moment] = moves

    def _decide(self, topic: Topic, judged: set[datetime]) -> None:
        """Decide which candidates of a topic are threats: of the `judged` pictures, and of stored ones beside them."""
        candidates = dict(sorted(self._pool.get(topic, {}).items()))
        rule = self._scene.camera.rules.get(topic.rule_id)
        beside: dict[datetime, ThreatPicture] = {}
        agreed = set(candidates)
        if rule and rule.agree:
            beside, agreed = self._agreed(topic, rule.agree, judged, candidates)
            candidates |= beside
            judged = judged | beside.keys()
        memory = self._done.memory.setdefault(topic, TopicMemory())
        self._done.judged[topic] = judged
        self._done.threats[topic] = {m: picture for m, picture in sorted(candidates.items()) if m in agreed}
        for moment in sorted(judged):
            held = []
            event = self._memory.event_of(topic, moment) or self._event_in_another_area(topic, moment)
            if event and moment in agreed:
                memory.known[moment], event = event, None
            if static := self._static.get((topic, moment)):
                held.append(Held.of(topic, Safe.STATIC, static, event))
            elif moment in beside:
                held += self._memory.static_at(topic, moment)
            if moment in candidates and moment not in agreed:
                held.append(Held.of(topic, Safe.TOO_FEW_PICTURES, candidates[moment], event))
            self._memory.put_held(topic, moment, held)
            if moment in self._seen:
                self._done.held.setdefault(moment, []).extend(_each(held))

    def _event_in_another_area(self, topic: Topic, moment: datetime) -> EventRef | None:
        """The event of an area in which the object is no more, since the rules say otherwise by now."""
        others = self._memory.in_other_areas(topic, moment) if moment in self._pool.get(topic, {}) else {}
        return next((event for other, event in others.items() if moment not in self._pool.get(other, {})), None)

    def _agreed(
        self, topic: Topic, agree: Agree, judged: set[datetime], candidates: Mapping[datetime, ThreatPicture]
    ) -> tuple[dict[datetime, ThreatPicture], set[datetime]]:
        """The stored candidates beside `judged` whose verdict changes; and when enough pictures agree, of all these."""
        within = timedelta(seconds=agree.within_seconds)
        beside: dict[datetime, ThreatPicture] = {}
        agreed = set[datetime]()
        touched = (m for m in judged if m in candidates or self._memory.open_between(topic, m, m))
        for first, last in _spans(touched, 4 * within):
            stored = self._memory.open_between(topic, first - 2 * within, last + 2 * within)
            others = {moment: each for moment, each in stored.items() if moment not in judged}
            own = [moment for moment in candidates if first <= moment <= last]
            looked_at = {moment for moment, (picture, _) in others.items() if picture.is_seen}
            looked_at.update(moment for moment in own if candidates[moment].is_seen)
            enough = agreeing(sorted(looked_at), agree)
            agreed.update(enough.intersection(own))
            for moment, (picture, is_threat) in others.items():
                # Farther away, pictures that are not read may agree.
                is_near = first - within <= moment <= last + within
                if is_near and (moment in enough) != is_threat:
                    beside[moment] = picture
                    if moment in enough:
                        agreed.add(moment)
        return beside, agreed


def reasons_of(remembered: Remembered, moment: datetime) -> Iterator[tuple[ObjectSeen, Safe]]:
    """The candidates in the picture taken at `moment` that are no threat for any rule, with the nearest reason."""
    pictures = (by_moment.get(moment) for by_moment in remembered.threats.values())
    unsafe = {id(one) for picture in pictures if picture for one in picture.objects}
    return held_back(remembered.held.get(moment, ()), unsafe)


def _each(held: Iterable[Held]) -> Iterator[tuple[ObjectSeen, Safe]]:
    return ((one, Safe(each.reason)) for each in held for one in each.shown.objects)


def _parted(picture: ThreatPicture, boxes: set[Box]) -> tuple[ThreatPicture | None, ThreatPicture | None]:
    """The picture with the objects whose box is in `boxes`, and with the others; None without objects."""
    stays = tuple(one for one in picture.objects if one.box in boxes)
    moves = tuple(one for one in picture.objects if one.box not in boxes)
    return _with(picture, stays), _with(picture, moves)


def _with(picture: ThreatPicture, objects: tuple[DetectedObject, ...]) -> ThreatPicture | None:
    if len(objects) == len(picture.objects):
        return picture
    return picture.model_copy(update={"objects": objects}) if objects else None


def _spans(moments: Iterable[datetime], apart: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Spans that hold all `moments`, more than `apart` from each other."""
    first = last = None
    for moment in sorted(moments):
        if first is None or last is None:
            first = moment
        elif moment - last > apart:
            yield first, last
            first = moment
        last = moment
    if first is not None and last is not None:
        yield first, last
