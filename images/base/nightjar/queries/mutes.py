"""Muting a camera from a page: as `nightjar mute` and the links in messages do it."""

from datetime import datetime, timedelta

from nightjar.domain.names import Camera
from nightjar.domain.reactions import mute, unmute
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectStore
from nightjar.stores.reactions import Mutes

_MINUTE = timedelta(minutes=1)


def mute_until(store: ObjectStore, camera: Camera, until: datetime, by: str, now: datetime) -> datetime:
    """Mute `camera`, and return until when: `until`, to the next whole minute, so that a second press changes nothing.

    Raises ValueError for a moment that is past or too far off.
    """
    whole = until.replace(second=0, microsecond=0)
    asked = mute(camera, whole if whole == until else whole + _MINUTE, by, now)
    mutes = Mutes(store)
    try:
        before = mutes.get(camera)
    except InputError:
        before = None
    if before is None or (before.until, before.by) != (asked.until, asked.by):
        mutes.put(asked)
    return asked.until


def alert_again(store: ObjectStore, camera: Camera, by: str, now: datetime) -> bool:
    """End the mute of `camera`, unless it is over; whether there was one. What the rules mute stays so."""
    mutes = Mutes(store)
    try:
        before = mutes.get(camera)
    except InputError:  # notify cannot read it either: it is replaced
        before = mute(camera, now + _MINUTE, by, now)
    if before is None or before.until <= now:
        return False
    mutes.put(unmute(camera, by, now))
    return True
