"""Things that an address of the page names: events, moments, filters. Each refuses anything else with a sentence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, NoReturn

from fastapi import Depends, Path, Request

from nightjar.domain.events import Event, EventRef
from nightjar.domain.model import utc_from_ms
from nightjar.domain.names import Camera, NameRefused
from nightjar.errors import UsageError
from nightjar.queries.event_filter import EventFilter
from nightjar.queries.event_position import Position
from nightjar.queries.event_search import EventSearch
from nightjar.queries.rules_now import rules_now
from nightjar.runtime.links import event_path
from nightjar.stores.events import Events
from nightjar.stores.tables import Unalerted
from plugins.web.errors import BadRequest, NotFound
from plugins.web.rendering import refuse
from plugins.web.world import World

REASONS = frozenset(map(str, Unalerted))

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MS = re.compile(r"[0-9]{1,14}", re.ASCII)


@dataclass(frozen=True)
class EventAsked:
    """The event that an address names; nothing is read yet."""

    camera: Camera
    ref: EventRef

    @property
    def path(self) -> str:
        """Below the page."""
        return event_path(self.camera, self.ref)

    def read(self, world: World) -> Event:
        """The event as it is stored; raises NotFound when there is none."""
        event = Events(world.store).get(self.camera, self.ref)
        if event is None:
            raise NotFound(
                f"There is no event {self.ref.id} of {self.camera.name} that began on {self.ref.day}; it may have been "
                "erased."
            )
        return event


def event_asked(
    camera: Annotated[str, Path()], day: Annotated[str, Path()], event_id: Annotated[str, Path()]
) -> EventAsked:
    """The event of `/event/{camera}/{day}/{event_id}`; raises BadRequest."""
    try:
        found = Camera.parse(camera)
    except NameRefused as error:
        raise BadRequest(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    if not _ID.fullmatch(event_id):
        refuse("the id of an event, up to 64 of A-Z a-z 0-9 _ -", event_id)
    try:
        if not _DAY.fullmatch(day):
            raise ValueError(day)
        return EventAsked(found, EventRef(id=event_id, day=date.fromisoformat(day)))
    except ValueError:
        refuse("the UTC day of an event, like 2026-11-20", day)


EventDep = Annotated[EventAsked, Depends(event_asked)]


def moment_asked(name: str, text: str) -> datetime | None:
    """The moment that `text` gives in milliseconds since 1970; None for an empty text. Raises BadRequest."""
    if not text:
        return None
    try:
        if not _MS.fullmatch(text):
            raise ValueError(text)
        return utc_from_ms(int(text))
    except (ValueError, OverflowError):
        refuse(f"{name} as milliseconds since 1970", text)


def filter_asked(asked: Mapping[str, str]) -> EventFilter:
    """The filter in the parameters of an address; raises BadRequest."""
    try:
        return EventFilter.parse(asked, REASONS)
    except UsageError as error:
        _refuse(error)


def position_asked(text: str) -> Position | None:
    """The position that a parameter gives; None for an empty text. Raises BadRequest."""
    try:
        return Position.parse(text) if text else None
    except UsageError as error:
        _refuse(error)


def event_search(world: World) -> EventSearch:
    """The list of events, with the severities of the rules in force."""
    rules = rules_now(world.store, ()).rules
    return EventSearch(
        world.warehouse, world.store, {i: rule.severity for i, rule in rules.rules.items()} if rules else {}
    )


def parameters(request: Request) -> dict[str, str]:
    """The parameters of the address; of one that is given twice, the last."""
    return dict(request.query_params)


def _refuse(error: UsageError) -> NoReturn:
    text = str(error)
    raise BadRequest(f"{text[:1].upper()}{text[1:]}.") from None
