"""What this detector has already seen: the lines of its own store, by camera and day."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef
from nightjar.domain.layout import HISTORY, detections_prefix, last_segment
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)

_HISTORY_OBJECT = re.compile(r"(\d{4}-\d{2}-\d{2}(\.\d+)?|day)\.jsonl")  # its own, and the day it compacted

Known = dict[str, tuple[DetectedObject, ...]]


@dataclass(frozen=True)
class Place:
    """Where one shard's detections of one camera and UTC day go."""

    camera: Camera
    day: date

    def prefix(self, detector: str) -> str:
        """The folder, shared by all runs."""
        return detections_prefix(detector, self.day, self.camera)

    def key(self, detector: str, run: str, shard: str) -> str:
        """`<run>.jsonl`; `<run>.<n>.jsonl` for the n-th part of a camera that spans several shards."""
        part = shard.removeprefix(self.camera.name) if shard.startswith(f"{self.camera.name}.") else ""
        return f"{self.prefix(detector)}{last_segment(run)}{part}.jsonl"


def known_objects(store: ObjectStore, place: Place, detector: DetectorRef, run: str) -> Known:
    """What the same model with the same settings saw at `place`, by the SHA-256 of the standardised picture.

    Footage is in one batch only, so a live run looks at what itself and history wrote, not at the hundreds of small
    objects of the day's other batches; history looks at everything. What cannot be read is looked at again.
    """
    known: Known = {}
    for key in sorted(_keys(store, place.prefix(detector.tag), run)):
        try:
            lines, _ = read_lines(store, key, Detection)
        except InputError as error:
            log.warning("detections are computed again: %s", error)
            continue
        known |= {line.picture.standard_sha256: line.objects for line in lines if detector.knows_as(line.detector)}
    return known


def _keys(store: ObjectStore, prefix: str, run: str) -> Iterator[str]:
    everything = run.startswith(f"runs/{HISTORY}/")
    own = re.compile(re.escape(last_segment(run)) + r"(\.\d+)?\.jsonl")
    for info in store.list_objects(prefix):
        name = info.key.removeprefix(prefix)
        if everything or own.fullmatch(name) or _HISTORY_OBJECT.fullmatch(name):
            yield info.key
