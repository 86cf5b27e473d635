"""Actions for the reader: by a signed link where there is an address for it, else by a command of the operator."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from nightjar.domain.events import Event, EventRef
from nightjar.domain.model import iso_utc
from nightjar.domain.names import Camera
from nightjar.domain.notices import Action
from nightjar.domain.tally import many

MUTE_HOURS = 8
_MOST_EVENTS = 3


class Links(Protocol):
    """Makes signed links. Each allows one action, for a while, to whoever has it."""

    def mute(self, camera: Camera, hours: int) -> str:
        """The address that mutes a camera for some hours."""

    def false_alarm(self, camera: Camera, event: EventRef) -> str:
        """The address that says that an event was no threat."""

    def event_page(self, camera: Camera, event: EventRef) -> str:
        """The address of the event's page in Airflow's UI, for whoever runs Nightjar."""


def actions_about(events: Sequence[Event], links: Links | None) -> tuple[Action, ...]:
    """Mute the camera, say that it was false, see the other pictures; of at least one event of one camera."""
    camera = events[0].camera
    mute = f"Mute this camera for {MUTE_HOURS} hours"
    actions = [
        Action(mute, link=links.mute(camera, MUTE_HOURS))
        if links
        else Action(mute, command=f"nightjar mute {camera.name} {MUTE_HOURS}h")
    ]
    for event in events[:_MOST_EVENTS]:
        words = "It was no threat" if len(events) == 1 else f"The {event.topic.label} was no threat"
        if links:
            actions.append(Action(words, link=links.false_alarm(camera, event.ref)))
        else:
            actions.append(Action(words, command=f"nightjar review {event.id} --false-alarm"))
    return (*actions, _pictures(events, links))


def _pictures(events: Sequence[Event], links: Links | None) -> Action:
    camera = events[0].camera
    began = min(event.started_at for event in events)
    ended = max(event.ended_at for event in events) + timedelta(seconds=1)
    number = max(event.picture_count for event in events)
    words = "See the picture in full" if number == 1 else f"See all {many(number, 'picture')}"
    if len(events) > 1:
        words = "See all pictures"
    if links and len(events) == 1:
        return Action(words, command=links.event_page(camera, events[0].ref))
    command = (
        f"nightjar export --format pictures --camera {camera.name} --from {iso_utc(began)} --to {iso_utc(ended)} "
        "--out pictures"
    )
    return Action(words, command=command)
