"""The survey over live runs as they end: each is counted once, and troubles come up and go."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from PIL import Image

from nightjar.domain.batch import Outcome
from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.domain.troubles import Notice, TroubleKind
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.stores.health import EndedRuns, HealthStore
from nightjar.stores.runs import Runs
from nightjar.stores.troubles import Troubles
from nightjar_survey.prints import tiles
from nightjar_survey.stage import survey
from tests.benchmarks.counting import CountingStore
from tests.bucket import PORCH, RULES, SHOP
from tests.images.survey.world import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Shot,
    context,
    health,
    live_run,
    look_around,
    open_troubles,
    shots,
    trouble,
)
from tests.stopping import Cut, Stopping

NIGHT = RULES.replace(b"min_probability: 0.6}", b'min_probability: 0.6, hours: "22:00-06:00"}')
VOID = Shot(START, Reason.VOID)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.mark.slow
def test_a_quiet_evening_of_many_cameras_costs_a_few_requests(store: MemoryStore) -> None:
    rules, counting = many(1000), CountingStore(store)
    look_around(store, START, rules)
    for number in range(1000):
        live_run(store, [Shot(START, camera=Camera("carol", f"c{number}"))])
    look_around(store, START + MINUTE, rules)
    look_around(store, START + 2 * MINUTE, rules)
    stage = context(store, START + 5 * MINUTE, rules)
    manifest = run(survey, replace(stage, store=counting))
    assert manifest.counts.outcomes == {"counted": 0, "checked": 0}
    assert counting.counted.requests < 10


def test_of_large_rules_those_of_the_cameras_are_read(store: MemoryStore) -> None:
    large = RULES + b"# " + b"x" * 300_000 + b"\n"
    look_around(store, START, large)
    live_run(store, [Shot(START), Shot(START, camera=Camera("mallory", "x"))])
    stage = context(store, START + MINUTE, large)
    assert stage.release()[0].rules.parts is not None
    assert run(survey, stage).counts.outcomes == {"counted": 1, "checked": 0}
    look_around(store, START + 2 * DAY, large)
    assert ("alice-yard", TroubleKind.SILENT) in open_troubles(store)


def test_a_run_is_counted_once(store: MemoryStore) -> None:
    name = live_run(store, shots(START, 3))
    first = look_around(store, START + 20 * MINUTE)
    assert (first.counts.details["runs"], first.counts.outcomes["counted"]) == (1, 1)
    before = health(store)
    assert sum(before.hours["2026-11-20T12"].values()) == 3
    assert before.last_taken_at == START + 10 * MINUTE
    again = look_around(store, START + 21 * MINUTE)
    assert again.counts.details["runs"] == 0
    EndedRuns(store).announce(name)  # as a close_run would that was stopped between its writes
    look_around(store, START + 22 * MINUTE)
    assert health(store) == before


@pytest.mark.parametrize("after", [False, True])
def test_stopped_at_any_write_and_done_again_it_is_the_same(after: bool) -> None:
    def world(stops_at: int | None) -> tuple[Stopping, StageContext]:
        store = Stopping()
        sent = [*shots(START, 4, like=VOID), *shots(START, 4, like=replace(VOID, camera=SHOP))]
        live_run(store, sent[:5])
        live_run(store, sent[5:])
        stage = context(store, START + 20 * MINUTE)
        store.writes, store.stops_at, store.after = 0, stops_at, after
        return store, stage

    whole, stage = world(None)
    run(survey, stage)
    assert open_troubles(whole) == {("alice-porch", TroubleKind.COVERED), ("bob-shop", TroubleKind.COVERED)}
    for number in range(whole.writes):
        store, stage = world(number)
        with pytest.raises(Cut):
            run(survey, stage)
        store.stops_at = None
        run(survey, stage)
        for camera in (PORCH, SHOP):
            assert health(store, camera) == health(whole, camera), number
        assert open_troubles(store) == open_troubles(whole)
        assert {each.stored.trouble.due for each in Troubles(store).news(9)} == {Notice.OPENED}
        assert EndedRuns(store).waiting(9) == []


def test_runs_of_several_surveys_and_of_one_are_the_same(store: MemoryStore) -> None:
    together = MemoryStore()
    for n in range(6):
        sent = shots(START + n * HOUR, 2)
        live_run(store, sent)
        look_around(store, START + n * HOUR + 10 * MINUTE)
        live_run(together, sent)
    look_around(together, START + 6 * HOUR)
    ignored = {"counted", "check_at", "prints"}
    assert health(store).model_dump(exclude=ignored) == health(together).model_dump(exclude=ignored)


def test_only_so_many_runs_at_a_time_the_oldest_first(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_SURVEY_RUNS", "2")
    for n in range(3):
        live_run(store, [Shot(START + n * MINUTE)])
    look_around(store, START + 5 * MINUTE)
    assert health(store).last_taken_at == START + MINUTE
    look_around(store, START + 6 * MINUTE)
    assert health(store).last_taken_at == START + 2 * MINUTE


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ([Shot(START, camera=Camera("mallory", "x"))], False),  # anybody may put such names
        ([Shot(START, outcome=Outcome.DUPLICATE)], False),  # was counted when it came
        ([Shot(START, Reason.EMPTY, by="collect")], True),
        ([], False),
    ],
)
def test_what_counts(store: MemoryStore, sent: list[Shot], known: bool) -> None:
    live_run(store, sent)
    look_around(store, START + MINUTE)
    found = [HealthStore(store).find(camera) for camera in (PORCH, Camera("mallory", "x"))]
    assert any(found) is known


def test_a_retry_brings_nothing_new(store: MemoryStore) -> None:
    live_run(store, shots(START, 3), name="retry-20261120T120000Z-0123456789ab")
    look_around(store, START + HOUR)
    assert HealthStore(store).find(PORCH) is None
    assert EndedRuns(store).waiting(9) == []


def test_of_a_shard_that_failed_only_the_arrival_counts(store: MemoryStore) -> None:
    live_run(store, [Shot(START), Shot(START, camera=SHOP)], failed=[PORCH])
    look_around(store, START + MINUTE)
    assert (health(store).last_taken_at, health(store).looks) == (START, ())
    assert len(health(store, SHOP).looks) == 1


def test_a_run_that_cannot_be_read_holds_up_no_other(store: MemoryStore) -> None:
    broken = live_run(store, [Shot(START, camera=SHOP)])
    store.put(Runs(store).live(broken).batch_key, b"{")
    live_run(store, [Shot(START + MINUTE)])
    look_around(store, START + 5 * MINUTE)
    assert health(store).last_taken_at == START + MINUTE
    assert EndedRuns(store).waiting(9) == []


def test_a_lens_that_is_covered_while_a_rule_is_armed_is_a_trouble_at_once(store: MemoryStore) -> None:
    dark = START.replace(hour=22)
    live_run(store, [Shot(dark - 2 * HOUR, Reason.VOID)])
    look_around(store, dark - HOUR, NIGHT)
    assert open_troubles(store) == set()
    live_run(store, [Shot(dark, Reason.VOID)])
    look_around(store, dark + MINUTE, NIGHT)
    assert open_troubles(store) == {("alice-porch", TroubleKind.COVERED)}
    covered = trouble(store, TroubleKind.COVERED)
    assert (covered.severity, covered.facts.rules) == ("critical", ("intruder",))
    live_run(store, [Shot(dark + 5 * MINUTE)])
    look_around(store, dark + 6 * MINUTE, NIGHT)
    assert open_troubles(store) == set()
    assert trouble(store, TroubleKind.COVERED).ended_at == dark + 6 * MINUTE


@pytest.mark.parametrize(
    ("like", "kind", "step"),
    [
        (Shot(START, Reason.IMPLAUSIBLE_TIME, delay=-8 * HOUR), TroubleKind.CLOCK, 5 * MINUTE),
        (VOID, TroubleKind.VOID, 5 * MINUTE),
    ],
)
def test_refusals_that_another_trouble_told_of_are_no_trouble_when_that_is_over(
    store: MemoryStore, like: Shot, kind: TroubleKind, step: timedelta
) -> None:
    live_run(store, shots(START - like.delay, 30, step, like))
    look_around(store, START + 3 * HOUR, NIGHT)
    assert open_troubles(store) == {("alice-porch", kind)}
    for n in range(3):
        live_run(store, [Shot(START + 3 * HOUR + n * step)])
        look_around(store, START + 3 * HOUR + n * step + MINUTE, NIGHT)
        assert open_troubles(store) == set()


def test_void_again_and_again_and_then_a_good_picture(store: MemoryStore) -> None:
    live_run(store, shots(START, 3, like=VOID))
    look_around(store, START + 15 * MINUTE, NIGHT)
    assert open_troubles(store) == {("alice-porch", TroubleKind.VOID)}
    assert (trouble(store, "void").since, trouble(store, "void").facts.pictures) == (START, 3)
    live_run(store, [Shot(START - HOUR)])  # late footage, of before
    look_around(store, START + 16 * MINUTE, NIGHT)
    assert open_troubles(store) == {("alice-porch", TroubleKind.VOID)}
    live_run(store, [Shot(START + 20 * MINUTE)])
    look_around(store, START + 21 * MINUTE, NIGHT)
    assert open_troubles(store) == set()


def test_the_same_picture_again_and_again(store: MemoryStore) -> None:
    live_run(store, shots(START, 5, like=Shot(START, scene="stuck")))
    look_around(store, START + 30 * MINUTE)
    assert open_troubles(store) == {("alice-porch", TroubleKind.FROZEN)}
    live_run(store, [Shot(START + 30 * MINUTE)])
    look_around(store, START + 31 * MINUTE)
    assert open_troubles(store) == set()


@pytest.mark.parametrize(("drift", "frozen"), [(0, True), (40, False)])
def test_the_same_picture_but_for_noise_a_day_long(store: MemoryStore, drift: int, frozen: bool) -> None:
    for n in range(26):
        live_run(store, [Shot(START + n * HOUR)], look=scene(drift))
    look_around(store, START + 26 * HOUR)
    for n in range(26, 52):  # a print an hour needs surveys in between
        live_run(store, [Shot(START + n * HOUR)], look=scene(drift))
        look_around(store, START + n * HOUR + MINUTE)
    assert (("alice-porch", TroubleKind.FROZEN) in open_troubles(store)) is frozen


def scene(drift: int) -> Callable[[Camera, datetime, str], bytes]:
    """A scene with a little noise, that by the hour becomes lighter and darker by `drift` levels."""

    def look(_: Camera, taken_at: datetime, __: str) -> bytes:
        level = 100 + drift * (taken_at.hour % 12) // 12
        picture = Image.effect_noise((320, 240), 4).point([min(255, max(0, n - 128 + level)) for n in range(256)])
        shelf = Image.new("L", (60, 120), 30)
        picture.paste(shelf, (40, 60))
        target = io.BytesIO()
        picture.convert("RGB").save(target, "JPEG", quality=85)
        return target.getvalue()

    return look


def test_tiles_of_a_picture() -> None:
    picture = Image.new("RGB", (640, 480))
    picture.paste((255, 255, 255), (320, 0, 640, 480))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=95)
    assert tiles(target.getvalue()) == "00000000ffffffff" * 8


def test_a_clock_that_is_hours_behind_and_is_set(store: MemoryStore) -> None:
    for n in range(4):
        live_run(store, [Shot(START + n * 12 * MINUTE, delay=8 * HOUR)])
    look_around(store, START + 9 * HOUR)
    assert open_troubles(store) == {("alice-porch", TroubleKind.CLOCK)}
    assert trouble(store, "clock").facts.offset_seconds == 8 * 3600
    live_run(store, [Shot(START + 9 * HOUR)])
    look_around(store, START + 9 * HOUR + MINUTE)
    assert open_troubles(store) == set()


def test_an_upload_of_a_whole_day_is_no_wrong_clock(store: MemoryStore) -> None:
    evening = START + 12 * HOUR
    taken = [START + n * 20 * MINUTE for n in range(30)]
    sent = [Shot(each, delay=evening + n * 2 * MINUTE - each) for n, each in enumerate(taken)]
    for n in range(0, 30, 5):
        live_run(store, sent[n : n + 5])
    look_around(store, evening + 2 * HOUR)
    assert open_troubles(store) == set()


def test_a_clock_that_runs_ahead_is_told_though_its_footage_is_refused(store: MemoryStore) -> None:
    for n in range(4):
        sent = Shot(START + n * 12 * MINUTE + HOUR, Reason.IMPLAUSIBLE_TIME, delay=-HOUR, by="collect")
        live_run(store, [sent])
    look_around(store, START + HOUR)
    assert open_troubles(store) == {("alice-porch", TroubleKind.CLOCK)}
    assert trouble(store, "clock").facts.offset_seconds == -3600


def test_most_of_a_days_footage_is_refused(store: MemoryStore) -> None:
    bad = shots(START, 20, MINUTE, Shot(START, Reason.GREY))
    live_run(store, [*bad, *shots(START + 20 * MINUTE, 5, MINUTE)])
    look_around(store, START + HOUR)
    assert open_troubles(store) == {("alice-porch", TroubleKind.REFUSED)}
    facts = trouble(store, "refused").facts
    assert (facts.refused, facts.received, facts.reasons) == (20, 25, {"grey": 20})
    live_run(store, shots(START + HOUR, 10, MINUTE))
    look_around(store, START + HOUR + 15 * MINUTE)
    assert open_troubles(store) == set()
    live_run(store, shots(START + HOUR + 20 * MINUTE, 2, MINUTE, Shot(START, Reason.GREY)))
    look_around(store, START + HOUR + 25 * MINUTE)
    assert open_troubles(store) == set()  # what was before it was mended counts no more


def many(number: int) -> bytes:
    """Rules with so many cameras."""
    devices = "\n".join(f"      c{n}: {{}}" for n in range(number))
    return RULES + f"  carol:\n    email: c@example.com\n    timezone: UTC\n    devices:\n{devices}\n".encode()
