"""One camera: its detections are judged, and its events brought up to date in one transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from nightjar.domain.detections import Detection
from nightjar.domain.events import Event, EventState, Suppressed, Threat, ThreatPicture
from nightjar.domain.grouping import Judge, Regrouped, current, regroup
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Rules
from nightjar.stores.camera_view import CameraView
from nightjar.stores.events import Events
from nightjar_assess.judgement import Verdict, judge, reasons


@dataclass(frozen=True)
class Rulebook:
    """The rules that a run is pinned to, and how they are known."""

    rules: Rules
    sha256: str

    @property
    def gap(self) -> timedelta:
        """Threats at most this far apart belong to one event."""
        return self.rules.event_gap


@dataclass
class Assessed:
    """The verdict about one camera's pictures: threats by time and rule, and the events that these belong to."""

    pictures: int
    threatened: int  # pictures with at least one threat
    events: list[Event] = field(default_factory=list)
    threats: list[Threat] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    details: Counter[str] = field(default_factory=Counter)
    written: list[ObjectRef] = field(default_factory=list)


def assess_camera(
    store: Events, rulebook: Rulebook, camera: Camera, seen: Mapping[datetime, Detection], today: date
) -> Assessed:
    """Judge `seen`, one detection a picture, and change the stored events accordingly.

    Only these pictures are judged: another picture's verdict is the business of the run that looked at it. Of a camera
    that the rules do not know any more, such as one that was renamed, what was judged before stays as it is.
    """
    settings = rulebook.rules.device(camera)
    verdict = judge(seen.values(), settings)
    by_rule = {
        rule: {threat.picture.taken_at: threat for threat in threats} for rule, threats in verdict.threats.items()
    }

    def regroup_all(view: CameraView) -> dict[int, Regrouped]:
        if settings is None:
            by_rule.clear()
            by_rule.update(_threats_as_stored(view, seen))
            return {rule_id: Regrouped(homes=_homes(view, rule_id, by_rule[rule_id])) for rule_id in by_rule}
        changes = {}
        for rule_id in sorted(by_rule.keys() | view.rules_at(seen)):
            timeline = view.timeline(rule_id)
            judge_of_rule = _judge(rulebook, camera, settings, rule_id)
            changes[rule_id] = regroup(judge_of_rule, timeline, seen.keys(), by_rule.get(rule_id, {}), view.number)
            view.put(rule_id, changes[rule_id])
        return changes

    changes, written = store.change(camera, today, regroup_all)
    return _assessed(seen, verdict, by_rule, changes, written)


def _threats_as_stored(
    view: CameraView, seen: Mapping[datetime, Detection]
) -> dict[int, dict[datetime, ThreatPicture]]:
    """By rule, the pictures of `seen` that were judged to be threats before, and whose event is still stored."""
    stored: dict[int, dict[datetime, ThreatPicture]] = {}
    for rule_id in sorted(view.rules_at(seen)):
        timeline = view.timeline(rule_id)
        threats = ((moment, timeline.at(moment)) for moment in seen)
        stored[rule_id] = {
            moment: threat.shown for moment, threat in threats if threat and current(timeline, threat.event)
        }
    return stored


def _homes(view: CameraView, rule_id: int, moments: Iterable[datetime]) -> dict[datetime, Event]:
    """The event of each of `moments`, at which a threat under the rule is stored."""
    timeline = view.timeline(rule_id)
    homes = ((moment, current(timeline, threat.event)) for moment in moments if (threat := timeline.at(moment)))
    return {moment: event for moment, event in homes if event}


def _judge(rulebook: Rulebook, camera: Camera, settings: CameraRules | None, rule_id: int) -> Judge:
    rule = rulebook.rules.rules.get(rule_id)
    return Judge(
        camera=camera,
        site=settings.site if settings else None,
        rule_id=rule_id,
        rule_name=rule.name if rule else str(rule_id),
        rules_sha256=rulebook.sha256,
        gap=rulebook.gap,
    )


def _assessed(
    seen: Mapping[datetime, Detection],
    verdict: Verdict,
    by_rule: Mapping[int, Mapping[datetime, ThreatPicture]],
    changes: Mapping[int, Regrouped],
    written: list[ObjectRef],
) -> Assessed:
    events: dict[str, Event] = {}
    threats: list[Threat] = []
    details: Counter[str] = Counter()
    for rule_id, regrouped in changes.items():
        for moment, shown in by_rule.get(rule_id, {}).items():
            event = regrouped.homes[moment]
            events[event.id] = event
            threats.append(Threat(rule_id=rule_id, event=event.ref, shown=shown))
        details.update(_changes(regrouped))
    details["events"] = len(events)
    details.update({f"suppressed_{reason}": number for reason, number in reasons(verdict.suppressed).items()})
    return Assessed(
        pictures=len(seen),
        threatened=len({moment for threats in by_rule.values() for moment in threats}),
        events=sorted(events.values(), key=lambda event: (event.started_at, event.id)),
        threats=sorted(threats, key=lambda threat: (threat.taken_at, threat.rule_id)),
        suppressed=verdict.suppressed,
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
