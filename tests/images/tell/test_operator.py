"""The operator hears of the deployment's troubles: few messages, each trouble once, and once when it is over."""

from datetime import datetime, timedelta

import pytest

from nightjar.domain.operator_troubles import DagRun, alerts_refused, run_failed, run_late, watch_silent
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.troubles import OPERATOR, Trouble
from nightjar.domain.troubles import Notice as Which
from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.troubles import Troubles
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from nightjar_tell.operator_notice import operator_notice, together
from nightjar_tell.operator_troubles import waits
from tests.images.tell.conftest import Tell
from tests.images.tell.world import HOUR, MINUTE, NOON, RULES, mails, news

OPS = "ops@example.com"
LINK = "https://airflow.example.com/dags/nightjar_live/runs/r1"


def live(run: str = "r1") -> DagRun:
    return DagRun("nightjar_live", run, f"https://airflow.example.com/dags/nightjar_live/runs/{run}")


def failed(run: str = "r1", now: datetime = NOON) -> Trouble:
    return run_failed(live(run), "shard.detect (alice-porch): no model", now)


def operator(lines: bytes = b"") -> Recipient:
    rules = RULES.replace(b"operator: {email: ops@example.com}", b"operator: {email: ops@example.com" + lines + b"}")
    found = parse_rules(rules).operator
    assert found is not None
    return found


def open_all(store: MemoryStore, *troubles: Trouble) -> None:
    for each in troubles:
        Troubles(store).open(each)


def end_all(store: MemoryStore, now: datetime) -> None:
    for each in Troubles(store).open_of(OPERATOR, 99):
        Troubles(store).end(OPERATOR, each.kind, now)


def test_many_runs_that_fail_are_one_message_and_one_when_they_are_green(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    open_all(store, *(failed(f"r{number}", NOON + number * MINUTE) for number in range(12)))
    tell(store, NOON + 15 * MINUTE)
    assert mails(api) == [(OPS, "Nightjar: A run of nightjar_live failed, and 11 more troubles")]
    tell(store, NOON + 20 * MINUTE)
    open_all(store, failed("r12"))
    tell(store, NOON + 25 * MINUTE)
    end_all(store, NOON + HOUR)
    tell(store, NOON + HOUR)
    tell(store, NOON + HOUR + 5 * MINUTE)
    assert [subject for _, subject in mails(api)] == [
        "Nightjar: A run of nightjar_live failed",
        "Nightjar: A run of nightjar_live failed, and 11 more troubles",
        "Nightjar: Over: A run of nightjar_live failed, and 12 more troubles",
    ]
    assert news(store) == 0


def test_an_emergency_has_a_message_of_its_own(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    """A pager opens an incident for each, and closes it by the message that it is over."""
    refused = alerts_refused(live(), "stage notify ended with exit code 64: 401", NOON)
    open_all(store, failed(), run_late(live("r2"), NOON, 15 * MINUTE, NOON), watch_silent(NOON, NOON + HOUR), refused)
    tell(store)
    assert [subject for _, subject in mails(api)] == [
        "Nightjar: A run of nightjar_live failed, and 1 more trouble",
        "Nightjar: Alerts cannot be sent",
        "Nightjar: The watch does not look for footage",
    ]


def test_a_message_that_nobody_took_is_told_later_and_no_trouble_is_lost(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    open_all(store, failed("r1"), failed("r2"))
    api.answers = [Reply(503)] * 50
    with pytest.raises(TryAgainError):
        tell(store)
    assert (mails(api), news(store)) == ([], 2)
    api.answers = []
    open_all(store, failed("r3"))
    tell(store, NOON + HOUR)
    assert mails(api) == [(OPS, "Nightjar: A run of nightjar_live failed, and 2 more troubles")]
    assert news(store) == 0


def test_what_is_over_before_it_was_told_is_not_told(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_all(store, failed(), watch_silent(NOON, NOON))
    end_all(store, NOON)
    assert tell(store).counts.total("over-before-told") == 2
    assert (mails(api), news(store)) == ([], 0)


def test_what_waits_in_quiet_hours_is_told_afterwards(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    rules = RULES.replace(b"{email: ops@example.com}", b'{email: ops@example.com, quiet_hours: "23:00-06:00"}')
    night = NOON.replace(hour=23)
    open_all(store, failed(now=night), watch_silent(night, night))
    assert tell(store, night, rules).counts.outcomes == {"waits:quiet-hours": 1, "sent": 1}
    assert [subject for _, subject in mails(api)] == ["Nightjar: The watch does not look for footage"]
    tell(store, night + 7 * HOUR, rules)
    assert len(mails(api)) == 2


@pytest.mark.parametrize(
    ("keys", "severity", "hour", "why"),
    [
        (b"", Severity.WARNING, 23, ""),
        (b', quiet_hours: "23:00-06:00"', Severity.WARNING, 23, "waits:quiet-hours"),
        (b', quiet_hours: "23:00-06:00"', Severity.CRITICAL, 23, ""),
        (b', quiet_hours: "23:00-06:00"', Severity.WARNING, 6, ""),
        (b', quiet_hours: "23:00-06:00", timezone: Asia/Tokyo', Severity.WARNING, 23, ""),
        (b", mute_until: 2026-11-20T13:00:00Z", Severity.CRITICAL, 12, "waits:muted"),
        (b", mute_until: 2026-11-20T13:00:00Z", Severity.CRITICAL, 13, ""),
    ],
)
def test_when_the_operator_is_not_told(keys: bytes, severity: Severity, hour: int, why: str) -> None:
    assert waits(operator(keys), severity, NOON.replace(hour=hour)) == why


def test_the_notice_says_what_happened_since_when_its_effect_what_to_do_and_where_to_look() -> None:
    notice = operator_notice(failed(), Which.OPENED, operator(b", timezone: Europe/Berlin"))
    assert (notice.headline, notice.severity) == ("A run of nightjar_live failed", Severity.WARNING)
    assert [(fact.name, fact.value) for fact in notice.facts] == [
        ("Since", "Friday 20 November 2026, 13:00 CET"),
    ]
    what, effect, todo, status = notice.paragraphs
    assert what == "Run r1: shard.detect (alice-porch): no model"
    assert "Nobody was alerted" in effect and "clear the failed task" in todo and "nightjar status" in status
    assert [action.link for action in notice.actions] == [LINK]
    at_home = run_failed(DagRun("nightjar_live", "r1", "http://127.0.0.1:8080/dags/…"), "x", NOON)
    local = operator_notice(at_home, Which.OPENED, operator())
    assert (local.actions, local.facts[-1].value) == ((), "http://127.0.0.1:8080/dags/…")


def test_that_it_is_over_is_about_the_same_and_asks_for_nothing() -> None:
    ended = failed().model_copy(update={"ended_at": NOON + HOUR})
    opened, over = (operator_notice(ended, which, operator()) for which in Which)
    assert (over.about, over.kind.is_over, over.paragraphs) == (opened.about, True, opened.paragraphs[:1])
    assert (over.headline, over.id != opened.id) == ("Over: A run of nightjar_live failed", True)
    assert ("Lasted", "60 min") in [(fact.name, fact.value) for fact in over.facts]


def test_a_trouble_of_a_later_release_is_told_in_its_own_words() -> None:
    trouble = Trouble(about=OPERATOR, kind="disk-full", severity="alarming", since=NOON, opened_at=NOON)
    notice = operator_notice(trouble, Which.OPENED, operator())
    assert (notice.headline, notice.severity, notice.actions) == ("disk-full", Severity.WARNING, ())


def test_a_message_about_many_names_fifty_and_says_each_advice_once() -> None:
    notices = [operator_notice(failed(f"r{number}"), Which.OPENED, operator()) for number in range(60)]
    notice = together(notices)
    [section] = notice.sections
    assert (len(section.rows), section.more) == (50, "and 10 more: nightjar status shows them")
    assert section.rows[0].what.startswith("Run r0") and section.rows[0].note == LINK.replace("r1", "r0")
    assert notice.paragraphs == notices[0].paragraphs[1:]
    assert timedelta(0) == notice.at - notices[0].at
    assert together(notices[:1]) is notices[0]
