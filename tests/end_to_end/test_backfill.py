"""The past, on the real scheduler with the real stages: detected once, alerting nobody, the same when run again."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pytest
from PIL import Image, ImageOps

from nightjar.domain.names import Camera, parse_footage_name
from nightjar.stores.runs import HISTORY, REPORT
from nightjar_local import samples
from nightjar_local.samples import Sample
from tests.end_to_end.local_runtime import Local, running

pytestmark = pytest.mark.timeout(1200)  # a fresh clone builds the images and the model first

TODAY = datetime.now(UTC).date()
DAYS = (TODAY - timedelta(days=4), TODAY - timedelta(days=3))
CAMERAS = {Camera("alice", "porch"), Camera("bob", "lobby")}


def stills(day: date, hour: int = 12) -> list[Sample]:
    """Footage of two cameras in an hour of `day`: a person, cats, and nothing much."""
    shots = samples.footage(datetime.combine(day, time(hour), UTC))
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
    """A deployment whose history has run over two past days of footage, by `nightjar backfill`."""
    with running(tmp_path_factory.mktemp("backfill")) as local:
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
        yield local


def test_each_picture_is_detected_once_and_nobody_is_alerted(local: Local) -> None:
    for day in DAYS:
        [reconciled] = local.manifests(day, "reconcile")
        assert reconciled.counts.received == len(stills(day))
        assert reconciled.counts.total("failed") == 0
        assert reconciled.counts.total("detected") == local.detail(day, "detect", "computed") > 10
        seen = Counter(line.picture.standard_key for line in local.detections(day))
        assert set(seen.values()) == {1}
        assert len(seen) == reconciled.counts.total("detected")
        assert local.contents(f"events/{day:%Y/%m/%d}/")
        local.wait(f"the page of {day}", partial(has_page, local, f"reports/{day:%Y/%m/%d}/"))
    assert local.contents("alerts/") == {}
    assert local.contents("outbox/") == {}


def test_running_a_day_again_detects_nothing_again_and_gives_the_same(local: Local) -> None:
    before = results(local)
    first, last = (day.isoformat() for day in DAYS)
    said = local.nightjar("backfill", "--from", first, "--to", last)
    assert f"2 days are skipped, having run already: {first} (success), {last} (success)" in said
    assert f"nightjar backfill --from {first} --to {last} --redo" in said
    assert {local.detail(day, "detect", "computed") > 0 for day in DAYS} == {True}, "expected nothing to have run again"
    local.nightjar("backfill", "--from", first, "--to", last, "--redo")
    for day in DAYS:
        local.wait_for_success(HISTORY, local.airflow.run_of_day(day))
        assert local.detail(day, "detect", "computed") == 0
        assert local.detail(day, "detect", "known") == len(local.detections(day))
    after = results(local)
    assert after.keys() == before.keys()
    assert [key for key, body in after.items() if body != before[key]] == []


def test_a_picture_that_arrives_late_costs_only_itself(local: Local) -> None:
    day, other = DAYS
    known, events = len(local.detections(day)), local.contents(f"events/{other:%Y/%m/%d}/")
    local.file([unseen(next(one for one in stills(day, hour=20) if one.name.startswith("alice-porch")))])
    run = local.airflow.run_of_day(day)
    local.airflow.clear(HISTORY, run)
    local.wait_for_success(HISTORY, run)
    assert (local.detail(day, "detect", "computed"), local.detail(day, "detect", "known")) == (1, known)
    assert local.detail(day, "validate", "reused") == len(stills(day))
    assert len(local.detections(day)) == known + 1
    assert local.contents(f"events/{other:%Y/%m/%d}/") == events
    assert local.contents("alerts/") == {}
