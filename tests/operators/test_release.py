"""The release of a run: complete, resolved once, checked before anything runs."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.release import Release, Started
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.registry import DigestUnknownError, Registries
from nightjar.stores.releases import Releases
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Runs
from operators.assignment import assign, pinned_release
from operators.release import deployed_release, freeze, rules_warning, stage_image
from operators.settings import DeploymentSettings
from tests.operators.conftest import make_context
from tests.operators.stage_programs import REGISTRY, build_image, build_images
from tests.operators.worked import RUN

RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: alice@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}}}
"""
CLUSTER = DeploymentSettings(runtime="kubernetes", image_digests="off")
STARTED = Started(dag_run="manual", start="1")


def variable(tag: str = "1", **changes: str | None) -> str:
    return json.dumps({"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, tag), **changes})


def resolved(store: MemoryStore, images: str | None = None, settings: DeploymentSettings = CLUSTER) -> Release:
    run = Runs(store).at(RUN)
    return deployed_release(store, run, STARTED, images or variable(), settings, datetime.now(UTC))[0]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    RulesStore(store).put(RULES)
    return store


def test_a_release_names_everything_that_decides_the_results(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "640")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.secret")
    release = resolved(store, variable(detect="2"))
    assert (release.run, release.start) == ("2026-11-20", STARTED.identity)
    assert set(release.stages) == set(STAGES) - {"collect"}
    images = {stage: release.stages[stage].image for stage in ("validate", "detect", "record", "report")}
    assert images == {
        "validate": f"{REGISTRY}/validate:1",
        "detect": f"{REGISTRY}/detect:2",
        "record": f"{REGISTRY}/report:1",
        "report": f"{REGISTRY}/report:1",
    }
    assert release.stages["validate"].settings["NIGHTJAR_LONG_SIDE"] == "640"
    assert release.stages["detect"].settings["NIGHTJAR_MIN_PROBABILITY"] == "0.1"
    assert release.rules.key == f"rules/{hashlib.sha256(RULES).hexdigest()}.yaml"
    assert release.rules.problem is None
    assert "SG.secret" not in release.model_dump_json()


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
        resolved(store, value)
    with pytest.raises(AirflowFailException, match=complaint):
        stage_image(value, "collect")


def test_stage_image() -> None:
    assert stage_image(variable(collect="7"), "collect") == f"{REGISTRY}/collect:7"


def test_a_wrong_setting_of_any_stage_is_found_before_anything_runs(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_REPORT_THUMBNAILS", "many")
    with pytest.raises(UsageError, match="NIGHTJAR_REPORT_THUMBNAILS"):
        resolved(store)


def test_a_misspelt_setting_is_found_before_anything_runs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LONG_SIDES", "640")
    with pytest.raises(UsageError, match=r"NIGHTJAR_LONG_SIDES \(did you mean NIGHTJAR_LONG_SIDE\?\)"):
        resolved(store)


@pytest.mark.parametrize("name", ["NIGHTJAR_DEPLOYMENT_TOKEN", "NIGHTJAR_UI_PORT", "NIGHTJAR_S3_PORT"])
def test_what_the_local_deployment_was_started_with_is_no_setting(
    store: MemoryStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "9000")
    assert "9000" not in resolved(store).model_dump_json()


def test_in_the_local_runtime_every_image_must_be_built_and_its_digest_is_pinned(
    store: MemoryStore, tmp_path: Path
) -> None:
    settings = DeploymentSettings(runtime="local", image_store=tmp_path)
    build_images(tmp_path, "1")
    digest = resolved(store, settings=settings).stages["record"].digest
    assert digest == f"sha256:{hashlib.sha256(b'report 1').hexdigest()}"
    assert resolved(store).stages["record"].digest is None
    build_image(tmp_path, "detect", "2")
    with pytest.raises(UsageError, match=r"image validate:2 is not built .*\(1\)"):
        resolved(store, variable("2"), settings)


def test_wrong_rules_are_told_while_there_are_good_ones(store: MemoryStore) -> None:
    good = resolved(store).rules
    RulesStore(store).put(RULES.replace(b"unsafe:", b"unsave:"))
    rules = resolved(store).rules
    assert (rules.key, rules.sha256) == (good.key, good.sha256)
    assert "unsave" in (rules.problem or "")
    assert [problem[:7] for problem in resolved(store).rules_problems] == ["line 4:", "line 4:"]


def test_a_run_by_older_rules_is_a_warning_with_a_sentence(store: MemoryStore) -> None:
    told = frozen(store, "scheduled")
    assert rules_warning(store, RUN, told["release"]) is None
    RulesStore(store).put(b"rules: {\n")
    told = frozen(store, "scheduled", max_tries=11)
    warning = rules_warning(store, RUN, told["release"]) or ""
    assert warning.startswith("warning: the last good rules are used: config/rules.yaml is wrong: line 2:")
    assert f"This run goes by rules/{hashlib.sha256(RULES).hexdigest()}.yaml" in warning
    assert "\n" not in warning


def frozen(
    store: MemoryStore,
    run: str,
    max_tries: int = 5,
    variable_: str | None = None,
    look: str = "",
    candidate: str = "",
    prefix: str = RUN,
    settings: DeploymentSettings = CLUSTER,
    **runs: str,
) -> dict[str, str]:
    """The result of freeze_release of the DAG run `run` while `runs` are in these states."""
    context = make_context(dag_id="history", max_tries=max_tries, runs={("history", r): s for r, s in runs.items()})
    whole: Any = {**context, "run_id": run}  # a context of tests has only what is asked for
    return freeze(whole, store, prefix, variable_ or variable(), settings, look, candidate)


def test_freeze_says_what_the_tasks_need(store: MemoryStore) -> None:
    told = frozen(store, "scheduled")
    release, ref = Runs(store).at(RUN).release()
    assert told == {
        "release": ref.sha256,
        "detect_candidate": "",
        **{stage: each.image for stage, each in release.stages.items()},
    }
    assert frozen(store, "scheduled", variable_=variable("2")) == told, "a retry keeps it"
    deployed = Runs(store).deployed()
    assert deployed and (deployed.run, deployed.stages) == (RUN, release.stages)
    cleared = frozen(store, "scheduled", max_tries=11, variable_=variable("2"))
    assert cleared["detect"].endswith(":2") and cleared["release"] != told["release"]


def test_a_run_that_is_asked_to_look_at_everything_keeps_it_and_is_no_deployment(store: MemoryStore) -> None:
    told = frozen(store, "by_hand", look="everything")
    release = pinned_release(Runs(store).at(RUN), told["release"])
    assert release.stage("detect").settings["NIGHTJAR_LOOK"] == "everything"
    assert frozen(store, "by_hand") == told, "a retry keeps it"
    deployed = Runs(store).deployed()
    assert deployed and deployed.stages["detect"].settings["NIGHTJAR_LOOK"] == "sparing"
    assert {stage for stage, each in release.stages.items() if each != deployed.stages[stage]} == {"detect"}


def test_a_candidate_takes_the_place_of_the_detector_and_is_no_deployment(store: MemoryStore) -> None:
    frozen(store, "scheduled")
    deployed = Runs(store).deployed()
    told = frozen(store, "candidate", prefix="runs/nightjar_candidate/c1/", candidate="oid-1")
    assert (told["detect"].rpartition(":")[2], told["detect_candidate"]) == ("oid-1", "oid-1")
    release = pinned_release(Runs(store).at("runs/nightjar_candidate/c1/"), told["release"])
    assert deployed is not None
    assert {stage for stage, each in release.stages.items() if each != deployed.stages[stage]} == {"detect"}
    assert Runs(store).deployed() == deployed


@pytest.mark.parametrize("look", ["all", "Everything", "{{ 1 }}", " "])
def test_a_look_that_is_none_is_refused_before_anything_is_written(store: MemoryStore, look: str) -> None:
    before = list(store.list_versions(""))
    with pytest.raises(UsageError, match="expected `look` in the run's conf to be one of sparing, everything, got"):
        frozen(store, "by_hand", look=look)
    assert list(store.list_versions("")) == before


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_run_over_a_folder_is_refused_while_the_first_is_under_way(store: MemoryStore, state: str) -> None:
    first = frozen(store, "scheduled", scheduled="running", by_hand="running")
    with pytest.raises(UsageError, match="run scheduled is working on 2026-11-20: wait for its end"):
        frozen(store, "by_hand", scheduled=state, by_hand="running")
    # Nothing of the first run was touched: its tasks go on by its release.
    assert pinned_release(Runs(store).at(RUN), first["release"]).start == "scheduled 1"
    assert frozen(store, "scheduled", scheduled="running") == first


@pytest.mark.parametrize("state", ["success", "failed"])
def test_once_the_first_run_has_ended_the_second_takes_the_folder_up(store: MemoryStore, state: str) -> None:
    first = frozen(store, "scheduled", scheduled="running")
    second = frozen(store, "by_hand", scheduled=state, by_hand="running")
    assert second["release"] != first["release"]
    with pytest.raises(UsageError, match="clear the whole run"):
        pinned_release(Runs(store).at(RUN), first["release"])


def test_no_good_rules() -> None:
    store = MemoryStore()
    RulesStore(store).put(b"version: 1\nrules: {200: {}}\n")
    with pytest.raises(UsageError, match="line 2"):
        resolved(store)


class Registry(Registries):
    """A registry that answers with these digests by `image:tag`, or not at all."""

    def __init__(self, digests: dict[str, str] | None) -> None:
        self.digests = digests

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def digest(self, image: str) -> str:
        if self.digests is None:
            raise DigestUnknownError("registry.example.com did not answer: ConnectTimeout")
        return self.digests[image.rpartition("/")[2]]


def digests(tag: str, content: str) -> dict[str, str]:
    return {f"{image}:{tag}": f"sha256:{content * 64}" for image in STAGE_IMAGES}


def held_by(registry: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> DeploymentSettings:
    """A deployment of pods, whose registry answers so."""
    monkeypatch.setattr("nightjar.runtime.registry.Registries", lambda *_: Registry(registry))
    return DeploymentSettings(runtime="kubernetes")


def test_on_a_cluster_the_registry_tells_the_digests_and_pods_are_pinned_to_them(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = resolved(store, settings=held_by(digests("1", "a"), monkeypatch))
    assert release.stages["record"].pinned_image == f"{REGISTRY}/report:1@sha256:{'a' * 64}"
    # A registry that does not answer holds back no run: the digest that is recorded counts.
    again = resolved(store, settings=held_by(None, monkeypatch))
    assert again.stages["record"].digest == f"sha256:{'a' * 64}"
    assert again.identity == release.identity
    empty = MemoryStore()
    RulesStore(empty).put(RULES)
    unknown = resolved(empty, settings=held_by(None, monkeypatch))
    assert unknown.stages["record"].pinned_image == f"{REGISTRY}/report:1"


def test_a_tag_that_was_pushed_over_is_refused_before_the_run_begins(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(store, "first", settings=held_by(digests("1", "a"), monkeypatch))
    with pytest.raises(UsageError, match=r":1 to be sha256:a{64}, as nightjar_history/2026-11-20 had"):
        frozen(store, "second", max_tries=11, settings=held_by(digests("1", "b"), monkeypatch), first="success")
    release, _ = Runs(store).at(RUN).release()
    assert release.start == "first 1", "nothing was pinned"
    both = digests("1", "a") | digests("2", "b")
    told = frozen(store, "third", 17, variable("2"), settings=held_by(both, monkeypatch), first="success")
    assert told["detect"].endswith(":2")


def test_the_same_tag_built_on_two_machines_is_refused_on_the_second(store: MemoryStore, tmp_path: Path) -> None:
    for machine, content in (("one", "1"), ("two", "other")):
        build_images(tmp_path / machine, "1")
        for image in STAGE_IMAGES:
            record = tmp_path / machine / image / "1" / "image.json"
            record.write_text(json.dumps({"digest": hashlib.sha256(f"{image} {content}".encode()).hexdigest()}))
    stores = [DeploymentSettings(runtime="local", image_store=tmp_path / machine) for machine in ("one", "two")]
    resolved(store, settings=stores[0])
    with pytest.raises(UsageError, match=r"\(image store\)/collect:1 to be sha256:.*, got sha256:.* used again"):
        resolved(store, settings=stores[1])
    resolved(store, settings=stores[0])


def test_a_bump_in_mid_run_changes_nothing_in_that_run_and_is_noted_by_the_next(store: MemoryStore) -> None:
    first = frozen(store, "scheduled")
    assert frozen(store, "scheduled", variable_=variable(detect="2")) == first, "a retried task keeps it"
    assert pinned_release(Runs(store).at(RUN), first["release"]).stage("detect").image.endswith(":1")
    releases = Releases(store)
    assert [bump.kind for bump in releases.bumps(5)] == ["first"]
    told = frozen(store, "by_hand", variable_=variable(detect="2"), scheduled="success")
    assert told["detect"].endswith(":2")
    assert [(bump.kind, bump.changes) for bump in releases.bumps(1)] == [("edited", ["detect: 1 → 2"])]
    newest, before = releases.bumps(2)
    assert len(newest.releases) == len(before.releases) == 1 and newest.releases != before.releases
    assert [(run.dag, run.run) for run in releases.runs(newest.releases[0])] == [("nightjar_history", "2026-11-20")]


def test_collect_which_runs_before_there_is_a_release_is_started_by_the_recorded_digest(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def assigned() -> str:
        stage, image = STAGES["collect"], f"{REGISTRY}/collect:1"
        run, landed = "runs/nightjar_watch/w/", "incoming/"
        return assign(
            store, CLUSTER, stage, image=image, run_prefix=run, input_prefix=landed, release=None
        ).pinned_image

    assert assigned() == f"{REGISTRY}/collect:1"
    resolved(store, settings=held_by(digests("1", "a"), monkeypatch))
    assert assigned() == f"{REGISTRY}/collect:1@sha256:{'a' * 64}"
