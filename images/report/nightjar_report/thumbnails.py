"""Small pictures for the report: the best picture of an event, with its box."""

import logging
from collections.abc import Sequence

from nightjar.domain.detections import DetectedObject, Picture
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.standard import PictureError, StandardPictures
from nightjar.stores.tables import EventRow

log = logging.getLogger(__name__)

_LONGEST = 220  # pixels: more than the page shows, and the label stays legible
_READERS = 8


def thumbnails(store: ObjectStore, events: Sequence[EventRow]) -> dict[str, bytes]:
    """JPEG by event id, without those whose picture is gone, is another picture by now, or cannot be decoded."""
    pictures = StandardPictures(store)
    made = in_parallel(lambda event: _thumbnail(pictures, event), events, _READERS)
    return {event.id: jpeg for event, jpeg in zip(events, made, strict=True) if jpeg}


def _thumbnail(pictures: StandardPictures, event: EventRow) -> bytes | None:
    # Loaded on first use: a day without alerts needs no pictures.
    from PIL import UnidentifiedImageError

    from nightjar.runtime.annotate import annotate

    if not event.best_standard_sha256 or not event.labels or len(event.best_box) != 4:
        log.info("the report goes without the picture of event %s: release 0.1 recorded no SHA-256 of it", event.id)
        return None
    x_min, y_min, x_max, y_max = event.best_box
    seen = DetectedObject(label=event.labels[0], probability=event.probability, box=(x_min, y_min, x_max, y_max))
    try:
        return annotate(pictures.read(_picture(event)), [seen], longest=_LONGEST)
    except (PictureError, UnidentifiedImageError) as error:
        log.warning("the report goes without the picture of event %s: %s", event.id, error)
        return None


def _picture(event: EventRow) -> Picture:
    """The picture that shows the event best, as far as the warehouse tells: where it is, and its SHA-256."""
    return Picture(
        user=event.user,
        device=event.device,
        taken_at=event.started_at,
        footage_key="",
        footage_version="",
        standard_key=event.best_standard_key,
        standard_sha256=str(event.best_standard_sha256),
        width=0,
        height=0,
    )
