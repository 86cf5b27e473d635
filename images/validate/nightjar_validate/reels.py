"""Gathering standard pictures into reels (see `nightjar.domain.reels`) while their bytes are at hand."""

import threading
from collections import defaultdict
from collections.abc import Sequence

from nightjar.domain.detections import Picture
from nightjar.domain.layout import REELS, reel_key
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.reels import FEWEST_PICTURES, MOST_PICTURES, Reel, ReelPicture
from nightjar.runtime.manifests import read_lines, write_bytes, write_lines
from nightjar.runtime.store import ObjectStore

_MOTION_JPEG = "video/x-motion-jpeg"

Fresh = tuple[Picture, bytes]  # a standard picture that was made just now


class Reels:
    """The reels of one shard, below the prefix of its output. Safe to use from threads.

    Which pictures share a reel does not depend on which was ready first: those of MOST_PICTURES stills that follow each
    other, or as many frames of one video. A still that takes long holds back its own reel only.
    """

    def __init__(self, store: ObjectStore, output_prefix: str, stills: int) -> None:
        self._store, self._prefix, self._stills = store, output_prefix, stills
        self._gathered: dict[int, dict[int, Sequence[Fresh]]] = defaultdict(dict)
        self._written: list[Reel] = []
        self._lock = threading.Lock()

    def still(self, number: int, fresh: Sequence[Fresh]) -> None:
        """What came of still `number` of the shard, by time: one call for each, also where nothing came."""
        group = number // MOST_PICTURES
        with self._lock:
            gathered = self._gathered[group]
            gathered[number] = fresh
            if len(gathered) < min(MOST_PICTURES, self._stills - group * MOST_PICTURES):
                return
            del self._gathered[group]
        self.write([each for _, some in sorted(gathered.items()) for each in some])

    def write(self, fresh: Sequence[Fresh]) -> None:
        """One reel of these pictures; none where they are too few to be worth it."""
        if len(fresh) < FEWEST_PICTURES:
            return
        pictures = tuple(
            ReelPicture(standard_key=p.standard_key, sha256=p.standard_sha256, size=len(jpeg)) for p, jpeg in fresh
        )
        key = reel_key(self._prefix, [(p.standard_key, p.sha256) for p in pictures])
        data = b"".join(jpeg for _, jpeg in fresh)
        reel = Reel(object=write_bytes(self._store, key, data, content_type=_MOTION_JPEG), pictures=pictures)
        with self._lock:
            self._written.append(reel)

    def publish(self) -> list[ObjectRef]:
        """Write the index, beside what an earlier try of this shard put there; returns it and all that it names."""
        key = f"{self._prefix}{REELS}"
        before = read_lines(self._store, key, Reel)[0] if self._store.head(key) else []
        by_key = {reel.object.key: reel for reel in [*before, *self._written]}
        if not by_key:
            return []
        reels = [reel for _, reel in sorted(by_key.items())]
        return [*(reel.object for reel in reels), write_lines(self._store, key, reels)]
