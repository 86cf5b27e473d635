"""Which live runs looked at a picture, and why they alerted nobody to an event: as far as their folders are kept."""

from collections.abc import Iterator
from datetime import datetime

from nightjar.domain.alerts import DigestLine
from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event
from nightjar.domain.layout import DIGEST, last_segment
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place
from nightjar.stores.runs import Runs


def runs_that_saw(store: ObjectStore, folder: str, camera: Camera, moment: datetime) -> Iterator[str]:
    """The names of the runs in which the detector `folder` saw the picture of `moment`, the last one first."""
    detections = Detections(store)
    for info in reversed(detections.files(Place(folder, camera, moment.date()))):
        try:
            is_of_run = any(line.picture.taken_at == moment for line in detections.lines_of(info))
        except InputError:
            continue
        if is_of_run:
            yield last_segment(info.key).partition(".")[0]


def reason_held(store: ObjectStore, event: Event) -> str | None:
    """Why the last run that saw the end of the event alerted nobody to it; None if it did, or is not known any more."""
    detector = event.shown.detector
    folder = detector_id(detector.sha256, detector.settings)
    for name in runs_that_saw(store, folder, event.camera, event.ended_at):
        run = Runs(store).live(name)
        for shard in run.shards_of("notify"):
            try:
                lines, _ = read_lines(store, f"{run.stage_prefix('notify', shard)}{DIGEST}", DigestLine)
            except InputError:
                continue
            for line in lines:
                if line.event_id == event.id:
                    return str(line.reason)
    return None
