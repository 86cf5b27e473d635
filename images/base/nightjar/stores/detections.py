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

    @classmethod
    def prevails(cls, newer: Detection, older: Detection) -> bool:
        """A picture that was looked at stays so: a mark never takes the place of a look at the same bytes."""
        return newer.is_seen or not older.is_seen or newer.picture.standard_sha256 != older.picture.standard_sha256
