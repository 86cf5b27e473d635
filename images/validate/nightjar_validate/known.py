"""Footage that was validated before: the lines of one camera and day, read once."""

import threading

from nightjar.domain.batch import Footage
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Validation
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.validations import Validations

_LOST_DECODER = {Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_OUT_OF_MEMORY}


class KnownValidations:
    """Looks up what the validator of a place made of footage under the same settings. Safe to use from threads.

    A validation that lost its decoder is not known: that may have been the machine's doing (short of memory or of
    time), and a cleared shard is to look again. What is in quarantine by then stays there, as evidence.
    """

    def __init__(self, validations: Validations, reader: RunShard) -> None:
        self._validations, self._reader = validations, reader
        self._places: dict[Place, dict[tuple[str, str, str], Validation]] = {}
        self._lock = threading.Lock()

    def find(self, place: Place, footage: Footage, settings: str) -> Validation | None:
        """The validation of this footage version under the camera's `settings`, if there is one."""
        with self._lock:
            if place not in self._places:
                self._places[place] = {
                    (line.footage_key, line.footage_version, line.settings): line
                    for line in self._validations.known(place, self._reader)
                    if not any(refusal.reason in _LOST_DECODER for refusal in line.refusals)
                }
            return self._places[place].get((footage.key, footage.version_id, settings))
