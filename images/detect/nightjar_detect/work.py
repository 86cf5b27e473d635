"""The pipeline of the detect stage: pixels come in ahead of the interpreter, objects of detections go out behind it."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import NightjarError, TryAgainError
from nightjar.runtime.manifests import jsonl, write_bytes
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar_detect.known import Known
from nightjar_detect.pictures import Failure
from nightjar_detect.preprocess import Pixels

log = logging.getLogger(__name__)

Look = Callable[[Pixels], Sequence[DetectedObject]]
T = TypeVar("T")
R = TypeVar("R")


def prefetched(pool: Executor, call: Callable[[T], R], items: Iterable[T], ahead: int, burst: int = 1) -> Iterator[R]:
    """`call` of each item, in order, at most `ahead` of them begun before they are asked for, `burst` at a time."""
    pending: deque[Future[R]] = deque()
    rest = iter(items)
    while True:
        if len(pending) <= ahead - burst:
            pending.extend(pool.submit(call, item) for item in islice(rest, burst))
        if not pending:
            return
        yield pending.popleft().result()


class Work:
    """Looks at pictures, one place (camera and day) after the other, and counts what became of them.

    `pixels` gives, in the same order, the pixels (or the failure) of each picture that is not known; `look`, which may
    be None when all are known, turns pixels into objects.
    """

    def __init__(
        self,
        store: ObjectStore,
        detector: DetectorRef,
        look: Look | None,
        pixels: Iterator[Pixels | Failure],
        writers: Executor,
        progress: Progress,
    ) -> None:
        self._store, self._detector, self._look, self._pixels = store, detector, look, pixels
        self._writers, self._progress = writers, progress
        self._writes: list[Future[ObjectRef]] = []
        self.outcomes: Counter[str] = Counter(detected=0)
        self.details: Counter[str] = Counter(known=0, computed=0)
        self.failures: list[str] = []

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
        except TryAgainError:
            rest = {n: p for n, p in enumerate(pictures) if n not in lines and p.standard_sha256 in known}
            self._keep(key, lines | {n: self._line(p, known[p.standard_sha256]) for n, p in rest.items()})
            raise
        if lines:
            self._writes.append(self._writers.submit(self._write, key, b"".join(lines.values())))

    def finish(self) -> list[ObjectRef]:
        """Wait for the writes: the objects, in the order of their places."""
        objects = [write.result() for write in self._writes]
        self._progress.finish()
        return objects

    def _objects(self, picture: Picture, known: Known) -> Sequence[DetectedObject] | None:
        seen = known.get(picture.standard_sha256)
        if seen is not None:
            self.outcomes["detected"] += 1
            self.details["known"] += 1
            return seen
        found = next(self._pixels)
        self._progress.add()
        if isinstance(found, Failure):
            self.outcomes[f"failed:{found.reason}"] += 1
            self.failures.append(found.detail)
            log.warning("%s", found.detail, extra={"camera": picture.camera.name, "reason": found.reason})
            return None
        assert self._look, "a picture that is not known needs a detector"
        objects = self._look(found)
        if not self.details["computed"]:
            log.info("first picture looked at")
        self.outcomes["detected"] += 1
        self.details["computed"] += 1
        return objects

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
