"""The rules of one recipient, and of one camera, with every default filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nightjar.domain.areas import Polygon
from nightjar.domain.names import Camera
from nightjar.domain.rules.device import Cap, Device, Static
from nightjar.domain.rules.people import Operator, User
from nightjar.domain.rules.rule import Rule
from nightjar.domain.rules.values import Severity
from nightjar.domain.windows import Hours
from nightjar.domain.zones import zone

EMAIL = "email"  # the channel that every deployment has
LANGUAGE = "en-GB"
_CHANNELS = dict.fromkeys(Severity, (EMAIL,))


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """How a user, or the operator, is told.

    `channels` has every severity. `cool_down` is counted from the last alert of the same camera. What is alerted is
    from `alerts_since` on; what waits is in the digest, sent at the local time `digest_at`, None for no digest.
    """

    recipients: tuple[str, ...]
    timezone: ZoneInfo
    language: str = LANGUAGE
    channels: Mapping[Severity, tuple[str, ...]]
    quiet_hours: Hours | None = None
    cool_down: timedelta = timedelta(0)
    mute_until: datetime | None = None
    alerts_enabled: bool = True
    alerts_since: datetime | None = None
    cap: Cap | None = None
    digest_at: time | None = None
    closing: bool = False

    @property
    def email(self) -> str:
        """The first address."""
        return self.recipients[0]

    def local(self, moment: datetime) -> datetime:
        """`moment` (aware) as the recipient's wall clock shows it."""
        return moment.astimezone(self.timezone)


@dataclass(frozen=True, kw_only=True)
class CameraRules(Recipient):
    """The rules and settings of one camera, after the device's replaced the user's.

    `static` is None where nothing counts as static. `rules` are in the order of their ids.
    """

    camera: Camera
    site: str | None
    allow_grey: bool
    rules: Mapping[int, Rule]
    areas: Mapping[str, Polygon]
    masks: tuple[Polygon, ...] = ()
    static: Static | None = None


def of_user(user: User) -> Recipient:
    """How `user` is told, whatever the device."""
    return Recipient(**_of_user(user), **_told(user, user))


def of_operator(operator: Operator) -> Recipient:
    """How the operator is told."""
    return Recipient(
        **_of_both(operator),
        recipients=_addresses(operator),
        channels={**_CHANNELS, **(operator.channels or {})},
        quiet_hours=operator.quiet_hours or None,
        mute_until=operator.mute_until,
    )


def of_camera(
    camera: Camera, user: User, device: Device, rules: Mapping[int, Rule], static: Static | None
) -> CameraRules:
    """All that holds for `camera`; `rules` are its rules, `static` is that of the whole file."""
    own = device.static
    return CameraRules(
        **_of_user(user),
        **_told(user, device),
        camera=camera,
        site=user.site if device.site is None else device.site,
        allow_grey=device.allow_grey,
        rules=rules,
        areas=device.areas,
        masks=device.masks,
        static=static if own is None else own or None,
    )


def _of_both(person: User | Operator) -> dict[str, Any]:
    return {
        "timezone": zone(person.timezone),
        "language": person.language or LANGUAGE,
    }


def _of_user(user: User) -> dict[str, Any]:
    return {**_of_both(user), "cap": user.cap, "digest_at": user.digest}


def _told(user: User, told: User | Device) -> dict[str, Any]:
    """How the user is told about a device, of which `told` may replace what the user says."""
    alerts = told.alerts or user.alerts
    quiet = user.quiet_hours if told.quiet_hours is None else told.quiet_hours
    cool_down = user.cool_down_seconds if told.cool_down_seconds is None else told.cool_down_seconds
    closing = user.closing if told.closing is None else told.closing
    return {
        "recipients": _addresses(user) if told.recipients is None else _addresses(told),
        "channels": {**_CHANNELS, **(user.channels or {}), **(told.channels or {})},
        "quiet_hours": quiet or None,
        "cool_down": timedelta(seconds=cool_down or 0),
        "mute_until": told.mute_until or user.mute_until,
        "alerts_enabled": alerts is None or alerts.enabled,
        "alerts_since": alerts.since if alerts else None,
        "closing": bool(closing),
    }


def _addresses(person: User | Device | Operator) -> tuple[str, ...]:
    first = None if isinstance(person, Device) else person.email
    return (*([first] if first else []), *(person.recipients or ()))
