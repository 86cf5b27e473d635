"""Plots and page: for nothing, for a little, for a thousand cameras."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.stores.records import Provenance, Records
from nightjar_record.stage import work as record
from nightjar_report import page, plots
from nightjar_report.account import account
from nightjar_report.stage import summary_of
from nightjar_report.summary import AlertedEvent, Summary, Top, top
from tests.bucket import NOON
from tests.images.record.test_live import an_eventful_run
from tests.images.record.world import DAY, World, person


@cache
def nothing() -> Summary:
    return summary_of(Records(MemoryStore()), DAY)


@cache
def a_little() -> Summary:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    return summary_of(Records(store), DAY)


@cache
def a_thousand_cameras() -> Summary:
    world = World(MemoryStore())
    for number in range(1000):
        camera = Camera("u" * 60 + f"{number // 3:04d}", "d" * 60 + f"{number:04d}")
        event = world.event([world.still(camera, NOON + timedelta(seconds=number), person())], number)
        if number % 2:
            world.alert(event)
        world.refused(camera, NOON + timedelta(hours=1), list(Reason)[number % len(Reason)])
    run(record, world.close())
    return summary_of(Records(world.store), DAY)


SUMMARIES = [nothing, a_little, pytest.param(a_thousand_cameras, marks=pytest.mark.slow)]


@pytest.fixture(params=SUMMARIES, ids=lambda make: make.__name__)
def summary(request: pytest.FixtureRequest) -> Summary:
    made: Summary = request.param()
    return made


def test_threats_count_in_the_hour_in_which_they_were_taken() -> None:
    assert {hour: number for hour, number in enumerate(a_little().threats_by_hour) if number} == {12: 3}


def test_every_plot_is_a_png_of_the_same_width_and_bytes(summary: Summary) -> None:
    first, second = plots.draw(summary), plots.draw(summary)
    assert first == second
    assert list(first) == [
        "funnel.png",
        "threats_by_hour.png",
        "threats_by_user.png",
        "threats_by_camera.png",
        "quarantine_by_reason.png",
    ]
    for name, png in first.items():
        with Image.open(io.BytesIO(png)) as picture:
            picture.load()
            assert (picture.format, picture.width) == ("PNG", plots.WIDTH * plots.DPI), name
            assert picture.height < 2 * picture.width, name
            assert isinstance(picture, PngImageFile) and not picture.text, name  # neither date nor version
            assert len(set(picture.convert("L").tobytes())) > 2, name


def test_the_page_needs_no_other_file_and_its_account_adds_up(summary: Summary) -> None:
    html = page.render(summary, {}).decode()
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert "<script" not in html
    assert sum(number for _, number, _ in account(summary)) == summary.received
    assert page.headline(summary) in html
    assert not summary.received or str(summary.tally) in html
    assert summary.tally.pictures == summary.received
    assert html == page.render(summary, {}).decode()


@pytest.mark.slow
def test_the_page_stays_readable_with_a_thousand_cameras() -> None:
    html = page.render(a_thousand_cameras(), {}).decode()
    assert "1,000 motion triggers" not in html and "2,000 motion triggers, 500 alerts" in html
    assert "and 450 more, in the records." in html
    assert "and 490 more cameras with 490 together" in html
    assert len(html) < 200_000


def test_events_are_grouped_by_owner_and_each_owners_are_in_the_order_of_the_time_that_is_shown() -> None:
    event = a_little().events[0]

    def at(user: str, minute: int) -> AlertedEvent:
        return replace(event, event=replace(event.event, user=user, started_at=NOON + timedelta(minutes=minute)))

    grouped = page.by_owner([at("bob", 3), at("alice", 9), at("bob", 1), at("alice", 2)])
    minutes = {user: [(e.event.started_at - NOON).seconds // 60 for e in events] for user, events in grouped.items()}
    assert list(minutes.items()) == [("alice", [2, 9]), ("bob", [1, 3])]
    assert page.by_owner([]) == {}


def test_a_chart_that_has_nothing_to_show_is_left_out() -> None:
    assert page.charts(nothing()) == []
    assert [chart.title for chart in page.charts(a_little())] == [
        "From motion trigger to alert",
        "Alerts by camera",
        "Threats by camera",
        "Threats by owner",
    ]


def test_stages_of_one_tag_are_named_together_and_the_newest_release_first() -> None:
    images = {"collect": "r/collect:1", "validate": "r/validate:1", "detect": "r/detect:2"}
    older = Provenance(run="a", images=dict.fromkeys(images, "r/x:7"))
    newer = Provenance(run="b", images=images)
    assert [line for line, _ in page.releases([older, newer])] == [
        "collect, validate 1; detect 2",
        "all stages 7",
    ]
    assert page.releases([]) == []


def test_names_from_outside_are_text() -> None:
    summary = a_little()
    event = summary.events[0]
    evil = replace(event.event, site="<img src=x>", rule_name="{{ 7*7 }}")
    html = page.render(replace(summary, events=(replace(event, event=evil),)), {}).decode()
    assert "<img src=x>" not in html and "&lt;img src=x&gt;" in html
    assert "{{ 7*7 }}" in html


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", "20 Nov 23:30 CET"),
        ("Asia/Tokyo", "21 Nov 07:30 JST"),
        ("UTC", "20 Nov 22:30 UTC"),
        ("Mars/Olympus", "20 Nov 22:30 UTC"),
        ("../etc/passwd", "20 Nov 22:30 UTC"),
        ("", "20 Nov 22:30 UTC"),
    ],
)
def test_times_are_on_the_users_clock(zone: str, expected: str) -> None:
    assert page._local(datetime(2026, 11, 20, 22, 30, 59, tzinfo=UTC), zone) == expected


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ({}, 3, Top({})),
        ({"a": 1}, 3, Top({"a": 1})),
        ({"b": 1, "a": 1, "c": 5}, 3, Top({"c": 5, "a": 1, "b": 1})),
        ({"a": 4, "b": 3, "c": 2, "d": 1}, 2, Top({"a": 4, "b": 3}, others=2, others_sum=3)),
    ],
)
def test_the_top_and_the_others(counts: dict[str, int], most: int, expected: Top) -> None:
    found = top(counts, most)
    assert found == expected
    assert list(found.counts) == list(expected.counts)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ""),
        ("alice-porch", "alice-porch"),
        ("x" * 26, "x" * 26),
        ("alice_with_a_long_name-porch_1", "alice_with_a_…name-porch_1"),
    ],
)
def test_long_names_keep_both_ends(name: str, expected: str) -> None:
    assert plots.shortened(name) == expected
    assert len(plots.shortened(name)) <= 26


def test_the_colours_differ_in_lightness_so_that_nobody_needs_to_tell_hues() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert abs(lightness(plots.BLUE) - lightness(plots.ORANGE)) > 40
