"""Comparisons of candidates with what is deployed.

comparisons/<id>/YYYY/MM/DD/<user>.json                     UserCompared: one user's day
comparisons/<id>/comparison.json                            Comparison: the sum over users and days
comparisons/candidates/<tag>/candidate.json                 CandidateRecord
comparisons/candidates/<tag>/covered/<dag>/<run>.json       Covered: a run whose pictures the candidate was given

`<id>` is made of the ids of both detectors. Everything here can be made anew from the detections.
"""

from collections.abc import Iterator
from datetime import date, datetime

from nightjar.domain.candidates import CandidateRecord, Covered
from nightjar.domain.comparison.documents import Comparison, UserCompared
from nightjar.domain.layout import day_path, digest, last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.erasure import erase_versions
from nightjar.stores.made_of_others import CANDIDATES, COMPARISONS

_SUM = "comparison.json"
_READERS = 16
_TRIES = 5


def comparison_id(before: str, after: str) -> str:
    """The id of the comparison of two detectors, the deployed one first."""
    return digest(f"{before} {after}")


class Comparisons:
    """The answers of comparisons. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put_user(self, identity: str, day: date, compared: UserCompared) -> ObjectRef:
        """Write one user's day; the same answer a second time makes no new version."""
        return write_record(self._store, self.user_key(identity, day, compared.user), compared)

    @staticmethod
    def user_key(identity: str, day: date, user: str) -> str:
        """Where a user's day of a comparison is."""
        return f"{COMPARISONS}{identity}/{day_path(day)}/{user}.json"

    def users(self, identity: str) -> list[UserCompared]:
        """Every user's day of a comparison, by key. Raises InputError for an object that is none."""
        keys = sorted(
            key for info in self._store.list_objects(f"{COMPARISONS}{identity}/") if _is_part(key := info.key)
        )
        return [
            part for part, _ in in_parallel(lambda key: read_record(self._store, key, UserCompared), keys, _READERS)
        ]

    def put(self, identity: str, comparison: Comparison) -> ObjectRef:
        """Write the sum."""
        return write_record(self._store, f"{COMPARISONS}{identity}/{_SUM}", comparison)

    def get(self, identity: str) -> Comparison | None:
        """The sum; None where nothing was compared yet. Raises InputError for an object that is none."""
        current = read_current(self._store, f"{COMPARISONS}{identity}/{_SUM}", Comparison)
        return current[0] if current else None

    def ids(self) -> list[str]:
        """The ids of all comparisons."""
        return [last_segment(f) for f in self._store.list_folders(COMPARISONS) if f != CANDIDATES]

    def erase(self, user: str) -> int:
        """Remove every version of a user's days, and of the sums, which show pictures; how many versions those were.

        The next comparison makes a sum anew, without the user.
        """
        names = {f"{user}.json", _SUM}
        return erase_versions(
            self._store, COMPARISONS, lambda key: not key.startswith(CANDIDATES) and last_segment(key) in names
        )


class Candidates:
    """The candidates that are, or were, tried. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, tag: str) -> CandidateRecord | None:
        """The facts about a candidate; None for one that was never tried."""
        current = read_current(self._store, _record_key(tag), CandidateRecord)
        return current[0] if current else None

    def begin(self, tag: str, now: datetime) -> CandidateRecord:
        """The record of a candidate, made at `now` where there is none."""
        known = self.get(tag)
        if known is not None:
            return known
        self._change(tag, CandidateRecord(tag=tag, since=now))
        return self.get(tag) or CandidateRecord(tag=tag, since=now)

    def note(self, record: CandidateRecord) -> None:
        """Write what is known of a candidate by now; raises TryAgainError when others keep changing it."""
        self._change(record.tag, record)

    def covered(self, tag: str, run_prefix: str) -> Covered | None:
        """Whether, and by which run, the candidate was given the pictures of the run with this prefix."""
        try:
            current = read_current(self._store, _covered_key(tag, run_prefix), Covered)
        except InputError:  # damaged: it is covered once more, which computes nothing twice
            return None
        return current[0] if current else None

    def covered_names(self, tag: str, dag: str, beginning: str) -> set[str]:
        """The names of the covered runs of a DAG that begin so."""
        prefix = f"{CANDIDATES}{tag}/covered/{dag}/{beginning}"
        return {last_segment(info.key).removesuffix(".json") for info in self._store.list_objects(prefix)}

    def cover(self, tag: str, run_prefix: str, covered: Covered) -> None:
        """Note that the candidate has been given the pictures of a run."""
        write_record(self._store, _covered_key(tag, run_prefix), covered)

    def tags(self) -> Iterator[str]:
        """The tags of all candidates that were ever tried."""
        return (last_segment(folder) for folder in self._store.list_folders(CANDIDATES))

    def _change(self, tag: str, record: CandidateRecord) -> None:
        for _ in range(_TRIES):
            current = read_current(self._store, _record_key(tag), CandidateRecord)
            if replace_current(self._store, _record_key(tag), record, current[1] if current else None):
                return
        raise TryAgainError(f"expected the record of the candidate {tag} to hold still, others keep changing it")


def _record_key(tag: str) -> str:
    return f"{CANDIDATES}{tag}/candidate.json"


def _covered_key(tag: str, run_prefix: str) -> str:
    dag, run = run_prefix.rstrip("/").split("/")[-2:]
    return f"{CANDIDATES}{tag}/covered/{dag}/{run}.json"


def _is_part(key: str) -> bool:
    """Whether it is the key of a user's day: of the form `comparisons/<id>/YYYY/MM/DD/<user>.json`."""
    return key.count("/") == 5 and key.endswith(".json")
