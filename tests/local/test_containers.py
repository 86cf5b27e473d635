"""The command lines of the container builder, seen by a builder that writes them down."""

import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local import containers, detectors, images
from nightjar_local.containers import (
    AIRFLOW_SOURCES,
    OPTIONS,
    SHARED_SOURCES,
    TRIAL_SOURCES,
    Builder,
    builder_from_environment,
)
from nightjar_local.layout import ROOT
from nightjar_local.offers import Containers, offer
from nightjar_local.processes import LocalError
from tests.images.test_dockerfiles import instructions

REGISTRY = "registry.example.com/nightjar"
IMAGES = (*STAGE_IMAGES, "airflow", "trial")


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `fakebuilder`, which is on the PATH, writes its command lines; beside it, in `layers`, BUILDAH_LAYERS."""
    log = tmp_path / "said"
    program = tmp_path / "bin" / "fakebuilder"
    program.parent.mkdir()
    refusal = 'case "$*" in *refuse*) echo no such base >&2; exit 7;; esac'
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\necho $BUILDAH_LAYERS > {tmp_path}/layers\n{refusal}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return log


def build_arguments(line: str) -> dict[str, str]:
    """The build arguments of a command line."""
    words = line.split()
    return dict(value.split("=", 1) for word, value in pairwise(words) if word == "--build-arg")


def test_every_image_is_built_from_its_dockerfile(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", index="http://index", push=True, records=tmp_path / "r")
    made = offer(Containers(builder), "1.4.0", None)
    assert made.values[None] == {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "1.4.0"), "detect_candidate": None}
    assert made.built == IMAGES
    lines = said.read_text().splitlines()
    builds = [line for line in lines if line.startswith("build ")]
    pushed = [line.removeprefix(f"push {REGISTRY}/") for line in lines if line.startswith("push ")]
    assert pushed == [f"{image}:1.4.0" for image in IMAGES]
    arguments = [build_arguments(line) for line in builds]
    assert [each.pop("VERSION") for each in arguments] == ["1.4.0"] * len(IMAGES)
    assert all(re.fullmatch("[0-9a-f]{40}|unknown", each.pop("REVISION")) for each in arguments)
    common = {"BASE_IMAGE": "python:3.11", "PIP_INDEX_URL": "http://index"}
    models = {"detect": {"MODEL_IMAGE": "shipped-model", "DETECTOR": detectors.default()}}
    stages = [common | {"STAGE": stage} | models.get(stage, {}) for stage in STAGE_IMAGES]
    assert arguments == [*stages, common, common]
    files = [*("images/Dockerfile" for _ in STAGE_IMAGES), "images/airflow/Dockerfile", "images/trial/Dockerfile"]
    assert all(f"-f {ROOT}/{file} " in line for file, line in zip(files, builds, strict=True))
    assert all(line.endswith(f" {ROOT}") for line in builds)


@pytest.mark.parametrize(
    ("variable", "argument", "images"),
    [
        ("RUNTIME_IMAGE", "RUNTIME_IMAGE", STAGE_IMAGES),
        ("AIRFLOW_RUNTIME_IMAGE", "RUNTIME_IMAGE", ("airflow",)),
        ("MODEL_IMAGE", "MODEL_IMAGE", ("detect",)),
        ("NPM_CONFIG_REGISTRY", "NPM_CONFIG_REGISTRY", ("detect",)),
        ("SOURCE", "SOURCE", IMAGES),
    ],
)
def test_an_option_of_the_environment_reaches_the_images_that_take_it_and_is_their_content(
    variable: str, argument: str, images: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"BUILDER": "buildah", "REGISTRY": REGISTRY, "BASE_IMAGE": "base:1"}.items():
        monkeypatch.setenv(name, value)
    for name in OPTIONS:
        monkeypatch.delenv(name, raising=False)
    without = builder_from_environment()
    monkeypatch.setenv(variable, "given")
    builder = builder_from_environment()
    assert builder and without
    assert [image for image in IMAGES if builder.arguments(image).get(argument) == "given"] == list(images)
    changed = [image for image in IMAGES if builder.content_digest(image) != without.content_digest(image)]
    assert changed == list(images)


@pytest.fixture
def clone_with_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which detect can hold `near`, the default, `oid` or `reference`."""
    clone = tmp_path / "clone"
    for source in ("dags", "operators", "plugins", *(f"images/{path.name}" for path in (ROOT / "images").iterdir())):
        (clone / source).parent.mkdir(parents=True, exist_ok=True)
        (clone / source).symlink_to(ROOT / source)
    detect = clone / "images" / "detect"
    detect.unlink()
    shutil.copytree(ROOT / "images" / "detect", detect, ignore=shutil.ignore_patterns("model"))
    model = detect / "model"
    for name in ("near", "oid", "reference"):
        (model / "recipes" / name).mkdir(parents=True)
        (model / "recipes" / name / "recipe.py").write_text(f'NAME = "{name}"\n')
    (model / "build.py").write_text("'for all'\n")
    (model / "default").write_text("near\n")
    monkeypatch.setattr(containers, "ROOT", clone)
    monkeypatch.setattr(images, "ROOT", clone)
    monkeypatch.setattr(detectors, "SOURCE", model)
    return model


def test_a_detector_is_an_argument_and_in_the_tag(said: Path, tmp_path: Path, clone_with_recipes: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    made = offer(Containers(builder), None, None, detectors=["oid", "near"])
    arguments = [build_arguments(line) for line in said.read_text().splitlines()]
    assert [each["DETECTOR"] for each in arguments if "DETECTOR" in each] == ["oid", "near"]
    assert [value["detect"].rpartition("-")[2] for value in made.values.values()] == ["oid", "near"]
    assert len({value["collect"] for value in made.values.values()}) == 1
    # The default one is the same image whether it is asked for or not.
    assert offer(Containers(builder), None, None).values[None] == made.values["near"]


def test_a_change_of_one_detector_changes_no_other(clone_with_recipes: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    digests = partial(content_digests, builder)
    near, oid, reference = digests()
    assert builder.content_digest("detect") == near
    (clone_with_recipes / "recipes" / "oid" / "recipe.py").write_text("'changed'\n")
    assert [a == b for a, b in zip(digests(), (near, oid, reference), strict=True)] == [True, False, True]
    (clone_with_recipes / "build.py").write_text("'changed for all'\n")
    assert not {near, oid, reference} & set(digests())


def content_digests(builder: Builder) -> list[str]:
    return [builder.content_digest("detect", name) for name in ("near", "oid", "reference")]


@pytest.mark.parametrize(
    ("options", "detector", "problem"),
    [
        ({}, "far", "expected a detector, one of near, oid, reference, got 'far'"),
        ({"MODEL_IMAGE": "mine:1"}, "oid", "MODEL_IMAGE=mine:1 brings a detector of its own: leave DETECTOR=oid out"),
        ({"DETECT_REQUIREMENTS": "requirements-gpu.txt"}, None, "near has no model for it: add DETECTOR=reference"),
    ],
)
def test_a_detector_that_does_not_go_with_the_options_is_told_before_anything_is_built(
    options: dict[str, str], detector: str | None, problem: str, said: Path, tmp_path: Path, clone_with_recipes: Path
) -> None:
    builder = Builder("fakebuilder", REGISTRY, "base:1", options=options, records=tmp_path / "r")
    with pytest.raises(LocalError, match=problem):
        offer(Containers(builder), None, None, detectors=[detector] if detector else [])
    assert not said.exists()


@pytest.mark.parametrize("requirements", ["requirements-tensorflow.txt", "requirements-gpu.txt"])
def test_tensorflow_goes_with_the_reference_and_with_a_model_of_one_s_own(
    requirements: str, tmp_path: Path, clone_with_recipes: Path
) -> None:
    options = {"DETECT_REQUIREMENTS": requirements}
    builder = Builder("fakebuilder", REGISTRY, "base:1", options=options, records=tmp_path / "r")
    said = builder.arguments("detect", "reference")
    assert (said["REQUIREMENTS"], said["DETECTOR"]) == (requirements, "reference")
    digests = [each.content_digest("detect", "reference") for each in (builder, replace(builder, options={}))]
    assert digests[0] != digests[1]
    own = replace(builder, options={**options, "MODEL_IMAGE": "mine:1"}).arguments("detect")
    assert (own["REQUIREMENTS"], own["MODEL_IMAGE"], own.get("DETECTOR")) == (requirements, "mine:1", None)


def test_the_builder_keeps_the_layers_that_stages_share(said: Path, tmp_path: Path) -> None:
    Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r").build("notify")
    assert (said.parent / "layers").read_text() == "true\n"


def test_without_a_tag_the_content_gives_it(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    assert builder.build("notify") == f"{REGISTRY}/notify:sha-{builder.content_digest('notify')[:12]}"
    assert "push" not in said.read_text()


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("notify", "images/Dockerfile"),
        ("notify", "images/base/requirements.txt"),
        ("notify", "images/base/nightjar/__init__.py"),
        ("notify", "images/notify/nightjar_notify/__main__.py"),
        ("airflow", "images/airflow/Dockerfile"),
        ("airflow", "dags/watch.py"),
        ("trial", "images/trial/trial"),
    ],
)
def test_the_content_is_the_sources_the_base_image_and_the_index(
    image: str, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    for source in sorted({*SHARED_SOURCES, "images/notify", *AIRFLOW_SOURCES, *TRIAL_SOURCES}):
        copy = partial(shutil.copytree, dirs_exist_ok=True) if (ROOT / source).is_dir() else shutil.copyfile
        (clone / source).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, clone / source)
    for module in (containers, images):
        monkeypatch.setattr(module, "ROOT", clone)
    builder = Builder("fakebuilder", REGISTRY, "base:1")
    digests = [each.content_digest(image) for each in (builder, replace(builder, base_image="base:2"))]
    digests.append(replace(builder, index="http://index").content_digest(image))
    (clone / file).write_text("other content")
    digests.append(builder.content_digest(image))
    assert len(set(digests)) == 4


@pytest.mark.parametrize("image", IMAGES)
def test_everything_that_an_image_copies_is_its_content(image: str) -> None:
    folder = "" if image in STAGE_IMAGES else f"{image}/"
    sources = {"airflow": AIRFLOW_SOURCES, "trial": TRIAL_SOURCES}.get(image, (*SHARED_SOURCES, f"images/{image}"))
    copies = [rest.split()[0] for word, rest in instructions(ROOT / "images" / f"{folder}Dockerfile") if word == "COPY"]
    copied = [path.replace("${STAGE}", image) for path in copies if not path.startswith("--from=")]
    assert copied
    others = "images/detect/model" if image in STAGE_IMAGES else "nothing else"
    assert [path for path in copied if not path.startswith((*sources, others))] == []


def test_what_did_not_change_keeps_its_tag_and_is_pushed_once(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    offer(Containers(builder), "1.0.0", None)
    [notify] = [record for record in builder.records.iterdir() if "notify" in record.name]
    notify.write_text("other sources")
    said.unlink()
    made = offer(Containers(replace(builder, push=True)), "1.1.0", None)
    assert made.built == ("notify",)
    assert made.values[None] == {**dict.fromkeys(STAGE_IMAGES, "1.0.0"), "registry": REGISTRY, "notify": "1.1.0"} | {
        "detect_candidate": None
    }
    lines = said.read_text().splitlines()
    assert [build_arguments(line)["STAGE"] for line in lines if line.startswith("build ")] == ["notify"]
    assert len([line for line in lines if line.startswith("push ")]) == len(IMAGES)
    said.unlink()
    made = offer(Containers(replace(builder, push=True)), "1.2.0", None)
    assert (made.built, said.exists()) == ((), False)


@pytest.mark.parametrize("tag", ["../../cache", "feature/x", "latest", "", "a b"])
def test_a_tag_that_is_none_is_refused_before_anything_is_built(said: Path, tmp_path: Path, tag: str) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    with pytest.raises(LocalError, match="TAG: expected a"):
        offer(Containers(builder), tag, None)
    assert not said.exists()


def test_a_tag_is_never_reused_with_other_content(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    builder.build("notify", "1.0.0")
    builder.build("notify", "1.0.0")
    [record] = builder.records.iterdir()
    record.write_text("another digest")
    with pytest.raises(LocalError, match=r"notify:1\.0\.0 was built with other content; .* choose another TAG"):
        builder.build("notify", "1.0.0")


def test_a_failure_says_what_the_builder_said_and_leaves_no_record(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "refuse", records=tmp_path / "r")
    with pytest.raises(LocalError, match=r"(?s)ended with exit code 7:\nno such base"):
        builder.build("notify")
    assert not builder.records.exists()


def test_a_builder_that_is_not_there_is_named(said: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="expected the container builder nosuchbuilder on the PATH"):
        Builder("nosuchbuilder", REGISTRY, "python:3.11", records=tmp_path).build("notify")


@pytest.mark.parametrize(
    ("environment", "missing"),
    [({}, "REGISTRY and BASE_IMAGE"), ({"REGISTRY": REGISTRY}, "BASE_IMAGE"), ({"BASE_IMAGE": "x"}, "REGISTRY")],
)
def test_what_a_builder_needs_is_named(
    environment: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REGISTRY", "BASE_IMAGE", "PIP_INDEX_URL", "PUSH", *OPTIONS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUILDER", "buildah")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LocalError, match=f"BUILDER=buildah also needs {missing}:"):
        builder_from_environment()


def test_no_builder_is_the_local_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILDER", raising=False)
    assert builder_from_environment() is None
