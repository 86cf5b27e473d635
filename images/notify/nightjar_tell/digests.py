"""Sends the digests that are due: of users who have something in one, and not before their local time."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.deliveries import Address
from nightjar.domain.digest_times import digest_due
from nightjar.domain.names import Camera
from nightjar.domain.places import place
from nightjar.domain.rules import EMAIL
from nightjar.domain.troubles import Trouble
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.digests import Digests
from nightjar.stores.troubles import Troubles
from nightjar_tell.digest_notice import digest_notice
from nightjar_tell.tellers import Done, Office

# The user's day may be the one before or after that of UTC; and a patrol that was away makes up for two days more.
_DAYS_BACK, _DAYS_AHEAD = 3, 1
_READERS = 16


def unsent_digests(store: ObjectStore, now: datetime) -> Iterator[tuple[str, date]]:
    """The users and days of the digests that may be due and were not sent: found by what is in the store."""
    digests, today = Digests(store), now.date()
    for back in range(_DAYS_BACK, -_DAYS_AHEAD - 1, -1):
        day = today - timedelta(days=back)
        users = digests.users(day)
        sent = digests.sent(day) if users else frozenset[str]()
        for user in users:
            if user not in sent:
                yield user, day


def tell_digest(office: Office, user: str, day: date) -> Done:
    """Send the digest of a user's day. Nothing is sent when nothing is in it, or when they want none any more."""
    recipient, digests = office.rules.recipient(user), Digests(office.store)
    due = digest_due(day, recipient) if recipient else None
    stored = digests.lines(user, day)
    lines = _untold(office, stored)
    if recipient is None or due is None or not lines:
        _settle(digests, user, day, stored)
        return Done("no-digest")
    notice = digest_notice(user, day, lines, _open(office, user), recipient, due)
    told = office.tell(notice, [Address(EMAIL, each) for each in recipient.recipients], day)
    if told.is_dealt_with:
        _settle(digests, user, day, stored)
    return Done(f"digest-{told.outcome}", told, told.objects)


def _settle(digests: Digests, user: str, day: date, told: Sequence[DigestLine]) -> None:
    """Note that the digest was dealt with. Lines that were added since it was read go to the next one."""
    digests.mark_sent(user, day)
    for line in digests.lines(user, day, besides=[each.event_id for each in told]):
        digests.put(line, day)


def _untold(office: Office, lines: Sequence[DigestLine]) -> list[DigestLine]:
    """Those of `lines` about events that went on, and were alerted, after they were held back, are left out."""
    ledger = office.courier.ledger
    found = in_parallel(lambda line: ledger.of_event_at(line.event_key), lines, _READERS)
    return [line for line, told in zip(lines, found, strict=True) if not (told and told.alert.anybody_told)]


def is_due(office: Office, user: str, day: date) -> bool:
    """Whether its time has come. That of a user who wants none any more, or has left the rules, is dropped at once."""
    recipient = office.rules.recipient(user)
    due = digest_due(day, recipient) if recipient else None
    return due is None or due <= office.now


def _open(office: Office, user: str) -> list[tuple[Trouble, str]]:
    """The open troubles of the user's cameras, by camera and kind, each with the camera's place."""
    known, troubles = office.rules.users.get(user), Troubles(office.store)
    cameras = [office.rules.device(Camera(user, device)) for device in sorted(known.devices)] if known else []
    return [
        (trouble, place(camera.camera.device, camera.site))
        for camera in cameras
        if camera
        for trouble in troubles.of(camera.camera.name)
        if trouble.is_open
    ]
