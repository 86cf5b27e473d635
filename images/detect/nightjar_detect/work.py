"""The pipeline of the detect stage: pixels come in ahead of the interpreter, objects of detections go out behind it."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import islice
from typing import TypeVar

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, FailedPicture, Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import NightjarError, TryAgainError
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StoppedError, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar_detect.decoders.interface import Outputs
from nightjar_detect.detectors import Detector
from nightjar_detect.pictures import Failure
from nightjar_detect.preprocess import Pixels

log = logging.getLogger(__name__)

Seen = Sequence[DetectedObject] | Failure
Find = Callable[[Outputs], Sequence[DetectedObject]]  # from the network's outputs for one picture to its objects
# So many pictures are looked at before their objects are made: after an inference the processor's caches hold nothing
# of our own code, and a little Python for each picture in between takes several times as long as all of it at once.
_BURST = 16
_LAST_WRITES = 20.0  # seconds for writes that are under way when the stage stops; SIGTERM leaves it 60
T = TypeVar("T")
R = TypeVar("R")


def prefetched(pool: Executor, call: Callable[[T], R], items: Iterable[T], ahead: int, burst: int) -> Iterator[R]:
    """`call` of each item, in order, begun before they are asked for: up to `ahead` of them, by `burst` at a time."""
    pending: deque[Future[R]] = deque()
    rest = iter(items)
    while True:
        if len(pending) <= ahead - burst:
            pending.extend(pool.submit(call, item) for item in islice(rest, ahead - len(pending)))
        if not pending:
            return
        yield pending.popleft().result()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last one shorter (itertools.batched of Python 3.12)."""
    rest = iter(items)
    return iter(lambda: list(islice(rest, size)), [])


def look(detector: Detector, find: Find, pictures: Iterable[Pixels | Failure]) -> Iterator[Seen]:
    """The objects in each picture, in order; a failure stays one."""
    for burst in batched(pictures, _BURST):
        raw = [p if isinstance(p, Failure) else detector.infer(p) for p in burst]
        yield from (r if isinstance(r, Failure) else find(r) for r in raw)


class Work:
    """Writes the objects that are seen in pictures, one place (camera and day) after the other, and counts outcomes.

    `seen` gives, in the same order, the objects in each picture that is not known, or the failure.
    """

    def __init__(
        self,
        detections: Detections,
        detector: DetectorRef,
        shard: RunShard,
        seen: Iterator[Seen],
        writers: Executor,
        progress: Progress,
    ) -> None:
        self._detections, self._detector, self._shard, self._seen = detections, detector, shard, seen
        self._writers, self._progress = writers, progress
        self._writes: list[Future[ObjectRef]] = []
        self.outcomes: Counter[str] = Counter(detected=0)
        self.details: Counter[str] = Counter(known=0, computed=0)
        self.failures: list[FailedPicture] = []

    def do(self, place: Place, pictures: Sequence[Picture], known: Mapping[str, Sequence[DetectedObject]]) -> None:
        """Look at the pictures of one place, in order, and begin to write their lines.

        Lines that were computed before S3 failed or SIGTERM came are written too, so that the next try goes on from
        there.
        """
        lines: list[Detection] = []
        computed: list[Detection] = []
        try:
            for picture in pictures:
                stop_if_asked()
                objects = known.get(picture.standard_sha256)
                is_known = objects is not None
                if objects is None:
                    objects = self._look(picture)
                if objects is None:
                    continue
                self.outcomes["detected"] += 1
                self.details["known" if is_known else "computed"] += 1
                lines.append(Detection.of(picture, self._detector, objects))
                if not is_known:
                    computed.append(lines[-1])
        except (TryAgainError, StoppedError):
            self._keep(place, computed)
            wait(self._writes, timeout=_LAST_WRITES)
            raise
        if lines:
            self._writes.append(self._writers.submit(self._detections.write, place, self._shard, lines))

    def finish(self, store: ObjectStore, failures_key: str) -> list[ObjectRef]:
        """Wait for the writes: the objects, in the order of their places; then the failures, if there are any."""
        objects = [write.result() for write in self._writes]
        if self.failures:
            objects.append(write_lines(store, failures_key, self.failures))
        self._progress.finish()
        return objects

    def _look(self, picture: Picture) -> Sequence[DetectedObject] | None:
        """The objects in a picture that is not known; None when it could not be looked at."""
        seen = next(self._seen)
        self._progress.add()
        if not isinstance(seen, Failure):
            if not self.details["computed"]:
                log.info("first picture looked at")
            return seen
        self.outcomes[f"failed:{seen.reason}"] += 1
        self.failures.append(FailedPicture(standard_key=picture.standard_key, reason=seen.reason, detail=seen.detail))
        log.warning("%s", seen.detail, extra={"camera": picture.camera.name, "reason": seen.reason})
        return None

    def _keep(self, place: Place, computed: Sequence[Detection]) -> None:
        """Write lines beside those that the file has; a failure is only logged."""
        if not computed:
            return
        try:
            self._detections.add(place, self._shard, computed)
        except NightjarError as error:
            log.warning("the detections that were computed before the stop could not be kept: %s", error)
