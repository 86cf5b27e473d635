"""The objects seen in pictures: `detections/<detector>/YYYY/MM/DD/<user>-<device>/…`, a line a picture."""

from nightjar.domain.detections import Detection
from nightjar.stores.line_store import LineStore

DETECTIONS = "detections/"


class Detections(LineStore[Detection]):
    """Reads and writes detections; a place's day is that of the picture, its maker the detector's id.

    In folders of release 0.1 the maker is the tag of the detect image.
    """

    TOP = DETECTIONS
    KIND = Detection

    @staticmethod
    def identity(line: Detection) -> tuple[str, ...]:
        return line.picture.taken_at.isoformat(), line.picture.standard_key
