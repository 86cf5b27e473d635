"""The day's reports among the pages: the list, a day with its neighbours, and the report in its frame."""

from datetime import date, timedelta

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.stores import reports
from nightjar.stores.reports import Reports
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import NOW, Somebody

AT = "/nightjar-ui/reports/"
TODAY = NOW.date()
EVIL = "<script>alert(1)</script>"
PAGE = f"<!doctype html><html><head><style>p {{ color: red }}</style></head><body><p>{EVIL}</p></body></html>".encode()


def bucket(*days: date) -> MemoryStore:
    store = MemoryStore()
    for day in days:
        Reports(store).publish(day, PAGE, {"funnel.png": b""})
    return store


def test_the_list_is_newest_first_and_paged() -> None:
    days = [TODAY - timedelta(days=n) for n in range(40)]
    client = make_client_of("reports", bucket(*days))
    first, second = client.get(AT).text, client.get(f"{AT}?page=2").text
    assert [first.count(f'<li><a href="{AT}20'), second.count(f'<li><a href="{AT}20')] == [31, 9]
    assert first.index(f"{AT}{days[0]}") < first.index(f"{AT}{days[1]}")
    assert "not over yet" in first
    assert (f"{AT}?page=2" in first, f"{AT}?page=1" in second, f"{AT}?page=3" in second) == (True, True, False)
    assert "no reports as old" in client.get(f"{AT}?page=3").text


def test_no_reports() -> None:
    answer = make_client_of("reports").get(AT)
    assert (answer.status_code, "There is no report yet" in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("2026-11-18", 200, '<iframe class="report"'),
        ("2026-11-17", 404, "There is no report of this day."),
        ("2030-01-01", 404, "It has not begun."),
        ("0001-01-01", 404, "There is no report of this day."),
        ("9999-12-31", 404, "There is no report of this day."),
        ("2026-02-30", 400, "Expected a UTC day such as 2026-11-20"),
        ("2026-11-2", 400, "Expected a UTC day"),
        ("20261118", 400, "Expected a UTC day"),
        ("2026-11-18T00", 400, "Expected a UTC day"),
        ("٢٠٢٦-11-18", 400, "Expected a UTC day"),
        ("..%2f..%2fconfig", 404, "no such page"),
        ("<script>", 400, "Expected a UTC day"),
        ("2026-11-17/document", 404, "There is no report of 2026-11-17."),
        ("x/document", 400, "Expected a UTC day"),
        ("2026-11-18/funnel.png", 404, "no such page"),
        ("?page=0", 400, "a page as a whole number"),
        ("?page=x", 400, "a page as a whole number"),
        ("?page=99999", 400, "a page as a whole number"),
        ("?day=x", 400, "Expected a UTC day"),
    ],
)
def test_addresses(path: str, status: int, expected: str) -> None:
    answer = make_client_of("reports", bucket(date(2026, 11, 18))).get(f"{AT}{path}")
    assert (answer.status_code, expected in answer.text) == (status, True)
    assert "<script>" not in answer.text


def test_a_day_can_be_picked() -> None:
    answer = make_client_of("reports", bucket(TODAY)).get(f"{AT}?day=2026-11-01")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{AT}2026-11-01")


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2026-11-20", "2026-11-18", None),
        ("2026-11-19", "2026-11-18", "2026-11-20"),  # without a report
        ("2026-11-18", "2025-12-31", "2026-11-20"),
        ("2025-12-31", None, "2026-11-18"),
        ("2025-01-01", None, "2025-12-31"),
    ],
)
def test_the_days_around(day: str, before: str | None, after: str | None) -> None:
    store = bucket(date(2026, 11, 20), date(2026, 11, 18), date(2025, 12, 31))
    text = make_client_of("reports", store).get(f"{AT}{day}").text
    for rel, expected in (("prev", before), ("next", after)):
        assert (f'rel="{rel}"' in text) == (expected is not None)
        assert f'rel="{rel}" href="{AT}{expected}"' in text or expected is None


def test_nothing_of_a_report_runs_and_the_page_frames_it() -> None:
    client = make_client_of("reports", bucket(TODAY))
    page = client.get(f"{AT}{TODAY}")
    assert 'sandbox="allow-same-origin"' in page.text
    assert EVIL not in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-src 'self'" in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    document = client.get(f"{AT}{TODAY}/document")
    assert document.content == PAGE
    policies = document.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policies
    assert "sandbox allow-same-origin" in policies
    assert not [each for each in policies if each.startswith("script-src") or "allow-scripts" in each]
    assert document.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "got 0 other bytes"), (b"\x00\xff PK", "other bytes"), (b"<!DOCTYPE html>" + b"x" * 90, "at most 0 MiB")],
)
def test_an_object_that_is_no_report(content: bytes, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_BYTES", 100)
    store = bucket(date(2026, 11, 19))
    store.put("reports/2026/11/20/report.html", content)
    client = make_client_of("reports", store)
    answer = client.get(f"{AT}{TODAY}")
    assert (answer.status_code, expected in answer.text, "<iframe" in answer.text) == (200, True, False)
    assert f"{AT}2026-11-19" in answer.text
    assert client.get(f"{AT}{TODAY}/document").status_code == 404


def test_a_report_that_s3_does_not_give() -> None:
    store = bucket(TODAY)
    store.make_unreadable(Reports(store).page_key(TODAY))
    answer = make_client_of("reports", store).get(f"{AT}{TODAY}")
    assert (answer.status_code, "cannot be shown" in answer.text) == (200, True)


def test_who_may_not_read_the_dag_sees_no_report() -> None:
    client = make_client_of("reports", bucket(TODAY), person=Somebody(reads=frozenset({"nightjar_live"})))
    assert [client.get(f"{AT}{path}").status_code for path in ("", TODAY, f"{TODAY}/document")] == [403] * 3
