"""Erasing for good: every version and delete marker of the objects of a user, or of one of the user's cameras."""

from collections.abc import Callable

from nightjar.domain.forgetting import Subject
from nightjar.domain.names import Camera, NameRefused
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore

_AT_ONCE = 16


def erase_versions(store: ObjectStore, prefix: str, belongs: Callable[[str], bool]) -> int:
    """Remove every version and delete marker of those keys below `prefix` that `belongs` accepts; their number.

    Doing it again removes what was written since; afterwards nothing of these keys can be read in any version.
    """
    versions = (version for version in store.list_versions(prefix) if belongs(version.key))
    # Deleting while a listing is under way could make it skip keys.
    return sum(1 for _ in in_parallel(lambda v: store.delete(v.key, v.version_id), list(versions), _AT_ONCE))


def is_of(camera: Camera | None, user: str, device: str | None) -> bool:
    """Whether `camera` is of `user`, and is the one called `device` where that is given."""
    return camera is not None and camera.user == user and device in (None, camera.device)


def camera_folder(key: str) -> Camera | None:
    """The camera in `…/<user>-<device>/<file>`; None where the folder is not named so."""
    try:
        return Camera.parse(key.rpartition("/")[0].rpartition("/")[2])
    except NameRefused:
        return None


def was_dropped_by(name: str, user: str, device: str | None) -> bool:
    """Whether the object that landed as `name` is of the user (or of one camera); see `Subject.dropped`."""
    return Subject(user, device).dropped(name)
