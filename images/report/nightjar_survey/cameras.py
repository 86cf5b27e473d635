"""One camera: what is new of it is counted, and its troubles are opened and ended.

The order of writes: the list in which it is due, then its troubles, then its health. Whenever this is stopped, doing it
again makes up for the rest, and nothing is counted or opened twice.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from nightjar.domain.armed import armed_rules
from nightjar.domain.equipment import EXPLAINS_REFUSALS, Found, Limits, due, silent, troubles
from nightjar.domain.health import Health, count
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Severity
from nightjar.domain.troubles import Trouble, TroubleKind
from nightjar.runtime.store import ObjectStore
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.footage import FootageStore
from nightjar.stores.health import DueTimes, HealthStore
from nightjar.stores.troubles import Troubles
from nightjar_survey.prints import with_print
from nightjar_survey.sent import Evidence

log = logging.getLogger(__name__)

# When a camera is looked at again whose footage waits or is under way.
_AGAIN = timedelta(minutes=15)
_UNDER_WAY_HOURS = 2


@dataclass
class Change:
    """The troubles of a camera that came up and those that are over, by kind."""

    opened: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


class Surveyor:
    """Looks after single cameras. Safe to use from threads, each for other cameras."""

    def __init__(self, store: ObjectStore, limits: Limits, now: datetime) -> None:
        self._store, self._limits, self._now = store, limits, now
        self._health, self._troubles, self._due = HealthStore(store), Troubles(store), DueTimes(store)

    def count(self, camera: CameraRules, runs: Mapping[str, Evidence]) -> Change:
        """Count what the camera sent in `runs`, by name, and see which troubles it has now."""
        change = Change()

        def counted(before: Health | None) -> Health | None:
            nonlocal change
            health = before or self._new(camera.camera, self._now)
            for name in sorted(runs):
                health = count(health, name, runs[name].sent)
            newest = [each.newest for each in runs.values() if each.newest]
            health = with_print(self._store, health, max(newest, key=lambda p: p.taken_at, default=None))
            found = troubles(health, partial(armed_rules, camera), self._now, self._limits)
            still = silent(health, health.since, self._now, self._limits)
            if still and TroubleKind.SILENT in health.open:
                found[TroubleKind.SILENT] = still
            health, change = self._settle(self._awaited(health), found)
            return health

        self._health.change(camera.camera, counted)
        return change

    def check(self, camera: Camera, rules: CameraRules | None, minute: datetime, since: datetime) -> Change:
        """Look at a camera that stands in the list of `minute`, awaited `since`: has it become silent?"""
        change = Change()

        def checked(before: Health | None) -> Health | None:
            nonlocal change
            if before is not None and before.check_at not in (None, minute):
                return before  # it stands in a later list
            health = before or self._new(camera, since)
            if rules is None:  # it was taken out of the rules
                health, change = self._settle(health.model_copy(update={"check_at": None}), {})
                return health if before else None
            found = silent(health, health.since, self._now, self._limits)
            if found is None or self._is_under_way(health):
                again = due(health, self._limits) if found is None else self._now + _AGAIN
                return self._stand(health, max(again, self._now + timedelta(minutes=1)))
            now_open = {kind: Found(health.since, found.facts) for kind in health.open}
            health, change = self._settle(health, {**now_open, TroubleKind.SILENT: found})
            return health.model_copy(update={"check_at": None})

        self._health.change(camera, checked)
        return change

    def _awaited(self, health: Health) -> Health:
        """The health of a camera that stands in a list by which it will be silent, or earlier."""
        minute = DueTimes.minute(due(health, self._limits))
        if health.check_at is not None and health.check_at <= max(minute, self._now):
            return health
        return self._stand(health, max(due(health, self._limits), self._now + timedelta(minutes=1)))

    def _stand(self, health: Health, at: datetime) -> Health:
        minute = DueTimes.minute(at)
        self._due.add(minute, {health.camera: health.since})
        return health.model_copy(update={"check_at": minute})

    def _settle(self, health: Health, found: Mapping[str, Found]) -> tuple[Health, Change]:
        """Open the troubles that were found and are not open, end those that are open and were not found."""
        new = sorted(set(found) - set(health.open))
        over = sorted(set(health.open) - set(found))
        for kind in new:
            self._troubles.open(self._trouble(health.camera, kind, found[kind]))
        for kind in over:
            self._troubles.end(health.camera.name, kind, self._now)
        update: dict[str, object] = {"open": tuple(sorted(found))}
        if EXPLAINS_REFUSALS.intersection(over):
            update["refused_from"] = self._now
        if new or over:
            log.info("%s: troubles opened: %s; over: %s", health.camera.name, _named(new), _named(over))
        return health.model_copy(update=update), Change(tuple(new), tuple(over))

    def _trouble(self, camera: Camera, kind: str, found: Found) -> Trouble:
        severity = Severity.CRITICAL if kind == TroubleKind.COVERED else Severity.WARNING
        return Trouble(
            about=camera.name, kind=kind, severity=severity, since=found.since, opened_at=self._now, facts=found.facts
        )

    def _is_under_way(self, health: Health) -> bool:
        """Whether footage of the camera waits to be collected, or was filed and is not counted yet.

        So Nightjar that comes back after an outage does not take its own silence for that of its cameras.
        """
        if DropZone(self._store).has_of(health.camera):
            return True
        after = health.last_taken_at or health.since
        behind = health.last_arrived_at - after if health.last_arrived_at else timedelta(0)  # its clock may be wrong
        hours = (self._now - behind - timedelta(hours=back) for back in range(_UNDER_WAY_HOURS))
        return FootageStore(self._store).has_after(health.camera, after, hours)

    @staticmethod
    def _new(camera: Camera, since: datetime) -> Health:
        return Health(user=camera.user, device=camera.device, since=since)


def _named(kinds: Sequence[str]) -> str:
    return ", ".join(kinds) or "none"
