"""The list of events: cards newest first, filters in the address, older ones as one scrolls."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from nightjar.queries.event_filter import EventFilter, Said, States, Told
from nightjar.queries.event_position import Position
from nightjar.queries.event_reviews import Word, words_about
from nightjar.queries.event_search import EventPage
from nightjar.queries.rules_now import rules_now
from plugins.pages.review.asked import REASONS, event_search, filter_asked, parameters, position_asked
from plugins.pages.review.cards import CardView
from plugins.pages.review.choices import choices_of
from plugins.web.rendering import is_fragment, render
from plugins.web.world import World, WorldDep

router = APIRouter()

_STATES = {
    States.CURRENT: "current",
    States.WITHDRAWN: "withdrawn",
    States.ABSORBED: "absorbed",
    States.ALL: "all",
}
_TOLD = {
    Told.ALERTED: "alerted",
    Told.HELD: "held back",
    Told.FAILED: "alert failed",
    Told.NOBODY: "nobody told",
}
_SAID = {
    Said.NOTHING: "not reviewed",
    Said.ANYTHING: "reviewed",
    Said.FALSE_ALARM: "not a threat",
    Said.CONFIRMED: "confirmed",
}


_QUICK: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("Not reviewed", {"review": "none"}),
    ("Alerted", {"told": "alerted"}),
    ("Held back", {"told": "held"}),
)


@router.get("/")
def events(request: Request, world: WorldDep, older: str = "") -> Response:
    """The events that the filter in the address wants; for htmx the cards, or all that the filter decides."""
    wanted, position = filter_asked(parameters(request)), position_asked(older)
    page = event_search(world).page(wanted, world.clock(), position)
    found = _found(world, wanted, page, position)
    if is_fragment(request):
        return render(request, f"review/{'cards' if position else 'found'}.html.j2", **found)
    return render(request, "review/list.html.j2", **found, **_form(world, wanted, page))


@router.get("/new")
def new(request: Request, world: WorldDep, after: str = "") -> Response:
    """How many events came since the page was loaded, as a link to them; status 204 for none."""
    wanted, position = filter_asked(parameters(request)), position_asked(after)
    number = event_search(world).newer(wanted, world.clock(), position) if position else 0
    if not number:
        return Response(status_code=204)
    return render(request, "review/new.html.j2", number=number, filter_query=urlencode(wanted.address()))


def _found(world: World, wanted: EventFilter, page: EventPage, position: Position | None) -> dict[str, Any]:
    words = words_about(world.store, (card.ref for card in page.cards))
    views = [CardView(card, words.get(card.ref.id, Word())) for card in page.cards]
    address = wanted.address()
    first = page.cards[0].position if page.cards else Position.before(world.clock().date())
    return {
        "views": views,
        "problems": page.problems,
        "looked_to": page.looked_to,
        "is_first": position is None,
        "wanted": wanted,
        "filter_query": urlencode(address),
        "shown_filters": [] if any(address == query for _, query in _QUICK) else list(address.items()),
        "quick": [(text, urlencode(query), address == query) for text, query in _QUICK],
        "older_query": urlencode({**address, "older": str(page.older)}) if page.older else None,
        "new_query": urlencode({**address, "after": str(first)}),
    }


def _form(world: World, wanted: EventFilter, page: EventPage) -> dict[str, Any]:
    """The fields of the form, with what they may have."""
    choices = choices_of(rules_now(world.store, ()), page.cards)
    address = wanted.address()
    reasons = [(reason, f"held back: {reason.replace('-', ' ')}") for reason in sorted(REASONS)]
    rules = {str(rule): f"{rule} {name}" for rule, name in choices.rules.items()}
    return {
        "address": address,
        "choices": choices,
        "labels": _options({each: each for each in choices.labels}, wanted.label),
        "rules": _options(rules, address.get("rule", "")),
        "severities": _options({each: each for each in ("critical", "warning", "info")}, ""),
        "states": list(_STATES.items()),
        "told": [("", "any"), *_TOLD.items(), *reasons],
        "said": [("", "any"), *_SAID.items()],
        "date_types": {name: "date" if is_day(address.get(name, "")) else "datetime-local" for name in ("from", "to")},
    }


def _options(known: dict[str, str], chosen: str) -> list[tuple[str, str]]:
    """Any, all that is known, and what was chosen, even if it is not known."""
    return [("", "any"), *(known | {chosen: known.get(chosen, chosen)} if chosen else known).items()]


def is_day(text: str) -> bool:
    """Whether a time of the filter is a whole day, or none."""
    try:
        return not text or len(text) == len(date.fromisoformat(text).isoformat())
    except ValueError:
        return False
