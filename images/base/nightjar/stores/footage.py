"""Originals as they were received: `footage/YYYY/MM/DD/HH/<user>-<device>-<time>.<ext>`, by the time in the name."""

import logging
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from nightjar.domain.layout import day_path, last_segment
from nightjar.domain.names import VIDEO_EXTENSIONS, Camera, FootageName, NameRefused, parse_footage_name
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectChangedError, ObjectInfo, ObjectStore, ObjectUnreadableError
from nightjar.stores.erasure import erase_versions, is_of
from nightjar.stores.provenance import source_metadata

log = logging.getLogger(__name__)

FOOTAGE = "footage/"
# In the metadata of the whole of an object: the version of the part that was filed before it.
FIRST_VERSION = "first-version"
_HEADS_AT_ONCE = 32


def first_version(info: ObjectInfo) -> str:
    """The version under which this object (with metadata), or the first part of it, was filed."""
    return info.metadata.get(FIRST_VERSION, info.version_id)


def footage_key(name: FootageName) -> str:
    """Where footage of this name is kept."""
    return f"{_identity_prefix(name)}{name.extension}"


def footage_of(key: str) -> FootageName | None:
    """The name of the footage that is kept at `key`, which may be anything; None if it is no key that footage has."""
    try:
        name = parse_footage_name(last_segment(key))
        return name if footage_key(name) == key else None
    except (NameRefused, ValueError, OverflowError):
        return None


def _identity_prefix(name: FootageName) -> str:
    """The beginning that the keys of one camera and moment share: up to and with the dot."""
    return f"{FOOTAGE}{name.taken_at:%Y/%m/%d/%H}/{name.stem}."


class FootageStore:
    """Files originals and finds them again. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, name: FootageName, data: bytes, source_key: str, source_version: str, sha256: str) -> ObjectInfo:
        """File `data`, received as that version of `source_key`; raises ObjectExistsError when the key is taken."""
        metadata = source_metadata(source_key, source_version, sha256)
        return self._store.put(footage_key(name), data, metadata=metadata, if_absent=True)

    def copy(
        self,
        name: FootageName,
        source_key: str,
        source_version: str,
        sha256: str,
        place: tuple[str, str] | None = None,
    ) -> ObjectInfo:
        """File an object without reading it, inside the bucket; raises ObjectMissingError when it is gone.

        It is copied from `place` (key, version), by default from where it landed.
        """
        metadata = source_metadata(source_key, source_version, sha256)
        return self._store.copy(*(place or (source_key, source_version)), footage_key(name), metadata)

    def replace(
        self,
        part: ObjectInfo,
        data: bytes | None,
        place: tuple[str, str],
        source_key: str,
        source_version: str,
        sha256: str,
    ) -> ObjectInfo:
        """File the whole of an object of which `part` is filed, as a new version of its key.

        That is `data`, or the object at `place`. Raises ObjectChangedError if the part is not the current version now.
        """
        metadata = source_metadata(source_key, source_version, sha256) | {FIRST_VERSION: first_version(part)}
        if data is not None:
            return self._store.put(part.key, data, metadata=metadata, if_match=part.etag)
        now = self._store.head(part.key)
        if now is None or now.version_id != part.version_id:
            came = now.version_id if now else "none"
            raise ObjectChangedError(f"expected version {part.version_id} at {part.key!r}, got {came}")
        return self._store.copy(*place, part.key, metadata)

    @staticmethod
    def holds(key: str) -> bool:
        """Whether `key` is one of this store."""
        return key.startswith(FOOTAGE)

    def of_moment(self, name: FootageName) -> list[ObjectInfo]:
        """The footage of this camera and moment, with metadata: stills or, if `name` is of a video, videos."""
        prefix = _identity_prefix(name)
        keys = sorted(info.key for info in self._store.list_objects(prefix))
        same = [key for key in keys if (key.removeprefix(prefix) in VIDEO_EXTENSIONS) == name.is_video]
        return [info for info in map(self._store.head, same) if info]

    def of_day(self, day: date) -> Iterator[tuple[FootageName, ObjectInfo]]:
        """Everything filed for a UTC day under a footage name, by key, with metadata.

        An object without `sha256` in its metadata was put there by hand, and may be in the wrong folder.
        """
        keys = sorted(info.key for info in self._store.list_objects(f"{FOOTAGE}{day_path(day)}/"))
        named = ((name, key) for key in keys if (name := _name(key)))
        for name, info in in_parallel(lambda pair: (pair[0], self._look(pair[1])), named, _HEADS_AT_ONCE):
            if info is not None:
                yield name, info

    def has_after(self, camera: Camera, after: datetime, hours: Iterable[datetime]) -> bool:
        """Whether `camera` has footage of these hours (UTC) that was taken after the moment `after`."""
        for hour in hours:
            for info in self._store.list_objects(f"{FOOTAGE}{hour:%Y/%m/%d/%H}/{camera.name}-"):
                name = _name(info.key)
                if name is not None and name.taken_at > after:
                    return True
        return False

    def _look(self, key: str) -> ObjectInfo | None:
        """The object at `key`; as its listing has it, without metadata, if S3 does not give it: validate says why."""
        try:
            return self._store.head(key)
        except ObjectUnreadableError as error:
            log.warning("%s", error)
            listed = (version for version in self._store.list_versions(key) if version.key == key and version.is_latest)
            return next((ObjectInfo(v.key, v.version_id, v.size, "", v.modified_at) for v in listed), None)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) footage; returns their number."""
        return erase_versions(self._store, FOOTAGE, lambda key: is_of(_camera(key), user, device))


def _name(key: str) -> FootageName | None:
    try:
        return parse_footage_name(last_segment(key))
    except NameRefused as error:
        log.warning("left out, since it is not footage: %s", error)
        return None


def _camera(key: str) -> Camera | None:
    try:
        return parse_footage_name(last_segment(key)).camera
    except NameRefused:
        return None
