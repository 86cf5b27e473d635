"""One deployment with the real stages on the real scheduler, and all that befalls one; its start takes 20 CPU seconds.

First the past: it is detected once, alerts nobody, and is the same when run again. Then footage lands. Refused footage
heals, by mended rules and a retry, or by the whole object. S3 goes away, in a run and while Nightjar waits, and a live
run fails before it begins: nothing is lost, all goes on.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import partial

import pytest
from PIL import Image, ImageOps

from nightjar.cli.main import main
from nightjar.domain.batch import RETRY
from nightjar.domain.names import Camera, parse_footage_name
from nightjar.queries.refused import Wanted, find
from nightjar.stores.claims import CLAIMS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.records import Records
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import HISTORY, LIVE, REPORT, WATCH, Runs
from nightjar.stores.tables import PICTURES
from nightjar_local import samples, seaweedfs
from nightjar_local.samples import Sample
from tests.end_to_end.local_runtime import Local, running

pytestmark = pytest.mark.timeout(1200)  # a fresh clone builds the images and the model first

TODAY = datetime.now(UTC).date()
DAYS = (TODAY - timedelta(days=4), TODAY - timedelta(days=3))
CAMERAS = {Camera("alice", "porch"), Camera("bob", "lobby")}
PERSON_MINUTES_AGO = 41  # of the sample footage: alice-porch sees a person


def stills(day: date, hour: int = 12) -> list[Sample]:
    """Footage of two cameras in an hour of `day`: a person, cats, and nothing much."""
    shots = samples.footage(datetime.combine(day, time_of_day(hour), UTC))
    return [one for one in shots if one.name.endswith(".jpg") and one.body and _belongs(one.name, day)]


def unseen(sample: Sample) -> Sample:
    """The same scene from the other side: content that no detector knows yet."""
    mirrored, body = ImageOps.mirror(Image.open(io.BytesIO(sample.body))), io.BytesIO()
    mirrored.save(body, "JPEG")
    return Sample(sample.name, body.getvalue())


def has_page(local: Local, prefix: str) -> bool:
    return any(key.endswith(".html") for key in local.contents(prefix))


def results(local: Local) -> dict[str, bytes]:
    """All that a run of history leaves for others; not the news for nightjar_report, which come and go."""
    contents: dict[str, bytes] = {}
    for prefix in ("events/", "threats/", "detections/", "records/", "alerts/"):
        contents |= local.contents(prefix)
    return {key: body for key, body in contents.items() if not key.startswith("records/news/")}


def _belongs(name: str, day: date) -> bool:
    try:
        parsed = parse_footage_name(name)
    except ValueError:
        return False
    return parsed.camera in CAMERAS and parsed.taken_at.date() == day


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("real")) as local:
        yield local


@pytest.fixture(scope="module")
def past(local: Local) -> None:
    """History has run over two past days of footage, by `nightjar backfill`."""
    for day in DAYS:
        local.file(stills(day))
    local.airflow.start_dags([HISTORY], check=local.deployment.check)
    # The run of yesterday comes by itself. While it writes, SQLite refuses what `backfill create` wants to write.
    local.wait("the run of yesterday", lambda: bool(local.airflow.runs(HISTORY)))
    local.wait_for_success(HISTORY, local.airflow.run_of_day(TODAY - timedelta(days=1)))
    first, last = (day.isoformat() for day in DAYS)
    said = local.nightjar("backfill", "--from", first, "--to", last)
    assert said == f"2 days get a run: {first}, {last}\n"
    local.airflow.start_dags([REPORT], check=local.deployment.check)
    for day in DAYS:
        local.wait_for_success(HISTORY, local.airflow.run_of_day(day))


def new_to_detect(local: Local, day: date) -> int:
    """The pictures that detect did not know, looked at or not."""
    return sum(local.detail(day, "detect", name) for name in ("looked_at", "interpolated", "carried"))


def test_each_picture_is_detected_once_and_nobody_is_alerted(local: Local, past: None) -> None:
    for day in DAYS:
        [reconciled] = local.manifests(day, "reconcile")
        assert reconciled.counts.received == len(stills(day))
        assert reconciled.counts.total("failed") == 0
        assert reconciled.counts.total("detected") == new_to_detect(local, day) > 10
        seen = Counter(line.picture.standard_key for line in local.detections(day))
        assert set(seen.values()) == {1}
        assert len(seen) == reconciled.counts.total("detected")
        assert local.contents(f"events/{day:%Y/%m/%d}/")
        local.wait(f"the page of {day}", partial(has_page, local, f"reports/{day:%Y/%m/%d}/"))
    assert local.contents("alerts/") == {}
    assert local.contents("outbox/") == {}


def test_running_a_day_again_detects_nothing_again_and_gives_the_same(local: Local, past: None) -> None:
    before = results(local)
    first, last = (day.isoformat() for day in DAYS)
    said = local.nightjar("backfill", "--from", first, "--to", last)
    assert f"2 days are skipped, having run already: {first} (success), {last} (success)" in said
    assert f"nightjar backfill --from {first} --to {last} --redo" in said
    assert {new_to_detect(local, day) > 0 for day in DAYS} == {True}, "expected nothing to have run again"
    local.nightjar("backfill", "--from", first, "--to", last, "--redo")
    for day in DAYS:
        local.wait_for_success(HISTORY, local.airflow.run_of_day(day))
        assert new_to_detect(local, day) == 0
        assert local.detail(day, "detect", "known") == len(local.detections(day))
    after = results(local)
    assert after.keys() == before.keys()
    assert [key for key, body in after.items() if body != before[key]] == []


def test_a_picture_that_arrives_late_costs_only_itself(local: Local, past: None) -> None:
    day, other = DAYS
    known, events = len(local.detections(day)), local.contents(f"events/{other:%Y/%m/%d}/")
    local.file([unseen(next(one for one in stills(day, hour=20) if one.name.startswith("alice-porch")))])
    run = local.airflow.run_of_day(day)
    local.airflow.clear(HISTORY, run)
    local.wait_for_success(HISTORY, run)
    assert (new_to_detect(local, day), local.detail(day, "detect", "known")) == (1, known)
    assert local.detail(day, "validate", "reused") == len(stills(day))
    assert len(local.detections(day)) == known + 1
    assert local.contents(f"events/{other:%Y/%m/%d}/") == events
    assert local.contents("alerts/") == {}


@pytest.fixture(scope="module")
def began(local: Local) -> datetime:
    """From when on the deployment watches: after everything about the past, which is left alone from now on."""
    for dag in (HISTORY, REPORT):
        local.airflow.pause(dag, paused=True)
    local.airflow.start_dags([LIVE, WATCH], check=local.deployment.check)
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def person() -> bytes:
    """A picture of a person."""
    now = datetime.now(UTC)
    name = f"alice-porch-{int(now.timestamp()) - PERSON_MINUTES_AGO * 60}.jpg"
    return next(one.body for one in samples.footage(now) if one.name == name)


def name(camera: str, taken_at: datetime) -> str:
    return f"{camera}-{int(taken_at.timestamp())}.jpg"


def reasons(local: Local, since: datetime) -> list[str]:
    return [str(each.entry.reason) for each in find(local.store, Wanted(start=since - timedelta(hours=1)))[0]]


def outcomes(local: Local, since: datetime) -> list[tuple[str, str | None]]:
    """Of all pictures of the day, as the report has them."""
    days = sorted({since.date(), datetime.now(UTC).date()})
    contents = [Records(local.store).read(PICTURES, day).content for day in days]
    pairs = (zip(content.values("outcome"), content.values("reason"), strict=True) for content in contents)
    return sorted(pair for some in pairs for pair in some)


def live_runs(local: Local) -> set[str]:
    return {str(run["dag_run_id"]) for run in local.airflow.runs(LIVE)}


def new_run(local: Local, before: set[str]) -> str:
    """Wait for the one live run that has come since there were those of `before`."""
    local.wait("a live run", lambda: live_runs(local) > before)
    [run] = live_runs(local) - before
    return run


def land(local: Local, name: str, body: bytes) -> set[str]:
    """Put an object and wait for the end of its live run; returns the live runs that there are now."""
    before = live_runs(local)
    local.store.put(f"{INCOMING}{name}", body)
    local.wait_for_success(LIVE, new_run(local, before))
    return live_runs(local)


def test_rules_are_mended_and_the_alert_comes(
    local: Local, began: datetime, person: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    before = land(local, name("alice-gate", began - timedelta(seconds=60)), person)
    assert reasons(local, began) == ["unknown-camera"]
    assert local.contents("alerts/") == {}
    rules, _ = local.store.get(RULES_KEY)
    RulesStore(local.store).put(rules.replace(b"      yard:", b"      gate: {}\n      yard:", 1))
    assert main(["retry", "--reason", "unknown-camera", "--camera", "alice-gate"]) == 0
    assert f"run {RETRY}" in capsys.readouterr().out
    run = new_run(local, before)
    local.wait_for_success(LIVE, run)
    assert run.startswith(RETRY), "expected a run of its own in the UI"
    assert len(local.contents("alerts/")) == 1
    assert dict(Runs(local.store).live(run).account().counts.outcomes) == {"detected": 1}
    assert reasons(local, began) == []
    assert outcomes(local, began) == [("detected", None)]
    local.wait("the claim to be closed", lambda: local.contents(CLAIMS) == {})
    assert main(["retry", "--reason", "unknown-camera"]) == 0
    assert "no refusal is of this kind" in capsys.readouterr().out
    assert len(list(local.store.list_versions("alerts/"))) >= 1
    assert len(local.contents("alerts/")) == 1


def test_part_of_an_object_first_and_the_whole_of_it_second(local: Local, began: datetime, person: bytes) -> None:
    torn = name("alice-porch", began - timedelta(seconds=90))
    land(local, torn, person[: len(person) // 2])
    assert reasons(local, began) == ["truncated"]
    assert outcomes(local, began) == [("detected", None), ("quarantined", "truncated")]
    land(local, torn, person)
    assert reasons(local, began) == []
    assert outcomes(local, began) == [("detected", None), ("detected", None)]
    assert len(local.contents("alerts/")) == 2


def drop(local: Local, camera: str, body: bytes) -> None:
    """A picture lands, taken half a minute ago."""
    local.store.put(f"{INCOMING}{name(camera, datetime.now(UTC) - timedelta(seconds=30))}", body)


@contextlib.contextmanager
def outage(local: Local) -> Iterator[None]:
    """Within it, there is no S3."""
    local.deployment.supervisor.stop_component(seaweedfs.NAME)
    yield
    local.deployment.bring_up()


def waiting(local: Local) -> str:
    """The state of the sensor of the newest watch run; empty before there is one."""
    newest = local.airflow.runs(WATCH)[:1]
    return "".join(local.airflow.states(WATCH, str(run["dag_run_id"]))["wait_for_footage"] or "" for run in newest)


def test_s3_goes_away_in_the_middle_of_a_run(local: Local, began: datetime, person: bytes) -> None:
    alerted, before = len(local.contents("alerts/")), live_runs(local)
    drop(local, "alice-yard", person)
    run = new_run(local, before)
    local.wait("its shards", lambda: local.airflow.states(LIVE, run).get("plan_shards") == "success")
    with outage(local):
        time.sleep(60)
    local.wait_for_success(LIVE, run)
    assert len(local.contents("alerts/")) == alerted + 1
    assert local.contents(INCOMING) == {}


def test_s3_goes_away_while_it_waits_for_footage(local: Local, began: datetime, person: bytes) -> None:
    alerted = len(local.contents("alerts/"))
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    watching = str(local.airflow.runs(WATCH)[0]["dag_run_id"])
    with outage(local):
        local.wait("it to notice", lambda: local.airflow.states(WATCH, watching)["wait_for_footage"] == "up_for_retry")
    drop(local, "bob-lobby", person)
    local.wait("the alert", lambda: len(local.contents("alerts/")) == alerted + 1)
    assert local.wait_for_end(WATCH, watching) == "success"


def test_a_live_run_that_failed_before_it_began_is_done_again(local: Local, began: datetime, person: bytes) -> None:
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    alerted, watched = len(local.contents("alerts/")), len(local.airflow.runs(WATCH))
    before = live_runs(local)
    local.airflow.pause(LIVE, paused=True)
    drop(local, "carol-drive", person)
    run = new_run(local, before)
    local.airflow.mark_failed(LIVE, run)
    local.airflow.pause(LIVE, paused=False)
    local.wait("the run to begin after all", lambda: local.airflow.state(LIVE, run) not in ("failed", "queued"))
    local.wait_for_success(LIVE, run)
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    assert len(local.contents("alerts/")) == alerted + 1
    assert len(local.airflow.runs(WATCH)) == watched + 1  # one watch run handed it over, however often it was started
