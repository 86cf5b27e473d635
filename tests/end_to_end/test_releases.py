"""Releases on the real scheduler: a bump in mid-run, a Variable edited by hand, a tag that holds other content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightjar.cli.images_variable import ByApi
from nightjar.domain.bumps import Bump, BumpKind
from nightjar.domain.release import VARIABLE, Images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar.queries.release_history import Deployment, history, named_by_audit
from nightjar.queries.releasing import bump_images, going_back, tags_changed
from nightjar.stores.runs import LIVE, REPORT, Runs
from nightjar_local.airflow import ADMIN
from nightjar_local.release_source import StoreSource
from tests.end_to_end.cluster import file_batch
from tests.end_to_end.local_runtime import Local
from tests.operators.stage_programs import REGISTRY, behave, build_image, misbehave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
CAMERA = "alice-porch"
IMAGES = {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "test-1")}
FREEZE = "freeze_release"


@pytest.fixture(scope="module")
def store_of_images(small_stages: Local) -> Path:
    """The image store, with a second detect and a third."""
    folder = small_stages.deployment.directory / "images"
    for tag in ("bumped-1", "reused-1"):
        build_image(folder, "detect", tag)
    return folder


@pytest.fixture
def local(small_stages: Local, store_of_images: Path) -> Iterator[Local]:
    """The deployment, whose Variable is what it was, afterwards, and whose stages do right.

    No report is made, which might be the first to see a bump.
    """
    small_stages.airflow.start_dags([LIVE, REPORT], check=small_stages.deployment.check)
    small_stages.airflow.pause(REPORT, paused=True)
    by_hand(small_stages, json.dumps(IMAGES))
    yield small_stages
    behave(store_of_images / "validate" / "test-1")
    by_hand(small_stages, json.dumps(IMAGES))


def by_hand(local: Local, value: str) -> None:
    """Set the Variable as Airflow's page of Variables does."""
    local.airflow.set_variable(VARIABLE, value, "the images of the stages")


def bump(local: Local, images: Path, change: Callable[[Images], Images], why: str) -> Bump:
    """Bump the Variable as `nightjar release` does, in the name of Olga."""
    return bump_images(
        local.store,
        ByApi(local.airflow),
        change,
        kind=BumpKind.RELEASE,
        by="olga",
        why=why,
        now=datetime.now(UTC),
        source=StoreSource(images),
    )


def begin(local: Local, minute: int) -> str:
    """A live run over one picture."""
    milliseconds = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    run = file_batch(local.store, [f"{CAMERA}-{milliseconds}.jpg"])
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    return run


def detector_of(local: Local, run: str) -> str:
    """The tag of the image that looked in this run."""
    manifest, _ = Runs(local.store).live(run).manifest("detect", CAMERA)
    return manifest.image.rpartition(":")[2]


def newest(local: Local, most: int) -> list[Deployment]:
    """The newest bumps with their runs and names, as `nightjar releases` shows them."""
    lines = local.airflow.event_logs("patch_variable", most=50)
    return named_by_audit(history(local.store, most), lines)


def runs_of(deployment: Deployment) -> list[str]:
    """The live runs; reports and candidates follow them when they like."""
    return [run.run for run in deployment.runs if run.dag == LIVE]


def sentence_of(local: Local, run: str) -> str:
    """The last line of the task that pins the run to its release, which failed."""
    [task] = [each for each in local.airflow.tasks(LIVE, run) if each["task_id"] == FREEZE]
    assert (task["state"], task["try_number"]) == ("failed", 1), "expected it not to be tried again"
    return local.airflow.last_line(task)


def test_a_bump_in_mid_run_is_for_the_next_run_and_going_back_is_another(local: Local, store_of_images: Path) -> None:
    validate = store_of_images / "validate" / "test-1"
    misbehave(validate, kind="wait", stage="validate")
    first = begin(local, 0)
    at_work = f"shard.validate[{CAMERA}]"
    local.wait("the first run at work", lambda: local.airflow.states(LIVE, first).get(at_work) == "running")
    bumped = bump(local, store_of_images, tags_changed(["detect=bumped-1"]), "finds cats at night")
    second = begin(local, 1)
    local.wait("the second run at work", lambda: local.airflow.states(LIVE, second).get(at_work) == "running")
    behave(validate)
    for run in (first, second):
        local.wait_for_success(LIVE, run)
    assert [detector_of(local, run) for run in (first, second)] == ["test-1", "bumped-1"]
    now, before = newest(local, 2)
    assert (now.bump.id, now.by, now.bump.why) == (bumped.id, "olga", "finds cats at night")
    assert runs_of(now) == [second] and first in runs_of(before)

    bump(local, store_of_images, going_back(local.store, None), "misses dogs")
    third = begin(local, 2)
    local.wait_for_success(LIVE, third)
    assert detector_of(local, third) == "test-1"
    back, now = newest(local, 2)
    assert (back.bump.changes, runs_of(back), runs_of(now)) == (["detect: bumped-1 → test-1"], [third], [second])


def test_a_variable_that_is_edited_by_hand_is_noted_with_who_did_it(local: Local) -> None:
    by_hand(local, json.dumps({**IMAGES, "detect": "bumped-1"}))
    run = begin(local, 3)
    local.wait_for_success(LIVE, run)
    [noted] = newest(local, 1)
    assert (noted.bump.kind, noted.by) == (BumpKind.EDITED, f"{ADMIN} (Airflow's audit log)")
    assert (noted.bump.changes, runs_of(noted)) == (["detect: test-1 → bumped-1"], [run])


def test_a_value_that_names_no_images_is_refused_by_a_sentence_and_mended_by_the_next(local: Local) -> None:
    by_hand(local, '{"registry": "registry.example.com/nightjar", "detect": ')
    run = begin(local, 4)
    assert local.wait_for_end(LIVE, run) == "failed"
    assert "expected Variable nightjar_images to be JSON" in sentence_of(local, run)
    by_hand(local, json.dumps(IMAGES))
    local.airflow.clear(LIVE, run)
    local.wait_for_success(LIVE, run)


def test_a_tag_that_holds_other_content_is_refused_until_it_holds_the_first_again(
    local: Local, store_of_images: Path
) -> None:
    by_hand(local, json.dumps({**IMAGES, "detect": "reused-1"}))
    local.wait_for_success(LIVE, begin(local, 5))
    record = store_of_images / "detect" / "reused-1" / "image.json"
    first, other = json.loads(record.read_text())["digest"], "e" * 64
    record.write_text(json.dumps({"digest": other}))
    run = begin(local, 6)
    assert local.wait_for_end(LIVE, run) == "failed"
    said = sentence_of(local, run)
    assert f"detect:reused-1 to be sha256:{first}" in said and f"got sha256:{other}" in said
    assert not Runs(local.store).live(run).shards(), "expected nothing to have begun"
    by_hand(local, json.dumps(IMAGES))
    with pytest.raises(UsageError, match=other):
        bump(local, store_of_images, tags_changed(["detect=reused-1"]), "the same tag again")
    record.write_text(json.dumps({"digest": first}))
    bump(local, store_of_images, tags_changed(["detect=reused-1"]), "the first content again")
    local.airflow.clear(LIVE, run)
    local.wait_for_success(LIVE, run)
    assert detector_of(local, run) == "reused-1"
