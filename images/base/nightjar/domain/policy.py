"""Who may be told of an event now, and why not. Pure; decided before anything is claimed.

Every verdict follows from the event's own end and from what was sent, not from when a task runs: so a task that is
repeated decides the same, and an event that goes on beyond a mute, quiet hours or a cool-down is told after it. Only
how late an event may come (`max_age`) is counted from now.

    held_back    what the rules and a mute say of one event
    reserve      cool-down and cap, which depend on what the user was told before
    undo         the message of a reservation reached nobody
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from nightjar.domain.model import Part, Stored
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.rules import CameraRules
from nightjar.domain.severity import Severity

# Of the events of one message, the first ones that are remembered; a task that is repeated finds its message by them.
_MOST_REMEMBERED = 64
# Of the messages of a period, the last ones whose events are remembered.
_MOST_MESSAGES = 256


class Held(StrEnum):
    """Why an event is not told now and goes to the digest."""

    ALERTS_OFF = "alerts-off"  # the rules switch alerts off, or count only what came later
    MUTED = "muted"
    TOO_LATE = "too-late"  # it had ended longer ago than alerts are sent for
    QUIET_HOURS = "quiet-hours"
    COOL_DOWN = "cool-down"  # the camera's last alert was sent a moment ago
    CAP = "cap"  # the user has been sent as many alerts as they want in a period


class LastAlert(Part):
    """The last alert that was sent about a camera: when, how severe, and about which events."""

    at: datetime
    severity: str = Severity.WARNING
    events: tuple[str, ...] = ()


class Period(Part):
    """The period of a cap: when its first message was sent, how many were, and the events of the last ones."""

    began: datetime
    count: int = 0
    messages: tuple[tuple[str, ...], ...] = ()


class Telling(Stored):
    """`telling/<user>.json`: what cool-downs and caps have to know. Bounded by the number of the user's cameras."""

    user: str
    cameras: dict[str, LastAlert] = Field(default_factory=dict)
    period: Period | None = None


@dataclass(frozen=True)
class Ended:
    """The end of an event and how severe it is: all that cool-down and cap look at."""

    at: datetime
    severity: Severity


@dataclass(frozen=True)
class Reserved:
    """The user's state once the events that are not `held` are told.

    `capped` is the beginning of the period whose cap holds some back.
    """

    telling: Telling
    held: Mapping[str, Held] = field(default_factory=dict)
    capped: datetime | None = None


def held_back(
    ended_at: datetime, severity: Severity, camera: CameraRules, mute: Mute | None, now: datetime, max_age: timedelta
) -> Held | None:
    """Why an event of `camera` that ended at `ended_at` is not told; None when it may be."""
    if not camera.alerts_enabled or (camera.alerts_since is not None and ended_at < camera.alerts_since):
        return Held.ALERTS_OFF
    until = max((m for m in (camera.mute_until, mute.until if mute else None) if m is not None), default=None)
    if until is not None and ended_at < until:
        return Held.MUTED
    if ended_at < now - max_age:
        return Held.TOO_LATE
    quiet = camera.quiet_hours
    if quiet is not None and severity is not Severity.CRITICAL and quiet.holds_at(camera.local(ended_at).time()):
        return Held.QUIET_HOURS
    return None


def needs_state(camera: CameraRules) -> bool:
    """Whether what the user was told before matters for `camera`."""
    return camera.cool_down > timedelta(0) or camera.cap is not None


def reserve(telling: Telling, camera: CameraRules, events: Mapping[str, Ended], now: datetime) -> Reserved:
    """Reserve one message about `events`, by id, as far as cool-down and cap allow it.

    Events that were reserved before are allowed again and change nothing. The cool-down does not hold back an event
    that is more severe than the alert it is counted from.
    """
    held: dict[str, Held] = {}
    last = telling.cameras.get(camera.camera.device)
    known = set(last.events if last else ())
    if telling.period is not None:
        known |= {each for message in telling.period.messages for each in message}
    for identity, event in events.items():
        if identity not in known and last is not None and _cools(last, event, camera.cool_down):
            held[identity] = Held.COOL_DOWN
    settled = known | held.keys()
    new = {identity: event for identity, event in events.items() if identity not in settled}
    if not new:
        return Reserved(telling, held)
    period = telling.period
    if camera.cap is not None:
        length = timedelta(hours=camera.cap.hours)
        if period is None or max(event.at for event in new.values()) >= period.began + length:
            period = Period(began=now)
        # A message that was begun is finished: what joins it does not make it two.
        joins = len(new) < len(events) - len(held)
        if period.count >= camera.cap.alerts and not joins:
            held |= dict.fromkeys(new, Held.CAP)
            return Reserved(telling.model_copy(update={"period": period}), held, period.began)
        messages = (*period.messages, tuple(new)[:_MOST_REMEMBERED])[-_MOST_MESSAGES:]
        count = period.count if joins else period.count + 1
        period = period.model_copy(update={"messages": messages, "count": count})
    severity = max((event.severity for event in new.values()), key=lambda each: each.rank)
    told = sorted(events.keys() - held.keys())[:_MOST_REMEMBERED]
    alert = LastAlert(at=now, severity=severity, events=tuple(told))
    cameras = {**telling.cameras, camera.camera.device: alert}
    return Reserved(telling.model_copy(update={"cameras": cameras, "period": period}), held)


def undo(telling: Telling, camera: Camera, events: tuple[str, ...]) -> Telling:
    """The state without the message about `events`, which reached nobody: it starts no cool-down and counts for no cap.

    The alert before it, whose cool-down it may have replaced, is not restored.
    """
    cameras = {
        device: alert
        for device, alert in telling.cameras.items()
        if device != camera.device or not set(alert.events) & set(events)
    }
    period = telling.period
    if period is not None:
        messages = tuple(message for message in period.messages if not set(message) & set(events))
        gone = len(period.messages) - len(messages)
        period = period.model_copy(update={"messages": messages, "count": max(0, period.count - gone)})
    return telling.model_copy(update={"cameras": cameras, "period": period})


def _cools(last: LastAlert, event: Ended, cool_down: timedelta) -> bool:
    more_severe = last.severity in list(Severity) and event.severity.rank > Severity(last.severity).rank
    return cool_down > timedelta(0) and event.at < last.at + cool_down and not more_severe
