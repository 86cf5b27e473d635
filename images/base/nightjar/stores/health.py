"""The health of every camera, and how the survey finds what is new without looking at every camera.

health/<user>-<device>.json   Health
health/news/<run>             no content: this live run has ended and is not counted yet
health/due/<minute>.json      DueCameras: to be looked at from this minute on, if nothing comes before
health/survey.json            Surveyed
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from nightjar.domain.health import DueCameras, Health, Surveyed
from nightjar.domain.layout import last_segment
from nightjar.domain.names import Camera, NameRefused
from nightjar.errors import TryAgainError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.manifests import write_record
from nightjar.runtime.store import ObjectStore, VersionInfo
from nightjar.stores.erasure import erase_versions, is_of

HEALTH = "health/"
ENDED_RUNS, _DUE, _SURVEY = f"{HEALTH}news/", f"{HEALTH}due/", f"{HEALTH}survey.json"
_MINUTE = timedelta(minutes=1)
_TRIES = 10


class HealthStore:
    """Reads and changes what is remembered of cameras. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def find(self, camera: Camera) -> Health | None:
        """The health of `camera`; None when nothing is known of it."""
        current = read_current(self._store, _key(camera), Health)
        return current[0] if current else None

    def change(self, camera: Camera, change: Callable[[Health | None], Health | None]) -> Health | None:
        """Write the health that `change` makes of the stored one, and return it; None changes nothing.

        `change` may be called again, when another program was quicker; all else that it does has to bear that.
        """
        for _ in range(_TRIES):
            current = read_current(self._store, _key(camera), Health)
            before, etag = current if current else (None, None)
            after = change(before)
            if after is None or after == before or replace_current(self._store, _key(camera), after, etag):
                return after
        raise TryAgainError(f"expected {_key(camera)!r} to hold still, other programs wrote it {_TRIES} times in a row")

    def cameras(self, most: int, user: str = "") -> list[Camera]:
        """At most `most` of the cameras (of a user, if given) of which something is remembered, by a single listing."""
        keys = (info.key for info in self._store.list_objects(f"{HEALTH}{user}-" if user else HEALTH))
        return sorted(islice((camera for camera in map(_camera, keys) if camera), most))

    def surveyed(self) -> Surveyed | None:
        """The last survey; None before the first."""
        current = read_current(self._store, _SURVEY, Surveyed)
        return current[0] if current else None

    def note(self, surveyed: Surveyed) -> None:
        """Note a survey."""
        write_record(self._store, _SURVEY, surveyed)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of what is remembered of a user's cameras (or of one); how many versions those were.

        Lists of due cameras keep the names of cameras until they are due.
        """
        return erase_versions(self._store, HEALTH, lambda key: is_of(_camera(key), user, device))


@dataclass(frozen=True)
class EndedRun:
    """A live run that waits to be counted, found by the versions `markers` of an empty object."""

    name: str
    markers: tuple[VersionInfo, ...]


class EndedRuns:
    """Live runs that have ended and are not counted yet: one listing finds them, however old they are."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def announce(self, run: str) -> None:
        """Note that the live run called `run` has ended for the first time."""
        self._store.put(f"{ENDED_RUNS}{run}", b"")

    def waiting(self, most: int) -> list[EndedRun]:
        """At most `most` of them, the oldest first."""
        versions: dict[str, list[VersionInfo]] = {}
        for version in self._store.list_versions(ENDED_RUNS):
            versions.setdefault(last_segment(version.key), []).append(version)
        return [EndedRun(name, tuple(versions[name])) for name in sorted(versions)[:most]]

    def counted(self, run: EndedRun) -> None:
        """Take it out of the list for good."""
        for marker in run.markers:
            self._store.delete(marker.key, marker.version_id)


@dataclass(frozen=True)
class DueList:
    """Cameras that are due at `minute`, each with the time since when it is awaited."""

    minute: datetime
    cameras: Mapping[Camera, datetime]


class DueTimes:
    """When cameras have to be looked at if nothing comes from them.

    A camera stands in the list of the minute that its health names (`check_at`). In any other list it is left over
    from a survey that was stopped, and is passed over. Safe to use from threads: what several add to one list at the
    same time is written together.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._added: dict[datetime, dict[str, datetime]] = defaultdict(dict)
        self._writing: dict[datetime, threading.Lock] = defaultdict(threading.Lock)

    @staticmethod
    def minute(due: datetime) -> datetime:
        """The minute in whose list something stands that is due at `due`: the first one that has not begun by then."""
        minute = due.astimezone(UTC).replace(second=0, microsecond=0)
        return minute if minute == due else minute + _MINUTE

    def add(self, minute: datetime, cameras: Mapping[Camera, datetime]) -> None:
        """Put `cameras` into the list of `minute`."""
        with self._lock:
            self._added[minute].update({camera.name: since for camera, since in cameras.items()})
            writing = self._writing[minute]
        with writing:
            with self._lock:
                added = self._added.pop(minute, {})
            if not added:
                return  # another thread has written them together with its own
            try:
                self._change(minute, lambda before: {**before, **added})
            except BaseException:
                with self._lock:
                    self._added[minute] = {**added, **self._added[minute]}
                raise

    def lists(self, now: datetime) -> Iterator[DueList]:
        """The lists of all minutes up to `now`, oldest first."""
        minutes = (_minute_in(info.key) for info in self._store.list_objects(_DUE))
        for minute in sorted(each for each in minutes if each and each <= now):
            current = read_current(self._store, _due_key(minute), DueCameras)
            if current:
                yield DueList(minute, {Camera.parse(name): at for name, at in sorted(current[0].cameras.items())})

    def done(self, due: DueList) -> None:
        """Take the cameras of `due` out of the list of its minute."""
        names = {camera.name for camera in due.cameras}
        self._change(due.minute, lambda before: {name: at for name, at in before.items() if name not in names})

    def _change(self, minute: datetime, change: Callable[[dict[str, datetime]], dict[str, datetime]]) -> None:
        key = _due_key(minute)
        for _ in range(_TRIES):
            current = read_current(self._store, key, DueCameras)
            before, etag = current if current else (DueCameras(), None)
            after = change(before.cameras)
            if after == before.cameras and (after or not current):
                return
            # An empty list stays for a moment: nobody adds to it between its being emptied and its being removed.
            if replace_current(self._store, key, before.model_copy(update={"cameras": after}), etag):
                if not after:
                    self._remove(key)
                return
        raise TryAgainError(f"expected {key!r} to hold still, other programs wrote it {_TRIES} times in a row")

    def _remove(self, key: str) -> None:
        """For good, in every version: the lists come and go by the minute."""
        for version in list(self._store.list_versions(key)):
            if version.key == key:
                self._store.delete(key, version.version_id)


def _key(camera: Camera) -> str:
    return f"{HEALTH}{camera.name}.json"


def _due_key(minute: datetime) -> str:
    return f"{_DUE}{minute:%Y%m%dT%H%MZ}.json"


def _minute_in(key: str) -> datetime | None:
    try:
        return datetime.strptime(last_segment(key), "%Y%m%dT%H%MZ.json").replace(tzinfo=UTC)
    except ValueError:  # put there by hand
        return None


def _camera(key: str) -> Camera | None:
    try:
        return Camera.parse(key.removeprefix(HEALTH).removesuffix(".json"))
    except NameRefused:
        return None
