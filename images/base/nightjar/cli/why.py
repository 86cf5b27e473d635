"""`nightjar why`: condition by condition, why a picture did or did not alert."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightjar.queries.asked_about import asked_about
from nightjar.queries.deployed import detector_folder

if TYPE_CHECKING:
    from nightjar.domain.events import Event
    from nightjar.domain.explaining import Explanation
    from nightjar.queries.why import Judged, PictureWhy
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.ledger import LedgerLine


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
    from nightjar.queries.why import why_of_picture

    asked = asked_about(store, name)
    if asked.line is not None:
        yield from _alert(asked.line, now)
    if asked.camera is None or asked.moment is None:
        return
    folder = detector_folder(store, detector)
    yield from _picture(why_of_picture(store, asked.camera, asked.moment, asked.events, folder))
    for event in asked.events:
        yield ""
        yield from _event(store, event, now)
    if not asked.events:
        yield ""
        yield "No event has this picture, so nobody was alerted to it."


def _picture(why: "PictureWhy") -> Iterator[str]:
    picture = why.seen.picture
    yield f"Picture {picture.standard_key}, taken {picture.taken_at:%Y-%m-%d %H:%M:%S} UTC, detector {why.detector}"
    if why.seen.mark is not None:
        yield f"The detector did not look at it: its objects are {why.seen.mark.told}."
    if not why.judged:
        yield "There are no rules to judge it by."
    for n, judged in enumerate(why.judged):
        yield from [""] if n else []
        yield from _judged(judged)
    if why.same_in_force:
        yield "The rules in force say the same."


def _judged(judged: "Judged") -> Iterator[str]:
    from nightjar.domain.probability import percent

    if judged.local is None:
        yield f"By {judged.name}: the camera is not in them."
        return
    yield f"By {judged.name}, at {judged.local:%a %H:%M:%S %Z}:"
    if not judged.objects:
        yield "  the detector saw nothing"
    if not judged.has_rules:
        yield "  the camera has no rule"
    for each in judged.objects:
        box = " ".join(f"{side:.2f}" for side in each.object.box)
        yield f"  {each.object.label} {percent(each.object.probability)}, box {box}"
        for verdict in each.verdicts:
            yield from _steps(verdict)
    if judged.left_out:
        yield f"  and {judged.left_out} that are less probable"


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
    from nightjar.queries.reactions_to import reactions_to

    labels = ", ".join(f"{label} up to {percent(p)}" for label, p in event.labels.items())
    span = f"{event.started_at:%Y-%m-%d %H:%M:%S} to {event.ended_at:%H:%M:%S} UTC"
    yield f"Event {event.id}: {labels}, rule {event.rule_id} {event.rule_name}, {span}, {event.picture_count} pictures"
    if event.state != EventState.CURRENT:
        into = f" into {event.absorbed_by.id}" if event.absorbed_by else ""
        yield f"  {event.state}{into}"
    reactions = reactions_to(store, event)
    if reactions.line is not None:
        yield from _alert(reactions.line, now)
    else:
        yield "  no alert was sent about it"
    yield from (f"  held back for the digest: {reason}" for reason in reactions.in_digests)
    if reactions.held:
        yield f"  held back: {reactions.held}"
    if (mute := reactions.mute) is not None:
        yield f"  the camera was muted until {mute.until:%Y-%m-%d %H:%M} UTC, by {mute.by} on {mute.at:%Y-%m-%d %H:%M}"
    if (review := reactions.review) is not None:
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
