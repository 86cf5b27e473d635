"""A candidate detector on the real scheduler: crashing or hanging, it touches nothing of the deployed chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.detections import DetectorRef
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.release import VARIABLE, StageRelease
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.stores.comparisons import Candidates
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.runs import CANDIDATE, LIVE, Runs
from tests.end_to_end.cluster import ENDED, file_batch
from tests.end_to_end.local_runtime import Local
from tests.operators.stage_programs import REGISTRY, behave, build_image, misbehave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TAG = "candidate-1"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
DETECTOR = DetectorRef(tag="test-1", model="none", sha256="0" * 64, settings="0")


@pytest.fixture(scope="module")
def image(small_stages: Local) -> Path:
    """The image of the candidate."""
    return build_image(small_stages.deployment.directory / "images", "detect", TAG)


@pytest.fixture
def local(small_stages: Local, image: Path) -> Iterator[Local]:
    """The deployment with a candidate in its Variable, which is gone afterwards."""
    images = {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "test-1")}
    small_stages.airflow.start_dags([LIVE, CANDIDATE], check=small_stages.deployment.check)
    small_stages.airflow.set_variable(VARIABLE, json.dumps(images), "the images of the stages")
    live(small_stages, 0)
    # The small detect does not say what it is.
    of_release = deployed(small_stages).identity
    Detectors(small_stages.store).publish(of_release, PublishedDetector.of(DETECTOR, ["person"]), b"{}")
    small_stages.airflow.set_variable(VARIABLE, json.dumps({**images, "detect_candidate": TAG}), "with a candidate")
    yield small_stages
    behave(image)
    small_stages.airflow.set_variable(VARIABLE, json.dumps(images), "the images of the stages")
    assert deployed(small_stages).image.endswith(":test-1"), "a candidate is no deployment"


def deployed(local: Local) -> StageRelease:
    found = Runs(local.store).deployed()
    assert found is not None
    return found.stages["detect"]


def live(local: Local, minute: int) -> str:
    """A live run over a picture of one camera, which succeeds."""
    milliseconds = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    run = file_batch(local.store, [f"alice-porch-{milliseconds}.jpg"])
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    local.wait_for_success(LIVE, run)
    return run


def candidates(local: Local) -> list[dict[str, Any]]:
    return [dict(run) for run in local.airflow.runs(CANDIDATE)]


def wait_for_the_end_of(local: Local, before: int) -> list[str]:
    """Wait until another run of the candidate than those `before` has come, and all have ended; the states of those."""
    local.wait("a run of the candidate, which the live run starts", lambda: len(candidates(local)) > before)
    local.wait("its end", lambda: all(run["state"] in ENDED for run in candidates(local)))
    return [str(run["state"]) for run in candidates(local)]


def test_a_candidate_that_crashes_is_red_and_the_chain_green(local: Local, image: Path) -> None:
    misbehave(image, kind="exit", code=65, sentence="no such model", stage="detect")
    before = len(candidates(local))
    run = live(local, 1)
    assert "failed" in wait_for_the_end_of(local, before)
    assert local.airflow.state(LIVE, run) == "success"
    assert TAG not in Detections(local.store).makers()


def test_a_candidate_that_hangs_holds_up_nobody_and_sees_each_picture_once(local: Local, image: Path) -> None:
    misbehave(image, kind="wait", stage="detect")
    before = len(candidates(local))
    first = live(local, 2)
    local.wait("the candidate at work", lambda: any(run["state"] == "running" for run in candidates(local)))
    live(local, 3)  # goes through while the candidate hangs
    assert any(run["state"] in ("running", "queued") for run in candidates(local))
    behave(image)
    wait_for_the_end_of(local, before)
    assert Candidates(local.store).covered(TAG, Runs(local.store).live(first).prefix) is not None
    local.airflow.trigger(CANDIDATE, "what-is-left", {})
    local.wait_for_success(CANDIDATE, "what-is-left")
    seen = sorted(v.version_id for v in local.store.list_versions(f"detections/{TAG}/"))
    assert seen, "expected the candidate to have looked"
    local.airflow.trigger(CANDIDATE, "nothing-new", {})
    local.wait_for_success(CANDIDATE, "nothing-new")
    assert local.airflow.states(CANDIDATE, "nothing-new")["shard.detect"] == "skipped"
    assert sorted(v.version_id for v in local.store.list_versions(f"detections/{TAG}/")) == seen
