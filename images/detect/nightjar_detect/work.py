"""The pipeline of the detect stage: pixels come in ahead of the interpreter, objects of detections go out behind it."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import islice
from typing import TypeVar

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, FailedPicture, Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import NightjarError, TryAgainError
from nightjar.runtime.manifests import jsonl, write_bytes
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StoppedError, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar_detect.detectors import Detector
from nightjar_detect.known import Known
from nightjar_detect.pictures import Failure
from nightjar_detect.postprocess import find_objects
from nightjar_detect.preprocess import Pixels

log = logging.getLogger(__name__)

Seen = Sequence[DetectedObject] | Failure
# So many pictures are looked at before their objects are made: after an inference the processor's caches hold nothing
# of our own code, and a little Python for each picture in between takes several times as long as all of it at once.
_BURST = 16
_LAST_WRITES = 20.0  # seconds for writes that are under way when the stage stops; SIGTERM leaves it 60
T = TypeVar("T")
R = TypeVar("R")


def prefetched(
    pool: Executor,
    call: Callable[[T], R],
    items: Iterable[T],
    ahead: int,
    burst: int,
    weight: Callable[[T], int] = lambda _: 1,
) -> Iterator[R]:
    """`call` of each item, in order, begun before they are asked for: up to a weight of `ahead`, by `burst` at a time.

    The last item of a burst may exceed `ahead`.
    """
    pending: deque[tuple[Future[R], int]] = deque()
    rest, waiting = iter(items), 0
    while True:
        if waiting <= ahead - burst:
            while waiting < ahead and (some := list(islice(rest, 1))):
                pending.append((pool.submit(call, some[0]), weight(some[0])))
                waiting += pending[-1][1]
        if not pending:
            return
        future, its_weight = pending.popleft()
        waiting -= its_weight
        yield future.result()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last one shorter (itertools.batched of Python 3.12)."""
    rest = iter(items)
    return iter(lambda: list(islice(rest, size)), [])


def look(
    detector: Detector, labels: Sequence[str | None], min_probability: float, pictures: Iterable[Pixels | Failure]
) -> Iterator[Seen]:
    """The objects in each picture, in order; a failure stays one."""
    for burst in batched(pictures, _BURST):
        raw = [p if isinstance(p, Failure) else detector.infer(p) for p in burst]
        yield from (r if isinstance(r, Failure) else find_objects(*r, labels, min_probability) for r in raw)


class Work:
    """Writes what is seen in pictures, one place (camera and day) after the other, and counts what became of them.

    `seen` gives, in the same order, the objects in each picture that is not known, or the failure.
    """

    def __init__(
        self,
        store: ObjectStore,
        detector: DetectorRef,
        seen: Iterator[Seen],
        writers: Executor,
        progress: Progress,
    ) -> None:
        self._store, self._detector, self._seen = store, detector, seen
        self._writers, self._progress = writers, progress
        self._writes: list[Future[ObjectRef]] = []
        self.outcomes: Counter[str] = Counter(detected=0)
        self.details: Counter[str] = Counter(known=0, computed=0)
        self.failures: list[FailedPicture] = []

    def do(self, key: str, pictures: Sequence[Picture], known: Known) -> None:
        """Look at the pictures of one place, in order, and begin to write their lines at `key`.

        What was computed before S3 failed or SIGTERM came is written too, so that the next try goes on from there.
        """
        lines: dict[int, bytes] = {}
        try:
            for number, picture in enumerate(pictures):
                stop_if_asked()
                objects = self._objects(picture, known)
                if objects is not None:
                    lines[number] = self._line(picture, objects)
        except (TryAgainError, StoppedError):
            rest = {n: p for n, p in enumerate(pictures) if n not in lines and p.standard_sha256 in known}
            self._keep(key, lines | {n: self._line(p, known[p.standard_sha256]) for n, p in rest.items()})
            wait(self._writes, timeout=_LAST_WRITES)
            raise
        if lines:
            self._writes.append(self._writers.submit(self._write, key, b"".join(lines.values())))

    def finish(self, failures_key: str) -> list[ObjectRef]:
        """Wait for the writes: the objects, in the order of their places; then the failures, if there are any."""
        if self.failures:
            self._writes.append(self._writers.submit(self._write, failures_key, b"".join(jsonl(self.failures))))
        objects = [write.result() for write in self._writes]
        self._progress.finish()
        return objects

    def _objects(self, picture: Picture, known: Known) -> Sequence[DetectedObject] | None:
        objects = known.get(picture.standard_sha256)
        if objects is not None:
            self.outcomes["detected"] += 1
            self.details["known"] += 1
            return objects
        found = next(self._seen)
        self._progress.add()
        if isinstance(found, Failure):
            self.outcomes[f"failed:{found.reason}"] += 1
            self.failures.append(
                FailedPicture(standard_key=picture.standard_key, reason=found.reason, detail=found.detail)
            )
            log.warning("%s", found.detail, extra={"camera": picture.camera.name, "reason": found.reason})
            return None
        if not self.details["computed"]:
            log.info("first picture looked at")
        self.outcomes["detected"] += 1
        self.details["computed"] += 1
        return found

    def _line(self, picture: Picture, objects: Iterable[DetectedObject]) -> bytes:
        return b"".join(jsonl([Detection.of(picture, self._detector, objects)]))

    def _write(self, key: str, data: bytes) -> ObjectRef:
        return write_bytes(self._store, key, data, content_type="application/x-ndjson")

    def _keep(self, key: str, lines: dict[int, bytes]) -> None:
        if not self.details["computed"]:
            return
        try:
            self._write(key, b"".join(line for _, line in sorted(lines.items())))
        except NightjarError as error:
            log.warning("what was computed before the stop is lost: %s", error)
