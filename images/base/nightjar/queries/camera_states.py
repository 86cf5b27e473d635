"""Facts about cameras, for the command line: when each was last heard of, its troubles and what was told of them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.health import outcomes
from nightjar.domain.names import Camera
from nightjar.queries.known_cameras import cameras_named
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.health import HealthStore
from nightjar.stores.rules import RulesStore
from nightjar.stores.troubles import Troubles

_AT_ONCE = 16


@dataclass(frozen=True)
class TroubleState:
    """A trouble that a camera has or had last; `told` and `end_told` are when its notices were dealt with."""

    kind: str
    severity: str
    since: datetime
    opened: datetime
    ended: datetime | None
    told: datetime | None
    end_told: datetime | None


@dataclass(frozen=True)
class CameraState:
    """Facts about a camera; times are None where nothing is."""

    camera: str
    last_taken: datetime | None
    last_arrived: datetime | None
    awaited: datetime | None  # when it is looked at again if nothing comes
    pictures_of_the_last_day: dict[str, int]  # by reason of refusal; "": not refused
    troubles: tuple[TroubleState, ...]


def chosen(store: ObjectStore, names: Sequence[str], *, troubled: bool) -> list[Camera]:
    """The cameras called `names`, or all of the rules; those in trouble, if asked for. Raises UsageError for others."""
    cameras = set(cameras_named(store, names))
    if troubled:
        open_now = {trouble.camera for trouble in Troubles(store).all_open(most=sys.maxsize)}
        return sorted(camera for camera in open_now if camera and (not names or camera in cameras))
    if not names:
        rules = RulesStore(store).in_force().rules
        cameras = set(rules.cameras) if rules else set()
    return sorted(cameras)


def states_of(store: ObjectStore, cameras: Sequence[Camera], now: datetime) -> list[CameraState]:
    """Facts about `cameras`: a few requests for each."""
    return list(in_parallel(lambda camera: _state(store, camera, now), cameras, _AT_ONCE))


def _state(store: ObjectStore, camera: Camera, now: datetime) -> CameraState:
    health = HealthStore(store).find(camera)
    troubles = tuple(
        TroubleState(
            each.kind, each.severity, each.since, each.opened_at, each.ended_at, each.told_at, each.end_told_at
        )
        for each in Troubles(store).of(camera.name)
    )
    if health is None:
        return CameraState(camera.name, None, None, None, {}, troubles)
    day = dict(outcomes(health, now - timedelta(days=1), now))
    return CameraState(camera.name, health.last_taken_at, health.last_arrived_at, health.check_at, day, troubles)
