"""The overview's page: figures that lead to what they count, untrusted names, odd periods, what cannot be read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.operator_troubles import DagRun, rules_wrong, run_failed
from nightjar.domain.release import Ended, FrozenRules, Release, StageRelease, Started
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.runs import LIVE, REPORT, Runs, run_prefix
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES
from nightjar.stores.troubles import Troubles
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.plugins.web_world import NOW, OPERATOR, PagesClient, Somebody, make_client
from tests.recorded import a_picture, an_alert, write

PAGE = "/nightjar-ui/overview/"
DAY = NOW.date()
EVIL = "<script>alert(1)</script>\"'&‮🐦"
SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=lambda: NOW)


@pytest.fixture
def pages(store: MemoryStore, tmp_path: Path) -> Iterator[PagesClient]:
    with Warehouse(store, tmp_path, SMALL) as warehouse:
        yield make_client(store, warehouse=warehouse)


def with_a_day(store: MemoryStore, camera: str = "alice-porch") -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    pictures = [
        a_picture(1, camera=camera, taken_at=noon, objects=1, verdict="threat", events=["e1"]),
        a_picture(2, camera=camera, taken_at=noon),
        a_picture(3, camera=camera, taken_at=noon, outcome="quarantined", reason="void"),
        a_picture(4, outcome="quarantined", reason=EVIL),
    ]
    write(store, PICTURES, DAY, "1", pictures)
    write(store, EVENTS, DAY, "1", [an_event(1, camera=camera, site=EVIL)])
    write(store, ALERTS, DAY, "1", [an_alert(1, camera=camera, finished_at=noon + timedelta(seconds=8.5))])


def test_a_day_without_anything(pages: PagesClient) -> None:
    answer = pages.get(PAGE)
    assert answer.status_code == 200
    assert "Nothing was received in this period." in answer.text
    assert "Today, 2026-11-20" in answer.text


def test_each_figure_leads_to_what_it_counts(store: MemoryStore, pages: PagesClient) -> None:
    with_a_day(store)
    expected = {
        ("4 received", "#over-time"),
        ("2 valid", "#over-time"),
        ("1 with a threat", "#heat"),
        ("1 in an event", "../review/?from=2026-11-20&to=2026-11-20"),
        ("1 alerted", "../review/?told=alerted&from=2026-11-20&to=2026-11-20"),
        # Who was told of an event that was withdrawn since, was told all the same.
        ("1 alerts, as messages", "../review/?told=alerted&state=all&from=2026-11-20&to=2026-11-20"),
        ("1 events", "../review/?from=2026-11-20&to=2026-11-20"),
        ("2 pictures refused", "../quarantine/?from=2026-11-20&to=2026-11-20"),
        (
            "8.5 s the slowest, by alice-porch",
            "../review/?camera=alice-porch&told=alerted&from=2026-11-20&to=2026-11-20",
        ),
        ("void", "../quarantine/?reason=void&from=2026-11-20&to=2026-11-20"),
        ("alice-porch 1", "../quarantine/?reason=void&camera=alice-porch&from=2026-11-20&to=2026-11-20"),
        ("alice-porch", "../cameras/?camera=alice-porch"),
        ("1", "../review/?camera=alice-porch&hour=2026-11-20T12"),
        ("1", "../quarantine/?camera=none&from=2026-11-20&to=2026-11-20"),
        (
            "name not readable 1",
            f"../quarantine/?{urlencode({'reason': EVIL})}&camera=none&from=2026-11-20&to=2026-11-20",
        ),
    }
    assert expected <= set(links(pages.get(PAGE).text))


def links(text: str) -> list[tuple[str, str]]:
    """The words and the address of each link."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', text, re.S)
    return [
        (" ".join(re.sub(r"<small>.*?</small>|<[^>]*>", " ", unescape(words)).split()), unescape(href))
        for href, words in found
    ]


def test_names_are_shown_as_they_are_and_do_nothing(store: MemoryStore, pages: PagesClient) -> None:
    with_a_day(store, camera=EVIL)
    text = pages.get(PAGE).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not re.search(r"\sstyle=|\son\w+=", text)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=x", "`from`: expected a day like 2026-11-20, got 'x'."),
        ("from=2026-11-20&to=2026-11-01", "Expected `from` to be no later than `to`"),
        ("from=2026-01-01&to=2026-11-01", "Expected at most 92 days, got 305"),
        ("to=9999-12-31", "`to`: expected a day from 2000-01-01 to 2026-11-21"),
        ("from=%3Cb%3E%00", "`from`: expected a day like"),
    ],
)
def test_an_odd_period_is_refused_with_a_sentence(pages: PagesClient, query: str, sentence: str) -> None:
    answer = pages.get(f"{PAGE}?{query}")
    assert (answer.status_code, "<b>" in answer.text) == (400, False)
    assert sentence in unescape(answer.text)


def test_a_longer_period_leads_to_its_days_and_others(store: MemoryStore, pages: PagesClient) -> None:
    with_a_day(store)
    found = links(pages.get(f"{PAGE}?from=2026-11-14&to=2026-11-20").text)
    assert ("2026-11-20", "?from=2026-11-20&to=2026-11-20") in found
    assert ("Earlier", "?from=2026-11-07&to=2026-11-13") in found
    assert "Later" not in dict(found)


def test_a_part_that_cannot_be_read_is_told_beside_the_figures(store: MemoryStore, pages: PagesClient) -> None:
    with_a_day(store)
    store.put("records/events/date=2026-11-20/bad.parquet", b"no Parquet")
    text = pages.get(PAGE).text
    assert "A part of the records was left out" in text
    assert "records/events/date=2026-11-20/bad.parquet" in text
    assert ("1 with a threat", "#heat") in links(text)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_the_state_of_an_empty_bucket(pages: PagesClient, headers: dict[str, str]) -> None:
    answer = pages.get(f"{PAGE}now", headers=headers)
    assert answer.status_code == 200
    assert ("<html" in answer.text) is not bool(headers)
    assert "Nothing yet: no run has begun." in answer.text


def test_runs_of_other_dags_are_for_those_who_may_read_them(store: MemoryStore, tmp_path: Path) -> None:
    run = Runs(store).at(f"{run_prefix(REPORT, 'scheduled__2026-11-20T00-05-00-secret')}")
    run.begin(Started(dag_run=run.name, start="1"), lambda _: False)
    run.end(Ended(state="failed", problems=("1 task failed: secret",), ended_at=NOW))
    watch = run_failed(DagRun("nightjar_watch", "secret"), "out of memory", NOW)
    refused = rules_wrong(DagRun(LIVE, "r"), "line 3", NOW)
    Troubles(store).open(watch)
    Troubles(store).open(refused)
    with Warehouse(store, tmp_path, SMALL) as warehouse:
        for person, expected in [(OPERATOR, True), (Somebody("lea", reads=frozenset({LIVE})), False)]:
            text = make_client(store, warehouse=warehouse, person=person).get(f"{PAGE}now").text
            assert ("secret" in text, "A run of nightjar_watch failed" in text) == (expected, expected)
            assert "The newest rules are not in force" in text


def test_a_run_that_failed_is_red_and_leads_to_airflow(store: MemoryStore, pages: PagesClient) -> None:
    run = Runs(store).live("20261120T130401Z-0123456789ab")
    frozen = FrozenRules(key="k", sha256="x", source=ObjectRef(key="k", version_id="v", sha256="x", size=1))
    release = Release(run=run.name, start="1", stages={"detect": StageRelease(image="detect:1")}, rules=frozen)
    run.begin(Started(dag_run="manual__1+00:00", start="1"), lambda _: False)
    Runs(store).deploy(run.prefix, release, NOW)
    run.end(Ended(state="failed", problems=(f"1 task failed: {EVIL}",), ended_at=NOW))
    text = pages.get(f"{PAGE}now").text
    assert ("1 of the last 1 runs failed", "#runs") in links(text)
    assert (run.name, f"/dags/{LIVE}/runs/manual__1%2B00%3A00") in links(text)
    assert "detect:1" in text
    assert "<script>alert" not in text
