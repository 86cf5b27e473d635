"""All that there is to say about a camera: a few requests for each, and what cannot be read is told beside the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.health import Health
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.rules import CameraRules
from nightjar.domain.troubles import Trouble
from nightjar.errors import InputError
from nightjar.queries.camera_counts import CameraCounts
from nightjar.queries.readable import told
from nightjar.queries.rules_now import RulesNow
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.health import HealthStore
from nightjar.stores.reactions import Mutes
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles

_AT_ONCE = 16


@dataclass(frozen=True)
class LastPicture:
    """The last picture that was not refused. `why_not` says why it cannot be shown; None where it can."""

    key: str
    taken_at: datetime
    why_not: str | None = None


@dataclass(frozen=True)
class Muted:
    """Nobody is alerted before `until`; `by` is who said so: a person, or `rules`."""

    until: datetime
    by: str
    since: datetime | None


@dataclass(frozen=True)
class CameraFacts:
    """One camera. `rules` is None for one that the rules do not know, `health` for one that nothing is known of.

    `troubles` are those that are open, then those that are over, newest first. `problems` tell of objects in the bucket
    that could not be read.
    """

    camera: Camera
    rules: CameraRules | None
    health: Health | None
    picture: LastPicture | None
    troubles: tuple[Trouble, ...]
    muted: Muted | None
    false_boxes: tuple[FalseBox, ...]
    counts: CameraCounts
    problems: tuple[str, ...]

    @property
    def open_troubles(self) -> tuple[Trouble, ...]:
        """The troubles that hold."""
        return tuple(trouble for trouble in self.troubles if trouble.is_open)

    @property
    def clock_offset(self) -> float | None:
        """Seconds from the time in the names to the arrival of what arrived last: above 0, the camera's clock is behind
        or it sends late. None while nothing is known."""
        return self.health.offsets[-1].least if self.health and self.health.offsets else None


def facts_of(
    store: ObjectStore, cameras: Sequence[Camera], rules: RulesNow, counts: Mapping[Camera, CameraCounts], now: datetime
) -> list[CameraFacts]:
    """Facts about each of `cameras`, in their order."""
    return list(
        in_parallel(lambda camera: _facts(store, camera, rules.of(camera), counts[camera], now), cameras, _AT_ONCE)
    )


def _facts(
    store: ObjectStore, camera: Camera, rules: CameraRules | None, counts: CameraCounts, now: datetime
) -> CameraFacts:
    problems: list[str] = []
    health = told(problems, lambda: HealthStore(store).find(camera))
    troubles = told(problems, lambda: Troubles(store).of(camera.name)) or []
    mute = told(problems, lambda: Mutes(store).get(camera))
    return CameraFacts(
        camera=camera,
        rules=rules,
        health=health,
        picture=_last_picture(store, camera, health, counts),
        troubles=tuple(sorted(troubles, key=lambda each: (not each.is_open, -each.opened_at.timestamp(), each.kind))),
        muted=_muted(rules, mute, now),
        false_boxes=told(problems, lambda: FalseBoxes(store).of(camera)) or (),
        counts=counts,
        problems=tuple(problems),
    )


def _last_picture(
    store: ObjectStore, camera: Camera, health: Health | None, counts: CameraCounts
) -> LastPicture | None:
    """By what is remembered of the camera, or by the warehouse where that is newer or nothing is remembered."""
    good = [look.taken_at for look in health.looks if look.is_good] if health else []
    known = [(moment, standard_key(camera, moment)) for moment in good[-1:]]
    if counts.last_taken is not None and counts.last_key:
        known.append((counts.last_taken, counts.last_key))
    if not known:
        return None
    taken_at, key = max(known)
    try:
        why_not = None if store.head(key) else "it is no longer stored"
    except InputError as error:
        why_not = str(error)
    return LastPicture(key, taken_at, why_not)


def _muted(rules: CameraRules | None, mute: Mute | None, now: datetime) -> Muted | None:
    """Both hold, so it is the later one that counts."""
    by_person = [Muted(mute.until, mute.by, mute.at)] if mute else []
    by_rules = [Muted(rules.mute_until, "rules", None)] if rules and rules.mute_until else []
    return max((each for each in (*by_person, *by_rules) if each.until > now), key=lambda m: m.until, default=None)
