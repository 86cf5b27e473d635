"""The parameters of the pages of cameras: anything may come, and what cannot be used is refused in a sentence."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from nightjar.domain.names import Camera, NameRefused, shown
from nightjar.queries.camera_list import Asked, CameraFilter
from plugins.web.errors import NotFound
from plugins.web.rendering import refuse

MUTE_HOURS = (1, 8, 24)
_LONGEST = 128  # characters of a part of a name
_MOST_PAGES = 1_000_000


def asked_from(user: str, camera: str, state: str, page: str) -> Asked:
    """The filter; raises BadRequest for a state, a user or a page that there cannot be."""
    user, camera = user.strip(), camera.strip()
    if user:
        try:
            Camera.parse(f"{user}-any")
        except NameRefused:
            refuse("a user's name of 1 to 64 of A-Z a-z 0-9 _", user)
    if len(camera) > _LONGEST:
        refuse(f"a part of a camera's name, at most {_LONGEST} characters", camera)
    if state and state not in list(CameraFilter):
        refuse(f"a state, one of {', '.join(CameraFilter)}", state)
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 8 else 0
    if not 1 <= number <= _MOST_PAGES:
        refuse("the number of a page, from 1", page)
    return Asked(user, camera, CameraFilter(state) if state else None, number)


def query_of(asked: Asked, page: int) -> str:
    """The address of another page of the same filter, from the question mark on."""
    values = {"user": asked.user, "camera": asked.part, "state": asked.state or "", "page": page if page > 1 else ""}
    kept = {key: value for key, value in values.items() if value}
    return f"?{urlencode(kept)}" if kept else "?"


def camera_from(name: str) -> Camera:
    """The camera that an address names; raises NotFound for a name that is none."""
    try:
        return Camera.parse(name)
    except NameRefused:
        raise NotFound(f"Expected a camera like alice-porch, got {shown(name)}.") from None


def until_from(hours: str, until: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The end of a mute: some `hours` from now, or the local time `until` in the user's `zone`. Raises BadRequest."""
    if bool(hours) == bool(until):
        refuse(f"either hours, one of {', '.join(map(str, MUTE_HOURS))}, or until", f"{hours} {until}".strip())
    if hours:
        if hours not in map(str, MUTE_HOURS):
            refuse(f"hours, one of {', '.join(map(str, MUTE_HOURS))}", hours)
        return now + timedelta(hours=int(hours))
    try:
        moment = datetime.fromisoformat(until)
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        refuse("a local time like 2026-11-20T22:00", until)
