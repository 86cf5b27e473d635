"""Where the events of a camera are, the threats they are made of, and the journal of their changes. In UTC."""

import re
from datetime import date, datetime

from nightjar.domain.events import EventRef
from nightjar.domain.layout import day_path
from nightjar.domain.names import Camera
from nightjar.errors import InputError

EVENTS, THREATS, JOURNALS = "events/", "threats/", "journals/"
_EVENT = re.compile(rf"{EVENTS}([0-9]{{4}})/([0-9]{{2}})/([0-9]{{2}})/[^/]+/([^/]+)\.json", re.ASCII)


def event_key(camera: Camera, ref: EventRef) -> str:
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`."""
    return f"{EVENTS}{day_path(ref.day)}/{camera.name}/{ref.id}.json"


def ref_of_key(key: str) -> EventRef:
    """The event whose key it is; raises InputError for a key that is no event's."""
    try:
        parts = _EVENT.fullmatch(key)
        if parts:
            return EventRef(id=parts[4], day=date(int(parts[1]), int(parts[2]), int(parts[3])))
    except ValueError:
        pass
    raise InputError(f"expected the key of an event, got {key!r:.300}")


def hour_prefix(camera: Camera, hour: datetime) -> str:
    """Where a camera's threats of a UTC hour are, a minute an object."""
    return f"{THREATS}{hour:%Y/%m/%d/%H}/{camera.name}/"


def minute_key(camera: Camera, minute: datetime) -> str:
    """`threats/YYYY/MM/DD/HH/<user>-<device>/MM.json`."""
    return f"{hour_prefix(camera, minute)}{minute:%M}.json"


def journal_key(camera: Camera) -> str:
    """`journals/<user>-<device>.json`."""
    return f"{JOURNALS}{camera.name}.json"
