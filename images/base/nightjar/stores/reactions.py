"""Answers of people to messages.

mutes/<user>-<device>.json               Mute: the last one holds
reviews/YYYY/MM/DD/<event id>.json       Review: the last word about an event, by the day in the event's key
"""

from collections.abc import Iterator
from datetime import date
from itertools import islice

from nightjar.domain.events import EventRef
from nightjar.domain.layout import day_path
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera, NameRefused
from nightjar.domain.reactions import Mute, Review
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.erasure import erase_versions, is_of

MUTES, REVIEWS = "mutes/", "reviews/"

_READERS = 16


class Mutes:
    """Which cameras are muted. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, mute: Mute) -> ObjectRef:
        """Mute a camera until a moment; an earlier mute no longer holds."""
        return write_record(self._store, _mute_key(mute.camera), mute)

    def get(self, camera: Camera) -> Mute | None:
        """The mute that was asked for last, also one that is over. Raises InputError for an object that is none."""
        key = _mute_key(camera)
        if self._store.head(key) is None:
            return None
        return read_record(self._store, key, Mute)[0]

    def of_user(self, user: str) -> dict[Camera, Mute]:
        """The last mute of each of the user's cameras that was ever muted; of most users one request, for none."""
        keys = sorted(info.key for info in self._store.list_objects(f"{MUTES}{user}-"))
        mutes = (record for record, _ in in_parallel(lambda key: read_record(self._store, key, Mute), keys, _READERS))
        return {mute.camera: mute for mute in mutes}

    def each(self) -> Iterator[Mute]:
        """The last mute of every camera that has one, by key."""
        keys = sorted(info.key for info in self._store.list_objects(MUTES))
        return (record for record, _ in in_parallel(lambda key: read_record(self._store, key, Mute), keys, _READERS))

    def cameras(self, most: int) -> list[Camera]:
        """At most `most` of the cameras that were ever muted, by a single listing."""
        return sorted(
            islice((camera for info in self._store.list_objects(MUTES) if (camera := _camera(info.key))), most)
        )

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of the mutes of a user's cameras, or of one; how many versions those were."""
        only = {_mute_key(Camera(user, device))} if device else None
        return erase_versions(self._store, f"{MUTES}{user}-", lambda key: key in only if only else True)


class Reviews:
    """Reviews of events by people. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, review: Review) -> ObjectRef:
        """Keep what a person said; what was said before about the event no longer holds."""
        return write_record(self._store, _review_key(review.event), review)

    def get(self, ref: EventRef) -> Review | None:
        """The last review of the event. Raises InputError for an object that is no review."""
        if self._store.head(_review_key(ref)) is None:
            return None
        return read_record(self._store, _review_key(ref), Review)[0]

    def key(self, ref: EventRef) -> str:
        """Where the review of an event is."""
        return _review_key(ref)

    def remove(self, ref: EventRef) -> None:
        """Take back what was said of the event: from now on nobody has said anything of it."""
        self._store.delete(_review_key(ref))

    def refs_of_day(self, day: date) -> list[EventRef]:
        """The events whose key names `day` of which something was said, by id; nothing but their names is read."""
        keys = sorted(info.key for info in self._store.list_objects(f"{REVIEWS}{day_path(day)}/"))
        return [EventRef(id=key.rpartition("/")[2].removesuffix(".json"), day=day) for key in keys]

    def of_day(self, day: date) -> Iterator[Review]:
        """Everything that was said about events whose key names `day`, by event id."""
        keys = sorted(info.key for info in self._store.list_objects(f"{REVIEWS}{day_path(day)}/"))
        return (record for record, _ in in_parallel(lambda key: read_record(self._store, key, Review), keys, _READERS))

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of what was said about a user's (or one camera's) events; how many those were.

        A key does not say whose event it is, so every newest version is read; one that is no review stays.
        """
        versions = self._store.list_versions(REVIEWS)
        newest = {version.key: version for version in versions if not version.is_delete_marker}

        def belongs(key: str) -> bool:
            try:
                review, _ = read_record(self._store, key, Review, newest[key].version_id)
            except (InputError, KeyError):
                return False
            return is_of(review.camera, user, device)

        mine = {key for key in newest if belongs(key)}
        return erase_versions(self._store, REVIEWS, mine.__contains__)


def _mute_key(camera: Camera) -> str:
    return f"{MUTES}{camera.name}.json"


def _camera(key: str) -> Camera | None:
    try:
        return Camera.parse(key.removeprefix(MUTES).removesuffix(".json"))
    except NameRefused:  # put there by hand
        return None


def _review_key(ref: EventRef) -> str:
    return f"{REVIEWS}{day_path(ref.day)}/{ref.id}.json"
