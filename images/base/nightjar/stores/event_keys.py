"""Where the events of a camera are, the threats they are made of, and the journal of their changes. In UTC."""

from datetime import datetime

from nightjar.domain.events import EventRef
from nightjar.domain.layout import day_path
from nightjar.domain.names import Camera

EVENTS, THREATS, JOURNALS = "events/", "threats/", "journals/"


def event_key(camera: Camera, ref: EventRef) -> str:
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`."""
    return f"{EVENTS}{day_path(ref.day)}/{camera.name}/{ref.id}.json"


def hour_prefix(camera: Camera, hour: datetime) -> str:
    """Where a camera's threats of a UTC hour are, a minute an object."""
    return f"{THREATS}{hour:%Y/%m/%d/%H}/{camera.name}/"


def minute_key(camera: Camera, minute: datetime) -> str:
    """`threats/YYYY/MM/DD/HH/<user>-<device>/MM.json`."""
    return f"{hour_prefix(camera, minute)}{minute:%M}.json"


def journal_key(camera: Camera) -> str:
    """`journals/<user>-<device>.json`."""
    return f"{JOURNALS}{camera.name}.json"
