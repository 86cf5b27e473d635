"""Footage that was validated before: the lines of one camera and day, read once."""

import threading
from dataclasses import replace

from nightjar.domain.batch import Footage
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Validation
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.validations import Validations

_LOST_DECODER = {Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_OUT_OF_MEMORY}

FootageId = tuple[str, str]


class KnownValidations:
    """Looks up what the validator of a place made of footage. Safe to use from threads.

    A validation that lost its decoder is not known: that may have been the machine's doing (short of memory or of
    time), and a cleared shard is to look again. What is in quarantine by then stays there, as evidence.
    """

    def __init__(self, validations: Validations, reader: RunShard) -> None:
        self._validations, self._reader = validations, reader
        self._places: dict[Place, dict[tuple[str, str, str], Validation]] = {}
        self._judged: dict[Place, dict[FootageId, Validation]] = {}
        self._lock = threading.Lock()

    def find(self, place: Place, footage: Footage, settings: str) -> Validation | None:
        """The validation of this footage version under the camera's `settings`, if there is one."""
        with self._lock:
            if place not in self._places:
                self._places[place] = {
                    (line.footage_key, line.footage_version, line.settings): line
                    for line in self._validations.known(place, self._reader)
                    if line.validator == place.maker and not _lost_decoder(line)
                }
            return self._places[place].get((footage.key, footage.version_id, settings))

    def judged(self, place: Place, footage: Footage) -> Validation | None:
        """The validation of this footage version from when the rules knew its camera, by whichever validator.

        That of the validator of `place` comes first; of those of others, of which none is better, the last by its id.
        """
        with self._lock:
            if place not in self._judged:
                others = sorted(set(self._validations.makers()) - {place.maker})
                lines = (
                    line
                    for maker in (*others, place.maker)
                    for line in self._validations.known(replace(place, maker=maker), self._reader)
                )
                self._judged[place] = {
                    (line.footage_key, line.footage_version): line
                    for line in lines
                    if line.settings != Reason.UNKNOWN_CAMERA and not _lost_decoder(line)
                }
            return self._judged[place].get((footage.key, footage.version_id))


def _lost_decoder(line: Validation) -> bool:
    return any(refusal.reason in _LOST_DECODER for refusal in line.refusals)
