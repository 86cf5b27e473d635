"""Which picture, event or message a person means by a name: an id, a key, or the name of footage."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nightjar.errors import InputError

if TYPE_CHECKING:
    from nightjar.domain.events import Event
    from nightjar.domain.names import Camera
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.ledger import LedgerLine

_DAYS_BACK = 3  # days by which an event may have begun before one of its pictures was taken
_EXPECTED = (
    "expected the id of an event or a message, a key of the ledger or of a picture, or a picture like "
    "alice-porch-1763647500"
)


@dataclass(frozen=True)
class Asked:
    """The thing asked about: the picture of a camera, with its events; or a message that is about no event."""

    camera: "Camera | None" = None
    moment: datetime | None = None
    events: "tuple[Event, ...]" = ()
    line: "LedgerLine | None" = None


def asked_about(store: "ObjectStore", name: str) -> Asked:
    """The picture, event or message called `name`; raises InputError when there is no such thing."""
    from nightjar.stores.events import Events
    from nightjar.stores.ledger import Ledger

    if picture := _picture(name):
        camera, moment = picture
        return Asked(camera, moment, tuple(_events_with(store, camera, moment)))
    ledger, line, asked = Ledger(store), None, name
    known: list[str] = ledger.keys()
    if "/" in name:
        line = ledger.read(name) if name in known else None
        name = name.rpartition("/")[2].removesuffix(".json")
    events = Events(store).named(name)
    if len(events) > 1:
        raise InputError(f"{_EXPECTED}; {len(events)} events begin with {name!r}, such as {events[0].id}")
    if events:
        event = events[0]
        return Asked(event.camera, event.shown.picture.taken_at, (event,))
    keys = [key for key in known if key.rpartition("/")[2].startswith(name)] if line is None else []
    if len(keys) == 1:
        line = ledger.read(keys[0])
    if line is None:
        raise InputError(f"{_EXPECTED}; found nothing called {asked!r:.300}")
    return Asked(line=line)


def _picture(name: str) -> "tuple[Camera, datetime] | None":
    """The camera and time of a footage name or of the key of a picture or footage; None for any other name."""
    from nightjar.domain.model import utc_from_ms
    from nightjar.domain.names import Camera, NameRefused, parse_footage_name, parse_time_digits

    *folders, last = name.split("/")
    try:
        footage = parse_footage_name(last if "." in last else f"{last}.jpg")
        return footage.camera, footage.taken_at
    except NameRefused:
        pass
    try:
        return Camera.parse(folders[-1]), utc_from_ms(parse_time_digits(last.partition(".")[0]))
    except (NameRefused, IndexError):
        return None


def _events_with(store: "ObjectStore", camera: "Camera", moment: datetime) -> "list[Event]":
    """The events of the camera that have a threat in the picture of this moment."""
    from nightjar.stores.events import Events

    events = Events(store)
    days = (moment.date() - timedelta(days=n) for n in range(_DAYS_BACK + 1))
    near = (event for day in days for event in events.of_camera(camera, day) if event.has_threats)
    spanning = [event for event in near if event.started_at <= moment <= event.ended_at]
    return [event for event in spanning if any(t.taken_at == moment for t in events.pictures(event))]
