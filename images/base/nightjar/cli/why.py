"""`nightjar why`: condition by condition, why a picture did or did not alert."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nightjar.errors import InputError
from nightjar.queries.asked_about import asked_about
from nightjar.queries.deployed import detector_folder

if TYPE_CHECKING:
    from nightjar.domain.detections import Detection
    from nightjar.domain.events import Event
    from nightjar.domain.explaining import Explanation
    from nightjar.domain.names import Camera
    from nightjar.domain.rules import Rules
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.ledger import LedgerLine

_BEFORE, _AFTER = timedelta(hours=24), timedelta(hours=1)  # what static objects and agreement look at
_MOST_OBJECTS = 20  # of a picture, the most probable ones


@dataclass(frozen=True)
class _Judges:
    """Rules, and in words which ones they are."""

    rules: "Rules"
    name: str


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `why` to the command line."""
    why = commands.add_parser(
        "why",
        help="why a picture, an event or a message did or did not alert",
        description="Say of each object in a picture and each rule of its camera which condition let it pass and which "
        "did not, with the numbers; then the events, and who was told. By the rules that judged it, and by those in "
        "force where they say otherwise. All from what is stored; times of day are the user's.",
    )
    why.add_argument(
        "name", metavar="NAME", help="an event's or a message's id, a key, or a picture like alice-porch-1763647500"
    )
    why.add_argument("--detector", metavar="NAME", help="its id, or its image's tag; default: the deployed one")
    why.set_defaults(run=run_why)


def run_why(given: argparse.Namespace) -> int:
    """Print why; returns 0."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    lines = explained(store, given.name, given.detector, datetime.now(UTC))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def explained(store: "ObjectStore", name: str, detector: str | None, now: datetime) -> Iterator[str]:
    """All that there is to say about what is called `name`; raises InputError when there is no such thing."""
    asked = asked_about(store, name)
    if asked.line is not None:
        yield from _alert(asked.line, now)
    if asked.camera is None or asked.moment is None:
        return
    yield from _picture(store, asked.camera, asked.moment, asked.events, detector)
    for event in asked.events:
        yield ""
        yield from _event(store, event, now)
    if not asked.events:
        yield ""
        yield "No event has this picture, so nobody was alerted to it."


def _picture(
    store: "ObjectStore", camera: "Camera", moment: datetime, events: "Sequence[Event]", detector: str | None
) -> Iterator[str]:
    from nightjar.stores.rules import RulesStore

    folder = detector_folder(store, detector)
    seen = _detections(store, camera, moment, folder)
    own = next((each for each in seen if each.picture.taken_at == moment), None)
    if own is None:
        at = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        raise InputError(
            f"expected a picture of {camera.name} taken at {at} and seen by the detector {folder}, found none"
        )
    yield f"Picture {own.picture.standard_key}, taken {moment:%Y-%m-%d %H:%M:%S} UTC, detector {folder}"
    in_force = RulesStore(store).in_force()
    then = _rules_then(store, camera, moment, folder, events)
    now = _Judges(in_force.rules, "the rules in force") if in_force.rules else None
    judges = then or now
    if judges is None:
        yield "There are no rules to judge it by."
        return
    first = _explanations(store, judges, camera, moment, seen)
    yield from _judged(judges, camera, moment, own, first)
    if now is not None and then is not None:
        second = _explanations(store, now, camera, moment, seen)
        if [e.reason for e in first or ()] != [e.reason for e in second or ()]:
            yield ""
            yield from _judged(now, camera, moment, own, second)
        else:
            yield "The rules in force say the same."


def _detections(store: "ObjectStore", camera: "Camera", moment: datetime, folder: str) -> "list[Detection]":
    """The camera's detections that decide about the picture of this moment, by time."""
    from nightjar.stores.detections import Detections

    first, last = moment - _BEFORE, moment + _AFTER
    detections = Detections(store)
    places = detections.places(folder, first.date(), last.date(), {camera})
    lines = (line for place in places for line in detections.read(place))
    return [line for line in lines if first <= line.picture.taken_at <= last]


def _rules_then(
    store: "ObjectStore", camera: "Camera", moment: datetime, folder: str, events: "Sequence[Event]"
) -> _Judges | None:
    """The rules that judged the picture: those of its event, or of the run that wrote its detection, if it is known."""
    from nightjar.queries.runs_of import runs_that_saw
    from nightjar.stores.rules import RulesStore
    from nightjar.stores.runs import Runs

    rules = RulesStore(store)
    if events and (used := rules.used(events[0].rules_sha256)):
        return _Judges(used, f"the rules that judged the event (SHA-256 {events[0].rules_sha256[:12]})")
    for run in runs_that_saw(store, folder, camera, moment):
        try:
            frozen = Runs(store).live(run).release()[0].rules
        except InputError:
            continue
        if used := rules.used(frozen.sha256):
            return _Judges(used, f"the rules of run {run} (SHA-256 {frozen.sha256[:12]})")
    return None


def _explanations(
    store: "ObjectStore", judges: _Judges, camera: "Camera", moment: datetime, seen: "Sequence[Detection]"
) -> "list[Explanation] | None":
    from nightjar.domain.explaining import explain
    from nightjar.domain.sights import Sight
    from nightjar.stores.false_boxes import FalseBoxes

    settings = judges.rules.device(camera)
    if settings is None:
        return None
    sights = [Sight(line.picture.taken_at, line.objects) for line in seen]
    return explain(sights, moment, settings, judges.rules.event_gap, FalseBoxes(store).of(camera))


def _judged(
    judges: _Judges, camera: "Camera", moment: datetime, own: "Detection", explanations: "list[Explanation] | None"
) -> Iterator[str]:
    from nightjar.domain.probability import percent

    settings = judges.rules.device(camera)
    if settings is None or explanations is None:
        yield f"By {judges.name}: the camera is not in them."
        return
    yield f"By {judges.name}, at {settings.local(moment):%a %H:%M:%S %Z}:"
    if not own.objects:
        yield "  the detector saw nothing"
    if not settings.rules:
        yield "  the camera has no rule"
    for one in own.objects[:_MOST_OBJECTS]:
        box = " ".join(f"{side:.2f}" for side in one.box)
        yield f"  {one.label} {percent(one.probability)}, box {box}"
        for each in explanations:
            if each.object is one or (each.object.label, each.object.box) == (one.label, one.box):
                yield from _steps(each)
    if len(own.objects) > _MOST_OBJECTS:
        yield f"  and {len(own.objects) - _MOST_OBJECTS} that are less probable"


def _steps(explanation: "Explanation") -> Iterator[str]:
    rule, reason = explanation.rule, explanation.reason
    area = f" in {explanation.topic.area}" if explanation.topic.area else ""
    yield f"    rule {explanation.topic.rule_id} {rule.name}: {f'no threat, {reason}' if reason else f'a threat{area}'}"
    for step in explanation.steps:
        if step.asked and step.reached:
            verdict = "FAILED" if step.reason else "passed"
            yield f"      {verdict}  {step.condition}: asked {step.asked}; seen {step.seen}"


def _event(store: "ObjectStore", event: "Event", now: datetime) -> Iterator[str]:
    from nightjar.domain.events import EventState
    from nightjar.domain.probability import percent
    from nightjar.queries.runs_of import reason_held
    from nightjar.stores.digests import Digests
    from nightjar.stores.ledger import Ledger
    from nightjar.stores.reactions import Mutes, Reviews

    labels = ", ".join(f"{label} up to {percent(p)}" for label, p in event.labels.items())
    span = f"{event.started_at:%Y-%m-%d %H:%M:%S} to {event.ended_at:%H:%M:%S} UTC"
    yield f"Event {event.id}: {labels}, rule {event.rule_id} {event.rule_name}, {span}, {event.picture_count} pictures"
    if event.state != EventState.CURRENT:
        into = f" into {event.absorbed_by.id}" if event.absorbed_by else ""
        yield f"  {event.state}{into}"
    line = Ledger(store).find(event)
    if line is not None:
        yield from _alert(line, now)
    else:
        yield "  no alert was sent about it"
    days = [event.started_at.date() + timedelta(days=n) for n in range(-1, 4)]
    held = [each for day in days for each in Digests(store).lines(event.user, day) if each.event_id == event.id]
    if held:
        yield from (f"  held back for the digest: {each.reason}" for each in held)
    elif line is None and (reason := reason_held(store, event)):
        yield f"  held back: {reason}"
    mute = Mutes(store).get(event.camera)
    if mute is not None:
        yield f"  the camera was muted until {mute.until:%Y-%m-%d %H:%M} UTC, by {mute.by} on {mute.at:%Y-%m-%d %H:%M}"
    review = Reviews(store).get(event.ref)
    if review is not None:
        yield f"  reviewed as {review.verdict} by {review.by} on {review.at:%Y-%m-%d %H:%M} UTC"


def _alert(line: "LedgerLine", now: datetime) -> Iterator[str]:
    alert = line.alert
    yield f"  alert {line.key}: {alert.subject}"
    for delivery, state in zip(alert.each_delivery, alert.told_states(now), strict=True):
        repeated = ", possibly repeated" if delivery.possibly_repeated else ""
        with_ = f", told with event {delivery.told_with.id}" if delivery.told_with else ""
        yield f"  {delivery.address}: {state}{repeated}{with_}{', ' + delivery.problem if delivery.problem else ''}"
        yield from (
            f"    {call.at:%Y-%m-%d %H:%M:%S} UTC {call.status or 'no answer'} {call.response[:160]}".rstrip()
            for call in alert.calls_to(delivery)
        )
