"""Answers of people to a message: a camera muted for a while, an event that was no threat after all."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from nightjar.domain.detections import DetectedObject, DetectorRef
from nightjar.domain.events import Event, EventRef
from nightjar.domain.model import Part, Stored
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


class Shown(Part):
    """The picture that a person looked at, and the object in it that the event is about, as a detector saw it.

    Detectors are evaluated with it: the bytes are named by their SHA-256, whatever becomes of the event later.
    """

    standard_key: str
    standard_sha256: str
    object: DetectedObject
    detector: DetectorRef

    @classmethod
    def of(cls, event: Event) -> Self:
        """The best picture of `event`, and the most probable object of its label in it."""
        best = event.shown
        own = [each for each in best.objects if each.label == event.topic.label] or best.objects
        return cls(
            standard_key=best.picture.standard_key,
            standard_sha256=best.picture.standard_sha256,
            object=max(own, key=lambda each: each.probability),
            detector=best.detector,
        )


class Review(Stored):
    """`reviews/YYYY/MM/DD/<event id>.json`: the last word of a person about an event; the day is the event's.

    `by` says by which way it came: `link`, `command <name>` or `ui:<name>`. `shown` is the picture that was judged;
    a link, which reads no event, leaves it out, and so does the UI where the picture is gone or altered.
    """

    event: EventRef
    user: str
    device: str
    verdict: Annotated[ReviewVerdict | str, Field(union_mode="left_to_right")]
    by: str
    at: datetime
    shown: Shown | None = None

    @classmethod
    def of(cls, event: Event, verdict: ReviewVerdict, by: str, at: datetime) -> Self:
        """The word of `by` about `event` as it is now."""
        shown = Shown.of(event)
        return cls(event=event.ref, user=event.user, device=event.device, verdict=verdict, by=by, at=at, shown=shown)

    @property
    def camera(self) -> Camera:
        """The camera that saw the event."""
        return Camera(self.user, self.device)
