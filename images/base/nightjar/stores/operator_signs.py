"""`operator/`: signs of how the deployment does. Two small objects that are replaced, without versions that pile up."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from nightjar.domain.operator_signs import DayRefusals, Heartbeat
from nightjar.domain.operator_troubles import is_silent
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.manifests import write_record
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import Runs

SIGNS = "operator/"
_HEARTBEAT, _REFUSALS = f"{SIGNS}heartbeat.json", f"{SIGNS}refusals.json"
_BEAT_AGAIN = timedelta(seconds=30)
_TRIES = 10


class OperatorSigns:
    """Writes and reads the signs."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def beat(self, now: datetime) -> None:
        """Note that the watch looked at `now`, unless that was noted less than half a minute ago."""
        last = self.last_beat()
        if last and timedelta(0) <= now - last < _BEAT_AGAIN:
            return
        before = self._store.head(_HEARTBEAT)
        write_record(self._store, _HEARTBEAT, Heartbeat(at=now))
        self._forget(_HEARTBEAT, before.version_id if before else None)

    def last_beat(self) -> datetime | None:
        """When the watch looked last; None when it never did, or when that cannot be read."""
        try:
            current = read_current(self._store, _HEARTBEAT, Heartbeat)
        except InputError:
            return None
        return current[0].at if current else None

    def watch_silent_since(self, now: datetime, most: timedelta) -> datetime | None:
        """Since when the watch has not looked, if that is longer than `most`; None when it has.

        Where it never looked, it was expected to from the first release on that a run was pinned to.
        """
        last = self.last_beat()
        if last is not None:
            return is_silent(last, None, now, most)
        try:
            deployed = Runs(self._store).deployed()
        except InputError:
            return None  # `nightjar status` tells of that
        return is_silent(None, deployed.since if deployed else None, now, most)

    def count(self, day: date, run: str, received: int, reasons: Mapping[str, int]) -> DayRefusals:
        """Add what `run` received and refused to its `day`, and forget the days before; returns the day's refusals.

        A run of a day that is over counts for nothing; the day that is under way is returned.
        """
        for _ in range(_TRIES):
            before, etag, version = self._refusals()
            if before and before.day > day:
                return before
            after = (before if before and before.day == day else DayRefusals(day=day)).with_run(run, received, reasons)
            if after == before:
                return after
            if replace_current(self._store, _REFUSALS, after, etag):
                self._forget(_REFUSALS, version)
                return after
        raise TryAgainError(f"expected {_REFUSALS!r} to hold still, other runs wrote it {_TRIES} times in a row")

    def _refusals(self) -> tuple[DayRefusals | None, str | None, str | None]:
        """The stored refusals, and the etag and version of their object. Unreadable ones are begun anew."""
        info = self._store.head(_REFUSALS)
        try:
            current = read_current(self._store, _REFUSALS, DayRefusals)
        except InputError:
            return None, info.etag if info else None, info.version_id if info else None
        return (*current, info.version_id if info else None) if current else (None, None, None)

    def _forget(self, key: str, version_id: str | None) -> None:
        """Remove a version that was replaced. In a bucket without versions it is the same as the new one."""
        now = self._store.head(key)
        if version_id and now and now.version_id != version_id:
            self._store.delete(key, version_id)
