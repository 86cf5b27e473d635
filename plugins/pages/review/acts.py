"""The words of people about an event: said, said otherwise, taken back. The last word holds."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from nightjar.domain.events import Event
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.queries.event_pictures import Bytes, bytes_read
from nightjar.queries.event_reviews import word_about
from nightjar.stores.reactions import Reviews
from nightjar.stores.runs import LIVE
from plugins.pages.review.asked import EventDep, event_search
from plugins.pages.review.cards import CardView
from plugins.web.access import Person, PersonDep, acting
from plugins.web.audit import audit
from plugins.web.rendering import is_fragment, refuse, render
from plugins.web.world import World, WorldDep

router = APIRouter()

NOTHING = "none"  # takes back what was said
_CARD = "card"  # the part of a page that is shown again: a card of the list, or else the box of an event's page


@router.post("/event/{camera}/{day}/{event_id}/review", dependencies=[Depends(acting(LIVE))])
def review(
    request: Request,
    world: WorldDep,
    asked: EventDep,
    person: PersonDep,
    verdict: Annotated[str, Form()] = "",
    view: Annotated[str, Form()] = "",
) -> Response:
    """Keep what the person says of the event; saying the same again changes nothing."""
    if verdict not in (*ReviewVerdict, NOTHING):
        refuse(f"verdict to be {', '.join(ReviewVerdict)} or {NOTHING}", verdict)
    event = asked.read(world)
    before = word_about(world.store, event.ref).review
    if _say(world, event, person, verdict, before):
        about = {"event_id": event.id, "camera": event.camera.name, "verdict": verdict}
        if before is not None:
            about |= {"before": str(before.verdict), "before_by": before.by}
        audit(request, person, "nightjar.review", dag_id=LIVE, run_id=None, **about)
    if not is_fragment(request):
        return RedirectResponse(f"{request.scope.get('root_path', '')}/review/{asked.path}", 303)
    word = word_about(world.store, event.ref)
    if view == _CARD and (card := event_search(world).one(event.ref)):
        return render(request, "review/card.html.j2", view=CardView(card, word), other=_other(before, person))
    return render(request, "review/verdict.html.j2", path=asked.path, word=word, other=_other(before, person))


def by(person: Person) -> str:
    """How stored documents name who said something here."""
    return f"ui:{person.name}"


def _say(world: World, event: Event, person: Person, verdict: str, before: Review | None) -> bool:
    """Whether that changed anything."""
    reviews = Reviews(world.store)
    if verdict == NOTHING:
        if before is not None:
            reviews.remove(event.ref)
        return before is not None
    if before is not None and (before.verdict, before.by) == (verdict, by(person)):
        return False
    now = world.clock().replace(microsecond=0)
    review = Review.of(event, ReviewVerdict(verdict), by(person), now)
    # Where the bytes are not there, nobody can have seen the picture that was judged.
    if bytes_read(world.store, event.shown.picture) is not Bytes.THERE:
        review = review.model_copy(update={"shown": None})
    reviews.put(review)
    return True


def _other(before: Review | None, person: Person) -> Review | None:
    """The word of another person that was just replaced or taken back: two may look at once."""
    return before if before is not None and before.by != by(person) else None
