"""Pinning a run: to what, once, and anew when the run is started again."""

import json
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.layout import RULES_KEY
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from operators.release import Started, pin, pinned, release_of, stage_image
from operators.release import begin as begin_unless
from operators.settings import DeploymentSettings
from tests.operators.stage_programs import REGISTRY, build_image, build_images

RUN = "runs/nightjar_history/2026-11-20/"
RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: alice@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}}}
"""
CLUSTER = DeploymentSettings(runtime="kubernetes")


def variable(tag: str = "1", **changes: str | None) -> str:
    return json.dumps({"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, tag), **changes})


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put(RULES_KEY, RULES)
    return store


def started(attempt: int = 1, run: str = "manual") -> Started:
    return Started(dag_run=run, start=str(attempt))


def begin(store: MemoryStore, run_prefix: str, started: Started, *running: str) -> None:
    """Begin while these DAG runs are running."""
    begin_unless(store, run_prefix, started, lambda dag_run: dag_run in running)


def test_pin(store: MemoryStore) -> None:
    begin(store, RUN, started())
    assert pinned(store, RUN) is None
    release = pin(store, RUN, variable(), CLUSTER)
    assert release.run == "2026-11-20"
    assert release.images == {stage: f"{REGISTRY}/{stage}:1" for stage in STAGE_IMAGES}
    assert pinned(store, RUN) == release
    assert release_of(store, RUN).rules.problem is None


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        pytest.param(started(), True, id="a retry keeps it"),
        pytest.param(started(7), False, id="a cleared run is pinned anew"),
        pytest.param(started(run="backfill"), False, id="another run over the same day is pinned anew"),
    ],
)
def test_begin_again(store: MemoryStore, again: Started, kept: bool) -> None:
    begin(store, RUN, started())
    release = pin(store, RUN, variable(), CLUSTER)
    begin(store, RUN, again)
    assert pinned(store, RUN) == (release if kept else None)


def test_a_run_folder_has_one_run_at_a_time(store: MemoryStore) -> None:
    begin(store, RUN, started(run="scheduled"), "scheduled", "manual")
    release = pin(store, RUN, variable(), CLUSTER)
    for attempt in (1, 7):
        with pytest.raises(UsageError, match="run scheduled is working on 2026-11-20: wait for its end"):
            begin(store, RUN, started(attempt), "scheduled", "manual")
    assert pinned(store, RUN) == release
    begin(store, RUN, started(2, run="scheduled"), "scheduled", "manual")  # cleared: it does not wait for itself
    begin(store, RUN, started(), "manual")


def test_a_start_that_died_halfway_never_keeps_an_older_release(store: MemoryStore) -> None:
    begin(store, RUN, started())
    pin(store, RUN, variable("1"), CLUSTER)
    begin(store, RUN, started(7))  # and dies before it pins
    begin(store, RUN, started(7))
    assert pinned(store, RUN) is None
    assert pin(store, RUN, variable("2"), CLUSTER).images["detect"] == f"{REGISTRY}/detect:2"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("{", "expected Variable nightjar_images to be JSON"),
        ("[]", "Variable nightjar_images is wrong"),
        (variable(detect=None), "detect"),
        (variable(detect="latest"), "never reused"),
        (variable(detect="a b"), "expected an image tag"),
        (variable(transcode="1"), "transcode"),
    ],
)
def test_wrong_variable(store: MemoryStore, value: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        pin(store, RUN, value, CLUSTER)
    assert pinned(store, RUN) is None
    with pytest.raises(AirflowFailException, match=complaint):
        stage_image(value, "collect")


def test_stage_image() -> None:
    assert stage_image(variable(collect="7"), "collect") == f"{REGISTRY}/collect:7"


def test_every_image_must_be_built(store: MemoryStore, tmp_path: Path) -> None:
    settings = DeploymentSettings(runtime="local", image_store=tmp_path)
    build_images(tmp_path, "1")
    pin(store, RUN, variable("1"), settings)
    begin(store, RUN, started(2))
    build_image(tmp_path, "detect", "2")
    with pytest.raises(UsageError, match=r"image collect:2 is not built .*\(1\)"):
        pin(store, RUN, variable("2"), settings)


def test_rules(store: MemoryStore) -> None:
    begin(store, RUN, started())
    pin(store, RUN, variable(), CLUSTER)
    store.put(RULES_KEY, RULES.replace(b"unsafe:", b"unsave:"))
    begin(store, RUN, started(2))
    assert "unsave" in (pin(store, RUN, variable(), CLUSTER).rules.problem or "")
    assert "unsave" in (release_of(store, RUN).rules.problem or "")


def test_no_good_rules() -> None:
    store = MemoryStore()
    store.put(RULES_KEY, b"version: 1\nrules: {200: {}}\n")
    with pytest.raises(UsageError, match="line 2"):
        pin(store, RUN, variable(), CLUSTER)
