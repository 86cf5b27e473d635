"""The pictures of an event in order, a page at a time, each with what became of its bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from nightjar.domain.detections import DetectedObject, Mark, Picture
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.names import NameRefused, parse_footage_name
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore, ObjectUnreadableError
from nightjar.stores.events import Events
from nightjar.stores.standard import (
    PictureAlteredError,
    PictureMissingError,
    PictureUnreadableError,
    StandardPictures,
)

PAGE = 48  # pictures
_AT_ONCE = 16


class Bytes(StrEnum):
    """Whether the picture that was judged can still be shown."""

    THERE = "there"
    GONE = "gone"  # erased, or expired
    ALTERED = "altered"  # the object is another picture by now
    UNREADABLE = "unreadable"  # S3 does not give it: archived, or its key disabled


@dataclass(frozen=True)
class PictureOf:
    """One picture of an event: the unsafe objects in it, and whether its bytes are those that were judged.

    With a `mark`, the detector did not look at it.
    """

    picture: Picture
    objects: tuple[DetectedObject, ...]
    bytes: Bytes
    mark: Mark | None = None


@dataclass(frozen=True)
class PicturePage:
    """Pictures by time; `more` is when the next one was taken. `left_out` counts pictures that only the event's number
    tells of: the event keeps its first, its best and its last one, and releases before 0.2 kept no others elsewhere.
    """

    pictures: tuple[PictureOf, ...]
    more: datetime | None = None
    left_out: int = 0


def pictures_of(store: ObjectStore, event: Event, since: datetime | None = None, size: int = PAGE) -> PicturePage:
    """The first `size` pictures of `event` from `since` on; raises InputError for a minute that cannot be read."""
    threats = [each.shown for each in islice(Events(store).pictures(event, since), size + 1)]
    if threats:
        more = threats[size].picture.taken_at if len(threats) > size else None
        return PicturePage(_looked_at(store, threats[:size]), more)
    kept = {each.picture.taken_at: each for each in (event.first, *event.best.values(), event.last)}
    shown = [kept[moment] for moment in sorted(kept) if since is None or moment >= since]
    return PicturePage(_looked_at(store, shown), None, max(0, event.picture_count - len(kept)))


def picture_at(store: ObjectStore, event: Event, moment: datetime) -> ThreatPicture | None:
    """The picture of `event` that was taken at `moment`, if it has one."""
    kept = (event.first, *event.best.values(), event.last)
    stored = (each.shown for each in islice(Events(store).pictures(event, moment), 1))
    return next((each for each in (*stored, *kept) if each.picture.taken_at == moment), None)


def clips_of(pictures: Iterable[PictureOf]) -> tuple[str, ...]:
    """The footage keys of the videos that these pictures are frames of, in order."""
    return tuple(dict.fromkeys(each.picture.footage_key for each in pictures if _is_video(each.picture.footage_key)))


def bytes_of(store: ObjectStore, picture: Picture) -> Bytes:
    """Whether the bytes of `picture` are there, by what S3 says of the object; they are not read."""
    try:
        info = store.head(picture.standard_key)
    except ObjectUnreadableError:
        return Bytes.UNREADABLE
    if info is None:
        return Bytes.GONE
    sha256 = info.metadata.get("sha256", picture.standard_sha256)  # without it, whoever reads the bytes has to look
    return Bytes.THERE if sha256 == picture.standard_sha256 else Bytes.ALTERED


def bytes_read(store: ObjectStore, picture: Picture) -> Bytes:
    """The same, surely: the bytes are read and compared."""
    try:
        StandardPictures(store).read(picture)
    except PictureUnreadableError:
        return Bytes.UNREADABLE
    except PictureMissingError:
        return Bytes.GONE
    except PictureAlteredError:
        return Bytes.ALTERED
    return Bytes.THERE


def _looked_at(store: ObjectStore, threats: list[ThreatPicture]) -> tuple[PictureOf, ...]:
    states = in_parallel(lambda each: bytes_of(store, each.picture), threats, _AT_ONCE)
    return tuple(
        PictureOf(each.picture, each.objects, state, each.mark) for each, state in zip(threats, states, strict=True)
    )


def _is_video(footage_key: str) -> bool:
    try:
        return parse_footage_name(footage_key.rpartition("/")[2]).is_video
    except NameRefused:
        return False
