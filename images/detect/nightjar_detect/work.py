"""The pipeline of the detect stage: pixels come in ahead of the interpreter, objects of detections go out behind it."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import islice
from time import monotonic
from typing import TypeVar

from nightjar.domain.detections import DetectedObject, Detection, FailedPicture, How, Origin, Picture
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
from nightjar_detect.frames import Result
from nightjar_detect.pictures import Failure
from nightjar_detect.preprocess import Pixels

log = logging.getLogger(__name__)

Find = Callable[[Outputs], Sequence[DetectedObject]]  # from the network's outputs for one picture to its objects
# The ways of the pictures that have objects, in the details of the manifest.
KNOWN, LOOKED_AT = "known", "looked_at"
DETAILS = (KNOWN, LOOKED_AT, How.INTERPOLATED.value, How.CARRIED.value)
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


class Looks:
    """The detector as the gate asks it: the objects in pictures, several at once.

    The model is loaded with the first look, while the first pictures are being fetched. `seconds` is the time of all
    looks, without loading, reading and writing: what a detector costs.
    """

    def __init__(self, load: Callable[[], tuple[Detector, Find]]) -> None:
        self._load = load
        self._loaded: tuple[Detector, Find] | None = None
        self.seconds = 0.0

    def __call__(self, pictures: Sequence[Pixels]) -> list[Sequence[DetectedObject]]:
        """The objects in each picture."""
        is_first = self._loaded is None
        detector, find = self._loaded = self._loaded or self._load()
        found: list[Sequence[DetectedObject]] = []
        began = monotonic()
        for burst in batched(pictures, _BURST):
            raw = [detector.infer(pixels) for pixels in burst]
            found += map(find, raw)
        self.seconds += monotonic() - began
        if is_first:
            log.info("first picture looked at")
        return found


class Work:
    """Writes the objects in pictures, one place (camera and day) after the other, and counts outcomes.

    `results` gives, in the same order, the objects in each picture, or the failure. What is new is of `origin`; a line
    that is known stays as it is, but for its picture, of which there may be another version.
    """

    def __init__(
        self,
        detections: Detections,
        origin: Origin,
        shard: RunShard,
        results: Iterator[Result],
        writers: Executor,
        progress: Progress,
    ) -> None:
        self._detections, self._origin, self._shard, self._results = detections, origin, shard, results
        self._writers, self._progress = writers, progress
        self._writes: list[Future[ObjectRef]] = []
        self.outcomes: Counter[str] = Counter(detected=0)
        self.details: Counter[str] = Counter(dict.fromkeys(DETAILS, 0))
        self.failures: list[FailedPicture] = []

    def do(self, place: Place, pictures: Sequence[Picture]) -> None:
        """Take the results of the pictures of one place, in order, and begin to write their lines.

        Lines that were new before S3 failed or SIGTERM came are written too, so that the next try goes on from there.
        """
        lines: list[Detection] = []
        new: list[Detection] = []
        try:
            for _ in pictures:
                stop_if_asked()
                result = next(self._results)
                if result.known is None:
                    self._progress.add()
                if isinstance(result.objects, Failure):
                    self._fail(result.picture, result.objects)
                    continue
                self.outcomes["detected"] += 1
                if result.known:
                    self.details[KNOWN] += 1
                    lines.append(result.known.model_copy(update={"picture": result.picture}))
                    continue
                self.details[result.mark.how if result.mark else LOOKED_AT] += 1
                made = self._origin
                line = Detection.of(
                    result.picture, made.detector, result.objects, result.mark, run=made.run, shard=made.shard
                )
                lines.append(line)
                new.append(line)
        except (TryAgainError, StoppedError):
            self._keep(place, new)
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

    def _fail(self, picture: Picture, failure: Failure) -> None:
        self.outcomes[f"failed:{failure.reason}"] += 1
        self.failures.append(
            FailedPicture(standard_key=picture.standard_key, reason=failure.reason, detail=failure.detail)
        )
        log.warning("%s", failure.detail, extra={"camera": picture.camera.name, "reason": failure.reason})

    def _keep(self, place: Place, new: Sequence[Detection]) -> None:
        """Write lines beside those that the file has; a failure is only logged."""
        if not new:
            return
        try:
            self._detections.add(place, self._shard, new)
        except NightjarError as error:
            log.warning("the detections that were new before the stop could not be kept: %s", error)
