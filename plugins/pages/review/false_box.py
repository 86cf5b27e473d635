"""A place where the detector errs, confirmed from an event: first what it would have covered, then the button."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.false_boxes import OVERLAP, FalseBox, is_false
from nightjar.domain.model import ms_from_utc
from nightjar.queries.event_pictures import picture_at
from nightjar.queries.false_box_cover import cover_of
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.runs import LIVE
from plugins.pages.review.acts import by
from plugins.pages.review.asked import EventDep, moment_asked
from plugins.web.access import PersonDep, acting
from plugins.web.audit import audit
from plugins.web.boxes import Box, boxes_of
from plugins.web.errors import NotFound
from plugins.web.limits import limited
from plugins.web.rendering import refuse, render
from plugins.web.world import World, WorldDep

router = APIRouter()


@dataclass(frozen=True)
class Chosen:
    """An object in a picture of an event: what the detector saw there is what a box may be made of, nothing else."""

    shown: ThreatPicture
    number: int

    @property
    def object(self) -> DetectedObject:
        """The object."""
        return self.shown.objects[self.number]


@router.get(
    "/event/{camera}/{day}/{event_id}/false-box",
    dependencies=[Depends(limited("false-box", at_once=2, per_minute=30))],
)
def look(request: Request, world: WorldDep, asked: EventDep, at: str = "", number: str = "0") -> Response:
    """Show what a false box at this object would have covered."""
    event = asked.read(world)
    chosen = _chosen(world, event, at, number)
    one = chosen.object
    cover = cover_of(world.warehouse, event.camera, one.label, one.box, OVERLAP, world.clock().date())
    return render(
        request,
        "review/false_box.html.j2",
        path=asked.path,
        event=event,
        chosen=chosen,
        at=ms_from_utc(chosen.shown.picture.taken_at),
        boxes=boxes_of([one]),
        cover=cover,
        examples=[(each, [Box(*each.box, "")]) for each in cover.examples],
        overlap=OVERLAP,
        is_known=is_false(one, FalseBoxes(world.store).of(event.camera)),
    )


@router.post("/event/{camera}/{day}/{event_id}/false-box", dependencies=[Depends(acting(LIVE))])
def confirm(
    request: Request,
    world: WorldDep,
    asked: EventDep,
    person: PersonDep,
    at: Annotated[str, Form()] = "",
    number: Annotated[str, Form()] = "",
) -> Response:
    """Suppress the object's label at its place from the next run on; once more changes nothing."""
    event = asked.read(world)
    one = _chosen(world, event, at, number).object
    now = world.clock().replace(microsecond=0)
    box = FalseBox(label=one.label, box=one.box, confirmed_by=by(person), confirmed_at=now)
    if FalseBoxes(world.store).add(event.camera, [box]):
        place = " ".join(f"{side:.4f}" for side in one.box)
        about = {"event_id": event.id, "camera": event.camera.name, "label": one.label, "box": place}
        audit(request, person, "nightjar.false_box", dag_id=LIVE, run_id=None, **about)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/review/{asked.path}", 303)


def _chosen(world: World, event: Event, at: str, number: str) -> Chosen:
    """The object that was chosen; raises BadRequest or NotFound."""
    moment = moment_asked("at", at)
    shown = picture_at(world.store, event, moment) if moment else event.shown
    if shown is None:
        raise NotFound(f"Event {event.id} has no picture of that moment.")
    if not (number.isascii() and number.isdecimal() and len(number) < 4 and int(number) < len(shown.objects)):
        refuse(f"the number of an object in the picture, 0 to {len(shown.objects) - 1}", number)
    return Chosen(shown, int(number))
