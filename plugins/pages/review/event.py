"""The page of one event: pictures with boxes, clip, who was told, why, and the ways on from it."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.model import ms_from_utc
from nightjar.errors import InputError, UsageError
from nightjar.queries.deployed import detector_folder
from nightjar.queries.event_pictures import clips_of, picture_at, pictures_of
from nightjar.queries.event_reviews import Word, words_about
from nightjar.queries.readable import told
from nightjar.queries.why import PictureWhy, why_of_picture
from nightjar.runtime.links import event_path
from nightjar.stores.detections import Detections
from nightjar.stores.events import Events
from plugins.pages.review.asked import EventDep, moment_asked
from plugins.pages.review.cards import Chip, severity_of, state_of
from plugins.pages.review.known import Known, known_of
from plugins.pages.review.told import deliveries_of, short_of
from plugins.web.boxes import boxes_of
from plugins.web.errors import NotFound
from plugins.web.limits import limited
from plugins.web.rendering import is_fragment, render
from plugins.web.world import World, WorldDep

router = APIRouter()


@router.get("/event/{camera}/{day}/{event_id}")
def event_page(request: Request, world: WorldDep, asked: EventDep, at: str = "", since: str = "") -> Response:
    """The event; `at` is the moment of the picture in front, `since` where its pictures begin, in milliseconds."""
    event = asked.read(world)
    moment, beginning = moment_asked("at", at), moment_asked("since", since)
    if is_fragment(request) and beginning is not None:
        pictures = pictures_of(world.store, event, beginning)
        values: dict[str, Any] = {"path": asked.path, "pictures": pictures, "since": since, **HELPERS}
        return render(request, "review/pictures.html.j2", **values)
    known = known_of(world, event, moment, beginning)
    return render(request, "review/event.html.j2", path=asked.path, since=since, **view_of(known, world))


@router.get(
    "/event/{camera}/{day}/{event_id}/why", dependencies=[Depends(limited("review-why", at_once=2, per_minute=60))]
)
def why_page(request: Request, world: WorldDep, asked: EventDep, at: str = "") -> Response:
    """Condition by condition, why the picture in front did or did not alert."""
    event, moment = asked.read(world), moment_asked("at", at)
    shown = picture_at(world.store, event, moment) if moment else event.shown
    if shown is None:
        raise NotFound(f"Event {event.id} has no picture of that moment.")
    problems = list[str]()
    why = told(problems, lambda: why_of(world, event, shown))
    template = "why" if is_fragment(request) else "why_page"
    return render(request, f"review/{template}.html.j2", path=asked.path, event=event, why=why, problems=problems)


def why_of(world: World, event: Event, shown: ThreatPicture) -> PictureWhy:
    """Why the picture of `event` was a threat, by the detector that saw it; raises InputError."""
    own = detector_id(shown.detector.sha256, shown.detector.settings)
    places = (own, shown.detector.tag)  # release 0.1 filed detections by the tag
    day = shown.picture.taken_at.date()
    folder = next(
        (each for each in places if any(Detections(world.store).places(each, day, day, {event.camera}))), None
    )
    if folder is None:
        try:
            folder = detector_folder(world.store, None)
        except UsageError as error:
            raise InputError(str(error)) from None
    try:
        return why_of_picture(world.store, event.camera, shown.picture.taken_at, [event], folder)
    except UsageError as error:  # rules that are kept, and damaged
        raise InputError(str(error)) from None


def view_of(known: Known, world: World) -> dict[str, Any]:
    """The values of the page's template."""
    # What was said before the events grew together was said of the one that is no more.
    words = words_about(world.store, known.event.absorbed)
    event, card, alert = known.event, known.card, known.line.alert if known.line else None
    unalerted = known.held[0] if known.held else ""
    late = card.late_seconds if card else None
    rule = known.camera.rules.get(event.rule_id) if known.camera else None
    severity = (
        (alert.severity if alert else "") or (card.severity if card else None) or (rule.severity if rule else None)
    )
    return {
        "known": known,
        "event": event,
        "title": f"{' and '.join(event.labels)} at {event.camera.name}",
        "zone": known.camera.timezone.key if known.camera else card.timezone if card else None,
        "state": state_of(str(event.state), short_of(alert) if alert else [], unalerted, late),
        "severity": severity_of(severity),
        "alert": alert,
        "deliveries": deliveries_of(alert, world.clock()) if alert else [],
        "told_from": known.line.key if known.line else Events(world.store).key(event),
        "told_as": alert.event_id if alert and alert.event_id != event.id else None,
        "is_muted": known.mute is not None and known.mute.until > world.clock(),
        "steps": steps_from(known),
        "clips": clips_of(known.pictures.pictures),
        "absorbed": [(ref.id, event_path(event.camera, ref), words.get(ref.id, Word())) for ref in event.absorbed],
        "heir": event_path(event.camera, known.heir.ref) if known.heir else None,
        "unknown_camera": Chip("camera not in the rules", "warn") if known.camera is None else None,
        **HELPERS,
    }


def steps_from(known: Known) -> tuple[datetime | None, datetime | None]:
    """The moments of the pictures before and after the one in front, as far as the page has them."""
    moments = [each.picture.taken_at for each in known.pictures.pictures]
    at = known.shown.picture.taken_at
    if at not in moments:
        return None, None
    before = [moment for moment in moments if moment < at]
    after = [moment for moment in moments if moment > at]
    return (before[-1] if before else None, after[0] if after else None)


# Functions that the templates of an event call.
HELPERS = {"boxes_of": boxes_of, "event_path": event_path, "ms": ms_from_utc}
