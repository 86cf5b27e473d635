"""Which cameras there are, filtered and in pages: mostly listings of names, so that it costs a few requests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from nightjar.domain.names import Camera, NameRefused
from nightjar.domain.troubles import TroubleKind
from nightjar.errors import InputError
from nightjar.queries.rules_now import RulesNow, rules_now
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.health import HealthStore
from nightjar.stores.reactions import Mutes
from nightjar.stores.troubles import Troubles

PAGE = 24
MOST = 5_000  # cameras, or troubles, of one source that are listed: a page comes at once, however many there are
_MOST_IN_PARTS = 4 * PAGE  # cameras whose rules are read from the parts of a large file, to filter by them
_AT_ONCE = 16


class CameraFilter(StrEnum):
    """The states by which cameras can be chosen; a camera may be in several of them at once."""

    OK = "ok"  # no open trouble, not muted, and known to the rules
    SILENT = "silent"
    TROUBLED = "troubled"  # any open trouble
    MUTED = "muted"
    UNKNOWN = "unknown"  # to the rules


@dataclass(frozen=True)
class Asked:
    """The cameras that are asked for: of a user, with `part` in their name (any case), in a state; "" and None: any."""

    user: str = ""
    part: str = ""
    state: CameraFilter | None = None
    page: int = 1


@dataclass(frozen=True)
class CameraPage:
    """A page of cameras, by name. `total` is how many match, `pages` how many pages these make.

    `is_cut` tells that not all cameras were looked through. `problems` tell of objects that could not be read.
    """

    cameras: tuple[Camera, ...]
    page: int
    pages: int
    total: int
    rules: RulesNow
    is_cut: bool
    problems: tuple[str, ...]


def camera_page(store: ObjectStore, asked: Asked, seen: Iterable[str], now: datetime) -> CameraPage:
    """The cameras that match, of those of the rules, those that are remembered, and those `seen` lately by name.

    Of a rules file too large to be read as a whole, only the cameras of the user who is asked for are known.
    """
    return _Search(store, asked, now).page(seen)


class _Search:
    def __init__(self, store: ObjectStore, asked: Asked, now: datetime) -> None:
        self._store, self._asked, self._now = store, asked, now
        self._open = Troubles(store).open_kinds(MOST)
        self._is_cut = False
        self._problems: list[str] = []

    def page(self, seen: Iterable[str]) -> CameraPage:
        asked = self._asked
        names = {camera for camera in _cameras((*seen, *self._open)) if asked.user in ("", camera.user)}
        names.update(self._first(HealthStore(self._store).cameras(MOST + 1, asked.user), MOST))
        # Any camera of a user brings the user's part of a large file, which has all cameras of theirs.
        rules = rules_now(self._store, {*names, *_cameras([f"{asked.user}-any"])} if asked.user else ())
        if rules.rules is not None and (rules.is_whole or asked.user):
            known = (camera for camera in rules.rules.cameras if asked.user in ("", camera.user))
            names.update(self._first(known, MOST))
        self._is_cut |= not rules.is_whole and (not asked.user or rules.rules is None)
        part = asked.part.casefold()
        matching = sorted(camera for camera in names if part in camera.name.casefold())
        if asked.state is not None:
            matching = self._in_state(asked.state, matching, rules)
        pages = max(1, -(-len(matching) // PAGE))
        page = min(max(1, asked.page), pages)
        shown = tuple(matching[(page - 1) * PAGE : page * PAGE])
        if not rules.is_whole:
            rules = rules_now(self._store, shown)
        return CameraPage(shown, page, pages, len(matching), rules, self._is_cut, tuple(self._problems))

    def _first(self, cameras: Iterable[Camera], most: int) -> list[Camera]:
        """The first of `cameras`, noting whether there are more."""
        first = list(islice(cameras, most + 1))
        self._is_cut |= len(first) > most
        return first[:most]

    def _in_state(self, state: CameraFilter, cameras: list[Camera], rules: RulesNow) -> list[Camera]:
        if state is CameraFilter.TROUBLED:
            return [camera for camera in cameras if camera.name in self._open]
        if state is CameraFilter.SILENT:
            return [camera for camera in cameras if TroubleKind.SILENT in self._open.get(camera.name, ())]
        if not rules.is_whole:
            cameras = self._first(cameras, _MOST_IN_PARTS)
            rules = rules_now(self._store, cameras)
        if state is CameraFilter.UNKNOWN:
            return [camera for camera in cameras if rules.of(camera) is None]
        muted = self._muted(cameras, rules)
        if state is CameraFilter.MUTED:
            return [camera for camera in cameras if camera in muted]
        return [c for c in cameras if c.name not in self._open and c not in muted and rules.of(c) is not None]

    def _muted(self, cameras: Sequence[Camera], rules: RulesNow) -> set[Camera]:
        """The cameras that are muted now, by a person or by the rules."""
        among = set(cameras)
        ever = [camera for camera in self._first(Mutes(self._store).cameras(MOST + 1), MOST) if camera in among]
        until: dict[Camera, datetime] = {}
        for camera, moment in zip(ever, in_parallel(self._muted_until, ever, _AT_ONCE), strict=True):
            if isinstance(moment, str):
                self._problems.append(moment)
            elif moment is not None:
                until[camera] = moment
        in_rules = {camera: each.mute_until for camera in cameras if (each := rules.of(camera)) and each.mute_until}
        return {camera for moments in (until, in_rules) for camera, moment in moments.items() if moment > self._now}

    def _muted_until(self, camera: Camera) -> datetime | str | None:
        """Until when a person muted the camera; the problem in words where the object cannot be read."""
        try:
            mute = Mutes(self._store).get(camera)
        except InputError as error:
            return str(error)
        return mute.until if mute else None


def _cameras(names: Iterable[str]) -> list[Camera]:
    cameras = []
    for name in names:
        try:
            cameras.append(Camera.parse(name))
        except NameRefused:
            continue  # the deployment, or a name that is no camera's
    return cameras
