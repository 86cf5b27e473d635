"""Which troubles a camera has, by what is remembered of it. Pure: the moment and the limits are given.

A trouble that is open stays open until footage shows that it is over: being at a limit is not told again and again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypeVar

from nightjar.domain.health import Health, Look, Offset, Print, all_gaps, longest_in, outcomes, percentile
from nightjar.domain.reasons import Reason
from nightjar.domain.troubles import Facts, TroubleKind

# Rules in force at a moment, by name: a covered lens matters then.
Armed = Callable[[datetime], Sequence[str]]

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_TILE_NOISE = 2  # levels of grey by which a tile may differ and still be the same: noise, and compression
_TILES_ALIKE = 0.95  # share of tiles that have to be the same: a burnt-in clock may run in a few
_SAME_OFFSET = timedelta(minutes=15)
_SPREAD = 4  # footage that arrives within a minute spans at most so small a part of the time by which a clock is off
# Refusals that are a trouble of another kind.
_OWN_TROUBLE: Mapping[str, tuple[TroubleKind, ...]] = {
    Reason.VOID: (TroubleKind.VOID, TroubleKind.COVERED),
    Reason.IMPLAUSIBLE_TIME: (TroubleKind.CLOCK,),
}
# When one of these is over, earlier refusals count no more: people were told of them.
EXPLAINS_REFUSALS = frozenset({TroubleKind.REFUSED, *(kind for kinds in _OWN_TROUBLE.values() for kind in kinds)})
_MOST_REASONS = 3
_GOOD_LOOKS = 10  # minutes with good pictures, one after the other, after which refusals are over

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """From when on something is a trouble: `nightjar.settings.survey` says what each means, with its default."""

    void_pictures: int
    void_seconds: int
    frozen_pictures: int
    frozen_seconds: int
    frozen_noise_seconds: int
    silent_history_seconds: int
    silent_least_seconds: int
    silent_first_seconds: int
    clock_off_seconds: int
    clock_arrivals: int
    clock_seconds: int
    refused_share: float
    refused_pictures: int


@dataclass(frozen=True)
class Found:
    """A trouble that holds: since when, and the facts to tell."""

    since: datetime
    facts: Facts


@dataclass(frozen=True)
class Patience:
    """How long a camera may be quiet before it counts as silent, and its usual time between visits (None: unknown)."""

    allowed: timedelta
    usual: timedelta | None


def troubles(health: Health, armed: Armed, now: datetime, limits: Limits) -> dict[str, Found]:
    """The troubles that a camera's footage shows; whether it is silent is another question (see `silent`)."""
    checks: Mapping[str, Found | None] = {
        TroubleKind.COVERED: _covered(health, armed),
        TroubleKind.VOID: _void(health, limits),
        TroubleKind.FROZEN: _frozen(health, limits),
        TroubleKind.CLOCK: _clock(health, limits),
    }
    found = {kind: each for kind, each in checks.items() if each}
    if refused := _refused(health, found.keys() | set(health.open), now, limits):
        found[TroubleKind.REFUSED] = refused
    if TroubleKind.COVERED in found and TroubleKind.VOID not in health.open:
        found.pop(TroubleKind.VOID, None)  # it is the same lens, and has been told
    return found


def patience(health: Health, now: datetime, limits: Limits) -> Patience:
    """Three times the 95th percentile of the camera's own gaps over 14 days.

    Not less than `silent_least_seconds`. Nor, and a quarter more, than it was quiet for on at least three of these days
    and came back from: a camera that nobody passes at night has one long gap a day, too few for the percentile.
    Before there is `silent_history_seconds` of history it is `silent_first_seconds`.
    """
    if now - health.since < timedelta(seconds=limits.silent_history_seconds):
        return Patience(timedelta(seconds=limits.silent_first_seconds), None)
    usual = percentile(all_gaps(health), 0.95)
    longest = sorted((longest_in(max(bins)) for bins in health.gaps.values() if bins), reverse=True)
    nightly = longest[2] if len(longest) >= 3 else timedelta(0)
    return Patience(max(3 * usual, 1.25 * nightly, timedelta(seconds=limits.silent_least_seconds)), usual)


def silent(health: Health | None, known_since: datetime, now: datetime, limits: Limits) -> Found | None:
    """Whether a camera is silent: for far longer than usual or, if it never sent any, since it is in the rules."""
    if health is None or health.last_arrived_at is None:
        allowed = timedelta(seconds=limits.silent_first_seconds)
        facts = Facts(allowed_seconds=allowed.total_seconds())
        return Found(known_since, facts) if now - known_since >= allowed else None
    waits = patience(health, health.last_arrived_at, limits)
    if now - health.last_arrived_at < waits.allowed:
        return None
    facts = Facts(
        last_at=health.last_arrived_at,
        usual_seconds=waits.usual.total_seconds() if waits.usual is not None else None,
        allowed_seconds=waits.allowed.total_seconds(),
    )
    return Found(health.last_arrived_at, facts)


def due(health: Health, limits: Limits) -> datetime:
    """When the camera will be silent if nothing comes."""
    last = health.last_arrived_at or health.since
    return last + patience(health, last, limits).allowed


def _covered(health: Health, armed: Armed) -> Found | None:
    dark = _trailing(health.looks, lambda look: look.reason == Reason.VOID)
    if not dark:
        return None
    rules = next((names for look in dark if (names := armed(look.taken_at))), ())
    if rules or TroubleKind.COVERED in health.open:
        return Found(dark[0].taken_at, Facts(pictures=len(dark), rules=tuple(rules)))
    return None


def _void(health: Health, limits: Limits) -> Found | None:
    dark = _trailing(health.looks, lambda look: look.reason == Reason.VOID)
    enough = len(dark) >= limits.void_pictures and _spans(dark, limits.void_seconds)
    if enough or (dark and TroubleKind.VOID in health.open):
        return Found(dark[0].taken_at, Facts(pictures=len(dark)))
    return None


def _frozen(health: Health, limits: Limits) -> Found | None:
    good = [look for look in health.looks if look.is_good and look.sha256]
    same = _trailing(good, lambda look: look.sha256 == good[-1].sha256)
    enough = len(same) >= limits.frozen_pictures and _spans(same, limits.frozen_seconds)
    if enough or (len(same) > 1 and TroubleKind.FROZEN in health.open):
        return Found(same[0].taken_at, Facts(pictures=len(same), how="exact"))
    if not limits.frozen_noise_seconds or not health.prints:
        return None
    newest = health.prints[-1]
    alike = _trailing(health.prints, lambda each: alike_within_noise(each, newest))
    if len(alike) >= limits.frozen_pictures and _spans(alike, limits.frozen_noise_seconds):
        return Found(alike[0].taken_at, Facts(pictures=len(alike), how="noise"))
    return None


def alike_within_noise(one: Print, other: Print) -> bool:
    """Whether two pictures show the same, but for noise and a few tiles such as a clock's."""
    pairs = list(zip(one.greys, other.greys, strict=False))
    same = sum(abs(first - second) <= _TILE_NOISE for first, second in pairs)
    return bool(pairs) and len(one.greys) == len(other.greys) and same >= _TILES_ALIKE * len(pairs)


def _clock(health: Health, limits: Limits) -> Found | None:
    """A wrong clock runs beside the right one: footage that arrives over some time is off by the same, each time.

    A delayed upload of a whole day is not so: the footage that arrives within minutes was taken over hours, so the
    differences spread, or shrink as the upload catches up.
    """
    off = _trailing(health.offsets, lambda offset: _is_off(offset, limits))
    if not off:
        return None
    newest = off[-1]
    same = _trailing(off, lambda offset: _same(offset, newest))
    enough = len(same) >= limits.clock_arrivals and _arrived_over(same, limits.clock_seconds)
    if enough or TroubleKind.CLOCK in health.open:
        return Found(same[0].arrived_at if same else newest.arrived_at, Facts(offset_seconds=newest.least))
    return None


def _is_off(offset: Offset, limits: Limits) -> bool:
    """Whether all that arrived within the minute lies far beside its arrival, on the same side."""
    return offset.least >= limits.clock_off_seconds or offset.most <= -min(limits.clock_off_seconds, 600)


def _same(offset: Offset, newest: Offset) -> bool:
    """Whether both minutes are off by the same: their newest pictures are.

    A camera that sends once an hour sends an hour of footage at once, so the older pictures are farther off.
    """
    spread = max(_SAME_OFFSET, timedelta(seconds=abs(newest.least) / _SPREAD))
    is_alike = abs(offset.least - newest.least) <= _SAME_OFFSET.total_seconds()
    return is_alike and all(timedelta(seconds=each.most - each.least) <= spread for each in (offset, newest))


def _refused(health: Health, known: Collection[str], now: datetime, limits: Limits) -> Found | None:
    since = now - _DAY
    if health.refused_from and health.refused_from > since:
        since = health.refused_from + _HOUR  # the rest of the hour in which it was over is left out
    counts = outcomes(health, since, now)
    received, is_open = sum(counts.values()), TroubleKind.REFUSED in health.open
    reasons = {reason: number for reason, number in counts.most_common() if reason}
    refused = sum(reasons.values())
    if is_open:
        # It ends well below the limit, or with good pictures only, so that it does not come and go at the limit.
        good = len(_trailing(health.looks, lambda look: look.is_good)) >= _GOOD_LOOKS
        holds = not received or (refused >= limits.refused_share / 2 * received and not good)
    else:
        others = sum(number for reason, number in reasons.items() if not _is_own_trouble(reason, known))
        holds = received >= limits.refused_pictures and others >= limits.refused_share * received
    facts = Facts(refused=refused, received=received, reasons=dict(list(reasons.items())[:_MOST_REASONS]))
    return Found(since, facts) if holds else None


def _is_own_trouble(reason: str, known: Collection[str]) -> bool:
    return any(kind in known for kind in _OWN_TROUBLE.get(reason, ()))


def _trailing(items: Sequence[T], holds: Callable[[T], bool]) -> list[T]:
    """The last ones of `items` for which `holds`, back to the first for which it does not."""
    kept = list(takewhile(holds, reversed(items)))
    return kept[::-1]


def _spans(taken: Sequence[Look] | Sequence[Print], seconds: int) -> bool:
    return taken[-1].taken_at - taken[0].taken_at >= timedelta(seconds=seconds)


def _arrived_over(offsets: Sequence[Offset], seconds: int) -> bool:
    return offsets[-1].arrived_at - offsets[0].arrived_at >= timedelta(seconds=seconds)
