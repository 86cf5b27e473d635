"""Signed links in messages: each allows one action, for some days, to whoever has it.

The signature is the login, so that a link works on any telephone. Needs itsdangerous, which the image of notify and
Airflow have.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from pydantic import SecretStr

from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera, NameRefused

PATH = "/nightjar"  # below the address of Airflow's UI
PAGES = "/nightjar-ui"  # there, too: the pages for people who are logged in
LONGEST = 1000  # characters of a token
_DAY = 86_400  # seconds
_MOST_HOURS = 24 * 31


class LinkAction(StrEnum):
    """The action of a link; it stands in the address."""

    MUTE = "mute"
    FALSE_ALARM = "false-alarm"


@dataclass(frozen=True)
class MuteLink:
    """Mute a camera for some hours from the moment that the button is pressed."""

    camera: Camera
    hours: int


@dataclass(frozen=True)
class FalseAlarmLink:
    """Say that an event was no threat."""

    camera: Camera
    event: EventRef


class LinkRefusedError(ValueError):
    """The link is none of ours, was changed, is for another action, or `expired`."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("the link is too old" if expired else "the link is not valid")
        self.expired = expired


class SignedLinks:
    """Makes and reads links. A link is good for at least `days` days: its time is that of the day it is made on.

    So the same message that is made again on the same day has the same links.
    """

    def __init__(self, address: str, key: SecretStr, days: int, clock: Callable[[], datetime]) -> None:
        self._address, self._key, self._days, self._clock = address.rstrip("/"), key, days, clock

    def mute(self, camera: Camera, hours: int) -> str:
        """The address that mutes a camera for some hours."""
        return self._link(LinkAction.MUTE, [camera.name, hours])

    def false_alarm(self, camera: Camera, event: EventRef) -> str:
        """The address that says that an event was no threat."""
        return self._link(LinkAction.FALSE_ALARM, [camera.name, event.id, event.day.isoformat()])

    def event_page(self, camera: Camera, event: EventRef) -> str:
        """The address of the page of an event, which asks for Airflow's login."""
        return f"{self._address}{PAGES}/review/{event_path(camera, event)}"

    def read(self, action: str, token: str) -> MuteLink | FalseAlarmLink:
        """The action that the link `…/<action>/<token>` allows; raises LinkRefusedError."""
        if action not in set(LinkAction) or len(token) > LONGEST:
            raise LinkRefusedError
        signer = self._serializer(LinkAction(action))
        try:
            values = signer.loads(token, max_age=(self._days + 1) * _DAY)
            return _allowed(LinkAction(action), values)
        except SignatureExpired:
            raise LinkRefusedError(expired=True) from None
        except (BadData, NameRefused, ValueError, TypeError):
            raise LinkRefusedError from None

    def _link(self, action: LinkAction, values: list[object]) -> str:
        return f"{self._address}{PATH}/{action}/{self._serializer(action).dumps(values)}"

    def _serializer(self, action: LinkAction) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._key.get_secret_value(),
            salt=f"nightjar-link-{action}",  # a token of one action is no token of another
            signer=_DaySigner,
            signer_kwargs={
                "clock": self._clock,
                "key_derivation": "hmac",
                "digest_method": hashlib.sha256,
            },
        )


class _DaySigner(TimestampSigner):
    """Signs with the beginning of the day, by a clock that is given."""

    def __init__(self, *values: Any, clock: Callable[[], datetime], **options: Any) -> None:
        super().__init__(*values, **options)
        self._clock = clock
        self._is_signing = False

    def get_timestamp(self) -> int:
        now = int(self._clock().timestamp())
        return now - now % _DAY if self._is_signing else now

    def sign(self, value: str | bytes) -> bytes:
        self._is_signing = True
        return super().sign(value)


def _allowed(action: LinkAction, values: Any) -> MuteLink | FalseAlarmLink:
    if action is LinkAction.MUTE:
        name, hours = values
        if not (isinstance(hours, int) and 1 <= hours <= _MOST_HOURS):
            raise ValueError("hours")
        return MuteLink(Camera.parse(name), hours)
    name, event_id, day = values
    return FalseAlarmLink(Camera.parse(name), EventRef(id=event_id, day=date.fromisoformat(day)))


def event_path(camera: Camera, ref: EventRef) -> str:
    """`event/<camera>/<day>/<id>`, below the page Review: from it, the event is found without listing anything."""
    return f"event/{quote(camera.name)}/{ref.day}/{quote(ref.id, safe='')}"


def utc_now() -> datetime:
    """The time by this machine."""
    return datetime.now(UTC)
