"""Answers of people to a message: a camera muted for a while, an event that was no threat after all."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from nightjar.domain.events import EventRef
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera

LONGEST_MUTE = timedelta(days=366)


class Mute(Stored):
    """`mutes/<user>-<device>.json`: no alerts of the camera about events that ended before `until`.

    `by` says by which way it came: `link`, `command` with a name, or `ui:` with a name; `at` is when.
    """

    user: str
    device: str
    until: datetime
    by: str
    at: datetime

    @property
    def camera(self) -> Camera:
        """The camera that is muted."""
        return Camera(self.user, self.device)


def mute(camera: Camera, until: datetime, by: str, now: datetime) -> Mute:
    """No alerts of `camera` until a moment; raises ValueError for one that is past or too far off."""
    if not now < until <= now + LONGEST_MUTE:
        raise ValueError(
            f"expected a moment after now and within {LONGEST_MUTE.days} days, got {until:%Y-%m-%d %H:%M} UTC"
        )
    return Mute(user=camera.user, device=camera.device, until=until, by=by, at=now)


def unmute(camera: Camera, by: str, now: datetime) -> Mute:
    """Alerts of `camera` from now on, whatever was muted before."""
    return Mute(user=camera.user, device=camera.device, until=now, by=by, at=now)


class ReviewVerdict(StrEnum):
    """A person's word about an event."""

    FALSE_ALARM = "false-alarm"
    CONFIRMED = "confirmed"


class Review(Stored):
    """`reviews/YYYY/MM/DD/<event id>.json`: the last word of a person about an event; the day is the event's."""

    event: EventRef
    user: str
    device: str
    verdict: Annotated[ReviewVerdict | str, Field(union_mode="left_to_right")]
    by: str
    at: datetime

    @property
    def camera(self) -> Camera:
        """The camera that saw the event."""
        return Camera(self.user, self.device)
