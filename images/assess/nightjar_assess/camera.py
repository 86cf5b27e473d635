"""One camera: its detections are judged, and its events brought up to date in one transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from nightjar.domain.conditions import Scene
from nightjar.domain.detections import Detection
from nightjar.domain.events import Event, EventState, Suppressed, Threat, ThreatPicture
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.grouping import Memory, Regrouped, current, regroup
from nightjar.domain.makers import Maker
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.domain.succession import Judge
from nightjar.domain.topics import Topic
from nightjar.stores.camera_view import CameraView
from nightjar.stores.events import Events
from nightjar_assess.judgement import judge, reasons, suppressed
from nightjar_assess.memory import Remembered, reasons_of, remember


@dataclass(frozen=True)
class Rulebook:
    """The rules that a run is pinned to, how they are known, and the stage that judges by them."""

    rules: Rules
    sha256: str
    maker: Maker | None = None

    @property
    def gap(self) -> timedelta:
        """Threats at most this far apart belong to one event."""
        return self.rules.event_gap


@dataclass
class Assessed:
    """The verdict about one camera's pictures: threats by time and topic, the events that these belong to, and those
    that stored pictures belong to which are judged otherwise by now."""

    pictures: int
    threatened: int  # pictures with at least one threat
    events: list[Event] = field(default_factory=list)
    threats: list[Threat] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    details: Counter[str] = field(default_factory=Counter)
    written: list[ObjectRef] = field(default_factory=list)


def assess_camera(
    store: Events,
    rulebook: Rulebook,
    camera: Camera,
    seen: Mapping[datetime, Detection],
    today: date,
    false_boxes: Sequence[FalseBox] = (),
) -> Assessed:
    """Judge `seen`, one detection a picture, and change the stored events accordingly.

    Only these pictures are judged: another picture's verdict is the business of the run that looked at it, unless what
    is seen now decides whether an object in it is static, or enough pictures agree. Of a camera that the rules do not
    know any more, such as one that was renamed, what was judged before stays as it is.
    """
    settings = rulebook.rules.device(camera)
    scene = Scene(settings, tuple(false_boxes)) if settings else None
    verdict = judge(seen, scene)

    def work(view: CameraView) -> tuple[Remembered, dict[Topic, Regrouped]]:
        if scene is None:
            stored = Remembered(threats=_threats_as_stored(view, seen))
            return stored, {
                topic: Regrouped(homes=_homes(view, topic, stored.threats[topic])) for topic in stored.threats
            }
        remembered = remember(view, scene, seen, verdict.candidates)
        changes = {}
        for topic, judged in sorted(remembered.judged.items()):
            timeline, threats = view.timeline(topic), remembered.threats.get(topic, {})
            memory = remembered.memory[topic]
            changes[topic] = regroup(
                _judge(rulebook, camera, scene, topic),
                timeline,
                judged,
                threats,
                view.number,
                Memory(memory.static, memory.known),
            )
            view.put(topic, changes[topic])
        return remembered, changes

    (remembered, changes), written = store.change(camera, today, work)
    misses = {moment: [*verdict.misses[moment], *reasons_of(remembered, moment)] for moment in seen}
    return _assessed(seen, suppressed(seen, misses), remembered.threats, changes, written)


def _threats_as_stored(
    view: CameraView, seen: Mapping[datetime, Detection]
) -> dict[Topic, dict[datetime, ThreatPicture]]:
    """By topic, the pictures of `seen` that were judged to be threats before, and whose event is still stored."""
    stored: dict[Topic, dict[datetime, ThreatPicture]] = {}
    for topic in sorted(view.topics_at(seen)):
        timeline = view.timeline(topic)
        threats = ((moment, timeline.at(moment)) for moment in seen)
        stored[topic] = {
            moment: threat.shown for moment, threat in threats if threat and current(timeline, threat.event)
        }
    return stored


def _homes(view: CameraView, topic: Topic, moments: Iterable[datetime]) -> dict[datetime, Event]:
    """The event of each of `moments`, at which a threat of the topic is stored."""
    timeline = view.timeline(topic)
    homes = ((moment, current(timeline, threat.event)) for moment in moments if (threat := timeline.at(moment)))
    return {moment: event for moment, event in homes if event}


def _judge(rulebook: Rulebook, camera: Camera, scene: Scene, topic: Topic) -> Judge:
    rule = rulebook.rules.rules.get(topic.rule_id)
    return Judge(
        camera=camera,
        site=scene.camera.site,
        topic=topic,
        rule_name=rule.name if rule else str(topic.rule_id),
        rules_sha256=rulebook.sha256,
        gap=rulebook.gap,
        maker=rulebook.maker,
    )


def _assessed(
    seen: Mapping[datetime, Detection],
    lines: list[Suppressed],
    by_topic: Mapping[Topic, Mapping[datetime, ThreatPicture]],
    changes: Mapping[Topic, Regrouped],
    written: list[ObjectRef],
) -> Assessed:
    events: dict[str, Event] = {}
    threats: list[Threat] = []
    details: Counter[str] = Counter()
    for topic, regrouped in changes.items():
        for moment, shown in by_topic.get(topic, {}).items():
            event = regrouped.homes[moment]
            events[event.id] = event
            if moment in seen:
                threats.append(
                    Threat(rule_id=topic.rule_id, label=topic.label, area=topic.area, event=event.ref, shown=shown)
                )
        details.update(_changes(regrouped))
    details["events"] = len(events)
    details.update({f"suppressed_{reason}": number for reason, number in reasons(lines).items()})
    return Assessed(
        pictures=len(seen),
        threatened=len({moment for threats in by_topic.values() for moment in threats if moment in seen}),
        events=sorted(events.values(), key=lambda event: (event.started_at, event.id)),
        threats=sorted(threats, key=lambda threat: (threat.taken_at, threat.topic)),
        suppressed=lines,
        details=details,
        written=written,
    )


def _changes(regrouped: Regrouped) -> Counter[str]:
    """How many events came, grew and went."""
    counts: Counter[str] = Counter()
    for event in regrouped.events:
        if event.state == EventState.CURRENT:
            counts["events_new" if event.id in regrouped.new else "events_changed"] += 1
        else:
            counts[f"events_{event.state}"] += 1
    return counts
