"""Small pictures with boxes, for pages that people look at: of a bounded number and size."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from nightjar.errors import UsageError

if TYPE_CHECKING:
    from nightjar.domain.detections import DetectedObject, Picture
    from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)

_LONGEST = 480  # pixels: labels stay legible on a dense screen
_READERS = 8

K = TypeVar("K", bound=Hashable)


class Boxed(Protocol):
    """A picture with objects to be boxed; the boxes are dashed where the detector did not look at it."""

    @property
    def picture(self) -> "Picture": ...

    @property
    def objects(self) -> "Sequence[DetectedObject]": ...

    @property
    def is_seen(self) -> bool: ...


@dataclass(frozen=True)
class BoxedPicture:
    """A picture with any objects, of one that the detector looked at."""

    picture: "Picture"
    objects: "Sequence[DetectedObject]"
    is_seen: bool = True


def boxed_pictures(store: "ObjectStore", wanted: "Mapping[K, Boxed]") -> dict[K, str]:
    """Each of `wanted` with its objects boxed, as a URI that holds the JPEG.

    A picture that is gone, or is another by now, is left out, and the log tells so. Raises UsageError without Pillow.
    """
    from nightjar.runtime.pages import data_uri
    from nightjar.runtime.parallel import in_parallel
    from nightjar.stores.standard import PictureError, StandardPictures

    try:
        from PIL import UnidentifiedImageError

        from nightjar.runtime.annotate import annotate
    except ModuleNotFoundError as error:
        raise UsageError(f"pages with pictures need Pillow, which this installation lacks: {error}") from None
    pictures = StandardPictures(store)

    def draw(shown: Boxed) -> str | None:
        try:
            jpeg = annotate(pictures.read(shown.picture), shown.objects, longest=_LONGEST, is_dashed=not shown.is_seen)
        except (PictureError, UnidentifiedImageError) as error:
            log.warning("the page goes without a picture: %s", error)
            return None
        return data_uri(jpeg, "image/jpeg")

    drawn = in_parallel(draw, wanted.values(), _READERS)
    return {key: uri for key, uri in zip(wanted, drawn, strict=True) if uri}
