"""The filter of events in an address: what it takes, what it refuses, and that it comes back as it was."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.domain.severity import Severity
from nightjar.errors import UsageError
from nightjar.queries.event_filter import EventFilter, Said, States

REASONS = frozenset({"quiet-hours", "cap"})


@pytest.mark.parametrize(
    ("asked", "filtered"),
    [
        ({}, EventFilter()),
        ({"user": " ", "camera": "", "rule": "", "from": "", "older": "x", "what": "ever"}, EventFilter()),
        ({"user": "alice", "label": "a b"}, EventFilter(user="alice", label="a b")),
        ({"camera": "alice-porch", "rule": "0"}, EventFilter(camera="alice-porch", rule=0)),
        ({"severity": "critical", "state": "all"}, EventFilter(severity=Severity.CRITICAL, state=States.ALL)),
        ({"told": "alerted", "review": "none"}, EventFilter(told="alerted", review=Said.NOTHING)),
        ({"told": "quiet-hours"}, EventFilter(told="quiet-hours")),
        (
            {"from": "2026-11-20", "to": "2026-11-20"},
            EventFilter(start=datetime(2026, 11, 20, tzinfo=UTC), end=datetime(2026, 11, 21, tzinfo=UTC)),
        ),
        (
            {"from": "2026-11-20T22:30", "to": "2026-11-20T23:00:00+00:00"},
            EventFilter(start=datetime(2026, 11, 20, 22, 30, tzinfo=UTC), end=datetime(2026, 11, 20, 23, tzinfo=UTC)),
        ),
        ({"hour": "2026-11-20T00"}, EventFilter(hour=datetime(2026, 11, 20, tzinfo=UTC))),
        ({"hour": "2026-11-20T23"}, EventFilter(hour=datetime(2026, 11, 20, 23, tzinfo=UTC))),
        ({"from": "2026-11-20T01:00+02:00"}, EventFilter(start=datetime(2026, 11, 19, 23, tzinfo=UTC))),
    ],
)
def test_addresses(asked: dict[str, str], filtered: EventFilter) -> None:
    assert EventFilter.parse(asked, REASONS) == filtered
    assert EventFilter.parse(filtered.address(), REASONS) == filtered
    assert filtered.is_any is (filtered == EventFilter())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"event": "a/b"}, "event: expected the id of an event"),
        ({"camera": "porch"}, "camera: expected <user>-<device>"),
        ({"camera": "<script>-x"}, "camera: expected <user>-<device>"),
        ({"rule": "-1"}, "rule: expected the id of a rule"),
        ({"rule": "9" * 30}, "rule: expected the id of a rule"),
        ({"rule": "٣"}, "rule: expected the id of a rule"),
        ({"severity": "grave"}, "severity: expected info, warning, critical, got 'grave'"),
        ({"state": "gone"}, "state: expected current"),
        ({"told": "yes"}, "told: expected alerted, held, failed, nobody, cap, quiet-hours, got 'yes'"),
        ({"review": "maybe"}, "review: expected none"),
        ({"from": "yesterday"}, "from: expected a UTC day"),
        ({"to": "2026-02-30"}, "to: expected a UTC day"),
        ({"from": "0001-01-01"}, "from: expected a day from 1970-01-01"),
        ({"to": "9999-12-31T23:59-12:00"}, "to: expected a UTC day"),
        ({"from": "2026-11-21", "to": "2026-11-20"}, "from: expected a time before `to`"),
        ({"hour": "2026-11-20"}, "hour: expected an hour of a UTC day"),
        ({"hour": "2026-11-20T24"}, "hour: expected a UTC day"),
        ({"hour": "9999-12-31T23"}, "hour: expected a day from"),
        ({"user": "x" * 101}, "user: expected at most 100 characters"),
    ],
)
def test_refused(asked: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        EventFilter.parse(asked, REASONS)


@given(
    st.dictionaries(
        st.sampled_from(["user", "camera", "rule", "told", "from", "to", "hour", "state"]), st.text(max_size=40)
    )
)
def test_any_text_is_read_or_refused(asked: dict[str, str]) -> None:
    try:
        filtered = EventFilter.parse(asked, REASONS)
    except UsageError:
        return
    assert EventFilter.parse(filtered.address(), REASONS) == filtered
