"""The ThreatMinutes of one camera in a transaction: read when they are asked for, changed in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.names import Camera
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.stores.documents import parsed
from nightjar.stores.event_keys import hour_prefix, minute_key

_HOUR, _MINUTE, _DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


@dataclass
class _Minute:
    content: ThreatMinute
    etag: str | None
    is_changed: bool = False


@dataclass(frozen=True)
class ChangedMinute:
    """An object to write, in place of the version with `etag`; without an etag there was none."""

    key: str
    content: ThreatMinute
    etag: str | None


class CameraMinutes:
    """Used by one thread. `before_day` is called before anything of a day is read for the first time."""

    def __init__(self, store: ObjectStore, camera: Camera, before_day: Callable[[date], None]) -> None:
        self._store, self._camera, self._before_day = store, camera, before_day
        self._hours: dict[datetime, set[datetime]] = {}  # the minutes of an hour that have an object
        self._minutes: dict[datetime, _Minute] = {}

    def at(self, moment: datetime) -> ThreatMinute | None:
        """The minute in which `moment` is; None where nothing is stored of it."""
        minute = _floor(moment, _MINUTE)
        return self._minute(minute).content if minute in self._hour(_floor(moment, _HOUR)) else None

    def within(self, first: datetime, last: datetime, *, back: bool = False) -> Iterator[ThreatMinute]:
        """The stored minutes from that of `first` to that of `last`; with `back` the last one comes first."""
        hour, end = (_floor(last, _HOUR), _floor(first, _HOUR)) if back else (_floor(first, _HOUR), _floor(last, _HOUR))
        step = -_HOUR if back else _HOUR
        lowest, highest = _floor(first, _MINUTE), _floor(last, _MINUTE)
        while hour >= end if back else hour <= end:
            for minute in sorted(self._hour(hour), reverse=back):
                if lowest <= minute <= highest:
                    yield self._minute(minute).content
            hour += step

    def change(self, moment: datetime, **update: Any) -> None:
        """Change the minute in which `moment` is; one that is not stored yet begins empty."""
        minute = _floor(moment, _MINUTE)
        stored = self._minute(minute)
        revision = stored.content.revision + (not stored.is_changed)
        content = stored.content.model_copy(update={**update, "revision": revision})
        self._minutes[minute] = _Minute(content, stored.etag, is_changed=True)
        self._hour(_floor(moment, _HOUR)).add(minute)

    def content(self, moment: datetime) -> ThreatMinute:
        """The minute in which `moment` is, an empty one where nothing is stored."""
        return self._minute(_floor(moment, _MINUTE)).content

    def changed(self) -> list[ChangedMinute]:
        """The minutes that were changed."""
        return [
            ChangedMinute(minute_key(self._camera, minute), each.content, each.etag)
            for minute, each in self._minutes.items()
            if each.is_changed
        ]

    def _hour(self, hour: datetime) -> set[datetime]:
        if hour not in self._hours:
            listed = self._store.list_objects(hour_prefix(self._camera, hour))
            names = (info.key.rpartition("/")[2].removesuffix(".json") for info in listed)
            self._hours[hour] = {hour.replace(minute=int(name)) for name in names if name.isdecimal()}
            for day in (hour.date() - _DAY, hour.date()):
                self._before_day(day)
        return self._hours[hour]

    def _minute(self, minute: datetime) -> _Minute:
        if minute not in self._minutes:
            key = minute_key(self._camera, minute)
            try:
                data, info = self._store.get(key)
            except ObjectMissingError:
                empty = ThreatMinute(user=self._camera.user, device=self._camera.device, minute=minute)
                self._minutes[minute] = _Minute(empty, None)
            else:
                self._minutes[minute] = _Minute(parsed(ThreatMinute, data, key), info.etag)
        return self._minutes[minute]


def _floor(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the hour or minute that `moment` is in."""
    whole = moment.replace(second=0, microsecond=0)
    return whole.replace(minute=0) if step is _HOUR else whole
