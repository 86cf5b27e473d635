"""The outbox: `outbox/YYYY/MM/DD/<user>-<device>/<event id>.eml`, messages that were not sent, for want of a mail key.

A mail client opens the files. The day is the one in the event's key, so that the same event always gives the same file.
Messages about no event have the id of their notice; those about no camera are in the folder of the user.
"""

from datetime import date

from nightjar.domain.layout import day_path
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.store import ObjectStore
from nightjar.stores.erasure import camera_folder, erase_versions, is_of

OUTBOX = "outbox/"


class Outbox:
    """Writes messages as files. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, day: date, about: str, name: str, message: bytes) -> ObjectRef:
        """Write the MIME `message` about a camera or a user; the same message once more changes nothing."""
        key = f"{OUTBOX}{day_path(day)}/{about}/{name}.eml"
        return write_bytes(self._store, key, message, content_type="message/rfc822")

    def has(self, key: str) -> bool:
        """Whether the message at `key` is still there."""
        return self._store.head(key) is not None

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) messages; how many versions those were."""

        def belongs(key: str) -> bool:
            is_users = device is None and key.split("/")[-2:-1] == [user]
            return is_users or is_of(camera_folder(key), user, device)

        return erase_versions(self._store, OUTBOX, belongs)
