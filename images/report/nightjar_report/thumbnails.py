"""Small pictures for the report: what was seen, with its box."""

import logging
from collections.abc import Sequence

from nightjar.domain.detections import DetectedObject
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar_report.summary import AlertedEvent
from nightjar_report.tables import EventRow

log = logging.getLogger(__name__)

_LONGEST = 220  # pixels: more than the page shows, and the label stays legible
_READERS = 8


def thumbnails(store: ObjectStore, alerted: Sequence[AlertedEvent], most: int) -> dict[str, bytes]:
    """JPEG by event id, of the first `most` of `alerted`; without those whose picture is gone or cannot be read."""
    events = [one.event for one in alerted[:most]]
    made = in_parallel(lambda event: _thumbnail(store, event), events, _READERS)
    return {event.id: jpeg for event, jpeg in zip(events, made, strict=True) if jpeg}


def _thumbnail(store: ObjectStore, event: EventRow) -> bytes | None:
    from PIL import UnidentifiedImageError

    from nightjar.runtime.annotate import annotate

    x_min, y_min, x_max, y_max = event.best_box
    seen = DetectedObject(label=event.labels[0], probability=event.probability, box=(x_min, y_min, x_max, y_max))
    try:
        return annotate(store.get(event.best_standard_key)[0], [seen], longest=_LONGEST)
    except (ObjectMissingError, UnidentifiedImageError) as error:
        log.warning("a report goes without a picture: %s", error)
        return None
