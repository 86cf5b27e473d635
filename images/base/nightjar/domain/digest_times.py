"""When a user's digest goes out, on their wall clock, also where clocks change. Pure."""

from datetime import UTC, date, datetime, timedelta

from nightjar.domain.rules import Recipient

_DAY = timedelta(days=1)


def digest_due(day: date, recipient: Recipient) -> datetime | None:
    """When the digest of the recipient's local `day` goes out (UTC); None for who has none.

    A time that the clocks leave out is the one that they show instead; of one that they show twice it is the first.
    """
    if recipient.digest_at is None:
        return None
    return datetime.combine(day, recipient.digest_at, recipient.timezone).astimezone(UTC)


def digest_day(moment: datetime, recipient: Recipient) -> date:
    """The day whose digest tells what was held back at `moment`: the first one that has not gone out by then.

    For who has no digest, the local day.
    """
    day = recipient.local(moment).date()
    due = digest_due(day, recipient)
    return day if due is None or moment < due else day + _DAY
