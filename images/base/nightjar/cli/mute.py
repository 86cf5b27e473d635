"""`nightjar mute` and `nightjar review`: what an operator does where a message has no links."""

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import TYPE_CHECKING

from nightjar.cli.tables import aligned
from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.names import Camera
    from nightjar.domain.reactions import Mute
    from nightjar.runtime.store import ObjectStore

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_TIME = "a UTC time (2026-11-20T22:00, unless it names a zone) or day (2026-11-20)"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mute` and `review` to the command line."""
    mute = commands.add_parser(
        "mute",
        help="send no alerts of a camera for a while",
        description="Send no alerts about what ends before a moment at one camera, or at all cameras of a user. What "
        "is held back goes to the user's digest; what goes on beyond the moment is told then. The last word holds.",
    )
    mute.add_argument("whose", nargs="?", metavar="USER-DEVICE", help="a camera, or a user for all cameras")
    mute.add_argument("length", nargs="?", type=_length, metavar="LENGTH", help="30m, 8h or 2d")
    mute.add_argument("--until", type=_moment, metavar="WHEN", help=_TIME)
    mute.add_argument("--off", action="store_true", help="alert again")
    mute.add_argument("--list", action="store_true", help="list what is muted now")
    mute.set_defaults(run=run_mute)
    review = commands.add_parser(
        "review",
        help="say whether an event was a false alarm",
        description="Keep what a person says of an event; the last word holds. It changes no alert.",
    )
    review.add_argument("event", metavar="EVENT", help="the event's id, as messages and `nightjar alerts` name it")
    verdict = review.add_mutually_exclusive_group(required=True)
    verdict.add_argument("--false-alarm", dest="verdict", action="store_const", const="false-alarm")
    verdict.add_argument("--confirmed", dest="verdict", action="store_const", const="confirmed")
    review.set_defaults(run=run_review)


def run_mute(given: argparse.Namespace) -> int:
    """Mute, or list what is muted; returns 0."""
    from nightjar.domain.reactions import mute, unmute
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.stores.reactions import Mutes

    now = datetime.now(UTC).replace(microsecond=0)
    ways = [given.length, given.until, given.off or None]
    number = sum(way is not None for way in ways)
    if given.list and (given.whose or number):
        raise UsageError("expected --list alone")
    if not given.list and (given.whose is None or number != 1):
        raise UsageError("expected a camera or a user with a length like 8h, --until or --off; or --list alone")
    by = f"command {getuser()}"
    until = now if given.off else given.until or now + (given.length or timedelta())
    store = S3Store(load(StoreSettings))
    mutes = Mutes(store)
    if given.list:
        sys.stdout.writelines(f"{line}\n" for line in _listed(list(mutes.each()), now))
        return 0
    for camera in _cameras(store, given.whose):
        try:
            mutes.put(unmute(camera, by, now) if given.off else mute(camera, until, by, now))
        except ValueError as error:
            raise UsageError(str(error)) from None
        said = "alerts are sent again" if given.off else f"muted until {until:%Y-%m-%d %H:%M} UTC"
        sys.stdout.write(f"{camera.name}: {said}\n")
    return 0


def run_review(given: argparse.Namespace) -> int:
    """Keep what was said of an event; returns 0."""
    from nightjar.domain.reactions import Review, ReviewVerdict
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.stores.events import Events
    from nightjar.stores.reactions import Reviews

    store = S3Store(load(StoreSettings))
    events = Events(store).named(given.event)
    if len(events) != 1:
        ids = ", ".join(event.id for event in events[:5])
        raise InputError(f"expected the id of one event, got {given.event!r}, which {ids or 'none'} begins with")
    [event] = events
    at = datetime.now(UTC).replace(microsecond=0)
    review = Review.of(event, ReviewVerdict(given.verdict), f"command {getuser()}", at)
    Reviews(store).put(review)
    sys.stdout.write(f"{event.id} at {event.camera.name}, {event.started_at:%Y-%m-%d %H:%M:%S} UTC: {review.verdict}\n")
    return 0


def _cameras(store: "ObjectStore", whose: str) -> "list[Camera]":
    """The camera, or all cameras of the user; raises UsageError that proposes near names."""
    from nightjar.domain.near import near_names
    from nightjar.stores.rules import RulesStore

    rules = RulesStore(store).in_force().rules
    known = rules.cameras if rules else []
    cameras = [camera for camera in known if whose in (camera.name, camera.user)]
    if not cameras:
        names: dict[str, tuple[str, ...]] = {camera.user: (camera.user,) for camera in known}
        names |= {camera.name: (camera.name, camera.device) for camera in known}
        near = near_names(whose, names)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"expected a camera or a user of the rules in force, got {whose!r}{hint}")
    return cameras


def _listed(mutes: "list[Mute]", now: datetime) -> Iterator[str]:
    rows = [
        (mute.camera.name, f"until {mute.until:%Y-%m-%d %H:%M} UTC", f"by {mute.by} on {mute.at:%Y-%m-%d %H:%M} UTC")
        for mute in mutes
        if mute.until > now
    ]
    yield from aligned(rows) if rows else ["no camera is muted by a command or a link"]


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text, re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a length like 30m, 8h or 2d, got {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC it may be before the first year, or after the last
        raise argparse.ArgumentTypeError(f"expected {_TIME}, got {text!r}") from None
