"""The contents of digests and closing messages to come.

digests/YYYY/MM/DD/<user>/<event id>.json    DigestLine: the day is the user's local one on which it is told
digests/sent/YYYY-MM-DD/<user>               no content: the digest of that day was dealt with
closings/<user>-<device>/<event id>.json     Closing: an event that grew after its alert
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.events import EventRef
from nightjar.domain.layout import day_path, last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.erasure import camera_folder, erase_versions, is_of

DIGESTS, CLOSINGS = "digests/", "closings/"
_SENT = f"{DIGESTS}sent/"

_READERS = 16
_LOOKED_BACK = 7  # days in whose digests an event is looked for: it is told in one digest only


class Closing(Stored):
    """An alerted event that went on: `told_until` is its end as the alert told it."""

    event: EventRef
    user: str
    device: str
    told_until: datetime
    ended_at: datetime  # as it was known when this was written last

    @property
    def camera(self) -> Camera:
        """The camera that saw the event."""
        return Camera(self.user, self.device)


class Digests:
    """Lines of digests, by the user's local day. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, line: DigestLine, day: date) -> ObjectRef:
        """Add a line to the digest of the user's day; the line of the same event is replaced.

        Where that digest was sent meanwhile, or the rules have moved its time, it goes to the next one as well.
        """
        ref = write_record(self._store, f"{_folder(day, line.user)}{line.event_id}.json", line)
        if self._store.head(_sent_key(day, line.user)) is None:
            return ref
        return self.put(line, day + timedelta(days=1))

    def days_of(self, user: str, last: date) -> dict[str, date]:
        """The events in the user's digests of `last` and the days before, as far as they are looked at."""
        days = [last - timedelta(days=n) for n in range(_LOOKED_BACK)]
        found: dict[str, date] = {}
        for day in days:
            for info in self._store.list_objects(_folder(day, user)):
                found[info.key.rpartition("/")[2].removesuffix(".json")] = day
        return found

    def lines(self, user: str, day: date, besides: Collection[str] = ()) -> list[DigestLine]:
        """The lines of the user's digest of `day`, by the beginning of their event. InputError if one is no line.

        Those of the events `besides` are left out.
        """
        known = {f"{_folder(day, user)}{identity}.json" for identity in besides}
        keys = sorted({info.key for info in self._store.list_objects(_folder(day, user))} - known)
        lines = [each for each, _ in in_parallel(lambda key: read_record(self._store, key, DigestLine), keys, _READERS)]
        return sorted(lines, key=lambda line: (line.started_at, line.event_id))

    def users(self, day: date) -> list[str]:
        """The users who have a digest of `day`, by name."""
        return [last_segment(folder) for folder in self._store.list_folders(f"{DIGESTS}{day_path(day)}/")]

    def sent(self, day: date) -> frozenset[str]:
        """The users whose digest of `day` was sent, or is not to be sent any more."""
        return frozenset(last_segment(info.key) for info in self._store.list_objects(_sent_key(day, "")))

    def mark_sent(self, user: str, day: date) -> None:
        """Note that the digest of the user's `day` was dealt with."""
        self._store.put(_sent_key(day, user), b"")

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) lines; how many versions those were."""

        def belongs(key: str) -> bool:
            if key.startswith(_SENT):
                return device is None and last_segment(key) == user
            if key.split("/")[-2:-1] != [user]:
                return False
            return device is None or key in mine

        keys = {info.key for info in self._store.list_objects(DIGESTS)} if device else set()
        own = [key for key in sorted(keys) if key.split("/")[-2] == user]
        read = in_parallel(lambda key: (key, read_record(self._store, key, DigestLine)[0]), own, _READERS)
        mine = {key for key, line in read if line.device == device}
        return erase_versions(self._store, DIGESTS, belongs)


class Closings:
    """Events whose end is to be told. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, closing: Closing) -> ObjectRef:
        """Note that the end of an event is to be told; again with a later end replaces it."""
        return write_record(self._store, _closing_key(closing.camera, closing.event.id), closing)

    def each(self) -> Iterator[Closing]:
        """Every event whose end is to be told, by key."""
        keys = sorted(info.key for info in self._store.list_objects(CLOSINGS))
        return (each for each, _ in in_parallel(lambda key: read_record(self._store, key, Closing), keys, _READERS))

    def drop(self, closing: Closing) -> None:
        """Forget it: it was told, or is not to be told any more."""
        self._store.delete(_closing_key(closing.camera, closing.event.id))

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's); how many versions those were."""
        return erase_versions(self._store, CLOSINGS, lambda key: is_of(camera_folder(key), user, device))


def _folder(day: date, user: str) -> str:
    return f"{DIGESTS}{day_path(day)}/{user}/"


def _sent_key(day: date, user: str) -> str:
    return f"{_SENT}{day.isoformat()}/{user}"


def _closing_key(camera: Camera, event_id: str) -> str:
    return f"{CLOSINGS}{camera.name}/{event_id}.json"
