"""Small pictures for the report: the best picture of an event, with the boxes that its alert has."""

import logging
from collections.abc import Sequence

from nightjar.domain.detections import DetectedObject, Picture
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.standard import PictureError, StandardPictures
from nightjar.stores.tables import EventRow

log = logging.getLogger(__name__)

_LONGEST = 320  # pixels: a little more than the page shows on a dense screen, and labels stay legible
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
    try:
        return annotate(pictures.read(_picture(event)), _unsafe(event), longest=_LONGEST)
    except (PictureError, UnidentifiedImageError) as error:
        log.warning("the report goes without the picture of event %s: %s", event.id, error)
        return None


def _unsafe(event: EventRow) -> list[DetectedObject]:
    """The objects that the alert boxes; of an event that a release before 0.3 recorded, the most probable alone."""
    labels, probabilities, sides = event.best_labels, event.best_probabilities, event.best_boxes
    if not labels or not probabilities or not sides or not 4 * len(labels) == 4 * len(probabilities) == len(sides):
        labels, probabilities, sides = event.labels[:1], [event.probability], event.best_box
    boxes = [(sides[n], sides[n + 1], sides[n + 2], sides[n + 3]) for n in range(0, len(sides), 4)]
    return [
        DetectedObject(label=label, probability=probability, box=box)
        for label, probability, box in zip(labels, probabilities, boxes, strict=True)
    ]


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
