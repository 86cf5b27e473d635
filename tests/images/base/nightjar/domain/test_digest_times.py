"""When digests go out, and which digest tells something that was held back: both changes of clocks among them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.digest_times import digest_day, digest_due
from nightjar.domain.rules import Recipient, Rules


def recipient(timezone: str, digest: str | None) -> Recipient:
    user: dict[str, object] = {"email": "a@example.com", "timezone": timezone, "devices": {}, "digest": digest}
    found = Rules.model_validate({"users": {"alice": user}}).recipient("alice")
    assert found is not None
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "digest", "day", "due"),
    [
        ("Europe/Berlin", "07:00", "2026-11-20", "2026-11-20T06:00"),
        ("Europe/Berlin", "07:00", "2026-07-20", "2026-07-20T05:00"),
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:30"),  # there is no such time: 03:30 is shown
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30"),  # twice: the first
        ("America/New_York", "23:30", "2026-11-20", "2026-11-21T04:30"),
        ("Pacific/Kiritimati", "00:00", "2026-11-20", "2026-11-19T10:00"),
        ("UTC", None, "2026-11-20", None),
    ],
)
def test_when_it_goes_out(timezone: str, digest: str | None, day: str, due: str | None) -> None:
    found = digest_due(date.fromisoformat(day), recipient(timezone, digest))
    assert found == (at(due) if due else None)


@pytest.mark.parametrize(
    ("timezone", "digest", "moment", "day"),
    [
        ("Europe/Berlin", "07:00", "2026-11-20T05:59", "2026-11-20"),
        ("Europe/Berlin", "07:00", "2026-11-20T06:00", "2026-11-21"),
        ("Europe/Berlin", "07:00", "2026-11-20T23:30", "2026-11-21"),
        ("Europe/Berlin", "00:00", "2026-11-20T23:30", "2026-11-22"),
        ("Europe/Berlin", None, "2026-11-20T22:59", "2026-11-20"),
        ("Europe/Berlin", None, "2026-11-20T23:00", "2026-11-21"),
        ("Europe/Berlin", "02:30", "2026-10-25T00:29", "2026-10-25"),
        ("Europe/Berlin", "02:30", "2026-10-25T01:10", "2026-10-26"),  # 02:10 once more
    ],
)
def test_which_digest_tells_it(timezone: str, digest: str | None, moment: str, day: str) -> None:
    assert digest_day(at(moment), recipient(timezone, digest)) == date.fromisoformat(day)


@pytest.mark.parametrize("digest", ["00:00", "02:30", "03:00", "07:00", "23:59"])
@pytest.mark.parametrize("around", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_whatever_is_held_back_is_told_within_a_day_or_so(digest: str, around: str) -> None:
    alice = recipient("Europe/Berlin", digest)
    for minutes in range(0, 48 * 60, 10):
        moment = at(around) + timedelta(minutes=minutes)
        due = digest_due(digest_day(moment, alice), alice)
        assert due and timedelta(0) < due - moment <= timedelta(hours=25)
