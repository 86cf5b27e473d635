"""The pictures of a message: the one that shows the event, with boxes, and what is far away in it, enlarged."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import ThreatPicture
from nightjar.runtime.annotate import boxed, encoded, within
from nightjar.runtime.tag_places import Area
from nightjar.stores.standard import PictureError, StandardPictures
from nightjar_notify.closeup import ENLARGED_WH, closeup_of, seen_in

log = logging.getLogger(__name__)

# Pixels: a message is this wide, and a portrait must not fill more than a screen.
WIDEST, HIGHEST = 640, 560


@dataclass(frozen=True)
class Shown:
    """A JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """The whole picture with boxes and labels; and the surest object enlarged, if it is far away."""

    whole: Shown
    closeup: Shown | None = None


def pictures_of(pictures: StandardPictures, threat: ThreatPicture) -> Pictures | None:
    """The standard picture with a box around everything that the rule calls unsafe, and its enlargement.

    None when the picture is gone or cannot be decoded, and when it was standardised anew: then the boxes would be in
    the wrong places.
    """
    try:
        return drawn(pictures.read(threat.picture), threat.objects, is_dashed=not threat.is_seen)
    except (PictureError, OSError) as error:
        log.warning("an alert goes out without its picture: %s", error)
        return None


def drawn(jpeg: bytes, objects: Sequence[DetectedObject], *, is_dashed: bool = False) -> Pictures:
    """The pictures of a message about `objects`, most probable first, in `jpeg`; raises OSError for no picture.

    Boxes are `is_dashed` where the detector did not look at the picture.
    """
    with Image.open(io.BytesIO(jpeg)) as opened:
        part = closeup_of(objects, opened.size)
        closeup = _enlarged(opened.convert("RGB"), objects, part, is_dashed) if part else None
    return Pictures(_shown(boxed(within(jpeg, (WIDEST, HIGHEST)), objects, is_dashed=is_dashed)), closeup)


def _enlarged(picture: Image.Image, objects: Sequence[DetectedObject], part: Area, is_dashed: bool) -> Shown:
    sides = (int(part.left), int(part.top), int(part.right), int(part.bottom))
    enlarged = picture.crop(sides).resize(ENLARGED_WH, Image.Resampling.LANCZOS)
    return _shown(boxed(enlarged, seen_in(part, objects, picture.size), tags=False, is_dashed=is_dashed))


def _shown(picture: Image.Image) -> Shown:
    return Shown(encoded(picture), *picture.size)
