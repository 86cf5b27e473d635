"""Standard pictures: `standard/YYYY/MM/DD/HH/<user>-<device>/<time>.jpg`, by the UTC time at which they were taken.

One key is one moment of one camera, so that a create-only write decides which picture a moment has.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nightjar.domain.batch import Footage
from nightjar.domain.detections import Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import ms_from_utc, utc_from_ms
from nightjar.domain.names import Camera, NameRefused, parse_time_digits, time_digits
from nightjar.errors import InputError
from nightjar.runtime.store import (
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    ObjectUnreadableError,
)
from nightjar.stores.erasure import camera_folder, erase_versions, is_of

STANDARD = "standard/"


class PictureError(InputError):
    """A standard picture cannot be used."""


class PictureMissingError(PictureError):
    """The picture is not there: erased, or expired."""


class PictureUnreadableError(PictureError):
    """The picture is there, but S3 does not give it; `code` is the API's, such as that of an archived object."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class PictureAlteredError(PictureError):
    """The object at the picture's key has other bytes than the picture that was judged."""


class Moment(StrEnum):
    """Which picture a camera's moment has after a put."""

    KEPT = "kept"  # the picture is there now: put just now, or by an earlier try
    SAME = "same"  # other footage has left the same picture
    TAKEN = "taken"  # other footage has left another picture


@dataclass(frozen=True)
class Put:
    """The outcome of a put: `ref` is the object if the picture was kept, `holder` the footage that has the moment."""

    moment: Moment
    ref: ObjectRef | None
    holder: str


def standard_key(camera: Camera, taken_at: datetime) -> str:
    """Where the picture that `camera` took at `taken_at` (UTC) is."""
    return f"{STANDARD}{taken_at:%Y/%m/%d/%H}/{camera.name}/{time_digits(ms_from_utc(taken_at))}.jpg"


def is_standard_key(key: str) -> bool:
    """Whether `key`, which may be anything, is one that `standard_key` gives."""
    try:
        camera = Camera.parse(key.rpartition("/")[0].rpartition("/")[2])
        taken_at = utc_from_ms(parse_time_digits(key.rpartition("/")[2].removesuffix(".jpg")))
        return standard_key(camera, taken_at) == key
    except (NameRefused, ValueError, OverflowError):
        return False


def checked(picture: Picture, data: bytes) -> bytes:
    """`data`, read at the picture's key; raises PictureAlteredError unless its SHA-256 is that of the picture."""
    came = hashlib.sha256(data).hexdigest()
    if came != picture.standard_sha256:
        raise PictureAlteredError(
            f"expected a picture with SHA-256 {picture.standard_sha256} at {picture.standard_key!r}, got {came}"
        )
    return data


class StandardPictures:
    """Writes standard pictures and reads them again, checked. Safe to use from threads.

    `get` reads the object at a key, in a version or (None) as it is now; by default through the store. It raises
    ObjectMissingError and ObjectUnreadableError.
    """

    def __init__(self, store: ObjectStore, get: Callable[[str, str | None], bytes] | None = None) -> None:
        self._store = store
        self._get = get or (lambda key, version_id: store.get(key, version_id)[0])

    def put(self, footage: Footage, taken_at: datetime, data: bytes) -> Put:
        """Put the JPEG of a moment of `footage`, unless other footage has been there first."""
        key = standard_key(footage.camera, taken_at)
        sha256 = hashlib.sha256(data).hexdigest()
        metadata = {"sha256": sha256, "footage-key": footage.key, "footage-version": footage.version_id}
        try:
            info = self._write(key, data, metadata, if_absent=True)
        except ObjectExistsError:
            stored = self._store.head(key)
            holder = stored.metadata.get("footage-key", "") if stored else footage.key
            if holder != footage.key:
                same = stored is not None and stored.metadata.get("sha256") == sha256
                return Put(Moment.SAME if same else Moment.TAKEN, None, holder)
            # The same footage, under other settings or by another validator: the newest standard picture counts.
            info = stored if stored and stored.metadata == metadata else self._write(key, data, metadata)
        return Put(Moment.KEPT, _ref(info, sha256), footage.key)

    def find(self, picture: Picture) -> ObjectRef | None:
        """The object that holds `picture`; None when it is gone, or is another picture by now."""
        info = self._store.head(picture.standard_key)
        if info is None or info.metadata.get("sha256") != picture.standard_sha256:
            return None
        return _ref(info, picture.standard_sha256)

    def read(self, picture: Picture, version_id: str | None = None) -> bytes:
        """The JPEG of `picture`; raises PictureMissingError, PictureUnreadableError, or PictureAlteredError if its
        SHA-256 is another.

        With `version_id` (which is also cheaper: the server need not look for the current version), a picture that was
        replaced or deleted meanwhile is read all the same. Readers who show it to people go without.
        """
        try:
            data = self._get(picture.standard_key, version_id)
        except ObjectMissingError:
            raise PictureMissingError(f"expected a picture at {picture.standard_key!r}, got none") from None
        except ObjectUnreadableError as error:
            raise PictureUnreadableError(str(error), error.code) from error
        return checked(picture, data)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) pictures; returns their number."""
        return erase_versions(self._store, STANDARD, lambda key: is_of(camera_folder(key), user, device))

    def _write(self, key: str, data: bytes, metadata: dict[str, str], *, if_absent: bool = False) -> ObjectInfo:
        return self._store.put(key, data, content_type="image/jpeg", metadata=metadata, if_absent=if_absent)


def _ref(info: ObjectInfo, sha256: str) -> ObjectRef:
    return ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=info.size)
