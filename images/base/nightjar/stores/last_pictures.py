"""When each camera's last picture was taken, by the hours of `standard/`: as many listings as hours are looked back."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from nightjar.domain.layout import last_segment
from nightjar.domain.model import utc_from_ms
from nightjar.domain.names import Camera, NameRefused, parse_time_digits
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.standard import STANDARD

_HOUR = timedelta(hours=1)
_AT_ONCE = 16


def last_hours(store: ObjectStore, now: datetime, hours_back: int) -> Mapping[Camera, datetime]:
    """The hour of the last picture of every camera that has any since `hours_back` hours before `now`.

    The hour to come is looked at too: a camera's clock may run ahead.
    """
    top = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
    hours = [top - back * _HOUR for back in range(hours_back + 2)]
    newest: dict[Camera, datetime] = {}
    for hour, folders in zip(hours, in_parallel(lambda h: store.list_folders(_hour(h)), hours, _AT_ONCE), strict=True):
        for folder in folders:
            try:
                newest.setdefault(Camera.parse(last_segment(folder)), hour)
            except NameRefused:
                continue  # put there by hand
    return newest


def last_pictures(
    store: ObjectStore, hours: Mapping[Camera, datetime], cameras: Collection[Camera]
) -> dict[Camera, datetime]:
    """The exact time of the last picture of each of `cameras` that is in `hours`: a listing for each."""
    known = [camera for camera in cameras if camera in hours]
    times = in_parallel(lambda camera: _last(store, camera, hours[camera]), known, _AT_ONCE)
    return dict(zip(known, times, strict=True))


def _hour(hour: datetime) -> str:
    return f"{STANDARD}{hour:%Y/%m/%d/%H}/"


def _last(store: ObjectStore, camera: Camera, hour: datetime) -> datetime:
    times = [hour]
    for info in store.list_objects(f"{_hour(hour)}{camera.name}/"):
        try:
            times.append(utc_from_ms(parse_time_digits(last_segment(info.key).partition(".")[0])))
        except NameRefused:
            continue
    return max(times)
