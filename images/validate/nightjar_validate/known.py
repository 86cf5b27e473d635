"""What was validated before: the validations store of one camera and day, read once."""

import threading
from collections.abc import Iterable
from datetime import date

from nightjar.domain.layout import LIVE, validations_prefix
from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Validation
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore

_THREADS = 8
_LOST_DECODER = {Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_OUT_OF_MEMORY}
CameraDay = tuple[Camera, date]


class KnownValidations:
    """Looks up what this validator made of a footage version under the same settings. Safe to use from threads.

    What lost its decoder is not known: that may have been the machine's doing (short of memory or of time), and a
    cleared shard is to look again. What is in quarantine by then stays there, as evidence.

    A version is in one batch only, so a live run need not read what the many other live runs of the day wrote: only
    what it wrote itself before a retry (`own` is its name), and history.
    """

    def __init__(self, store: ObjectStore, validator: str, run_prefix: str) -> None:
        self._store, self._validator = store, validator
        _, dag, run = run_prefix.rstrip("/").rsplit("/", 2)
        self._own, self._live = run, dag == LIVE
        self._days: dict[CameraDay, dict[tuple[str, str, str], Validation]] = {}
        self._lock = threading.Lock()

    def find(self, camera: Camera, day: date, key: str, version_id: str, settings: str) -> Validation | None:
        """The validation of this footage version, if there is one."""
        with self._lock:
            if (camera, day) not in self._days:
                self._days[camera, day] = {
                    (v.footage_key, v.footage_version, v.settings): v
                    for v in self._read(camera, day)
                    if not any(refusal.reason in _LOST_DECODER for refusal in v.refusals)
                }
            return self._days[camera, day].get((key, version_id, settings))

    def _read(self, camera: Camera, day: date) -> Iterable[Validation]:
        prefix = validations_prefix(self._validator, day, camera)
        keys = sorted(info.key for info in self._store.list_objects(prefix) if self._matters(info.key))
        for lines in in_parallel(self._lines, keys, _THREADS):
            yield from lines

    def _lines(self, key: str) -> list[Validation]:
        """The lines of a file; none when history compacted it since it was listed: what it said is done again."""
        try:
            return read_lines(self._store, key, Validation)[0]
        except InputError:
            if self._store.head(key):
                raise
            return []

    def _matters(self, key: str) -> bool:
        name = key.rpartition("/")[2]
        of_live_run = "T" in name.partition("-")[0]
        return not self._live or not of_live_run or name.startswith(self._own)
