"""The command lines of the container builder, seen by a builder that writes them down."""

import shutil
import stat
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local import containers, images
from nightjar_local.containers import AIRFLOW_SOURCES, SHARED_SOURCES, Builder, builder_from_environment
from nightjar_local.layout import ROOT
from nightjar_local.offers import Containers, offer
from nightjar_local.processes import LocalError
from tests.images.test_dockerfiles import instructions, lineage

REGISTRY = "registry.example.com/nightjar"


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


def test_every_stage_and_airflow_are_built_from_their_dockerfiles(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", index="http://index", push=True, records=tmp_path / "r")
    made = offer(Containers(builder), "1.4.0", None)
    assert made.value == {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "1.4.0"), "detect_candidate": None}
    assert made.built == (*STAGE_IMAGES, "airflow")
    lines = said.read_text().splitlines()
    builds = [line for line in lines if line.startswith("build ")]
    pushed = [line.removeprefix(f"push {REGISTRY}/") for line in lines if line.startswith("push ")]
    assert pushed == [f"{image}:1.4.0" for image in (*STAGE_IMAGES, "airflow")]
    common = {"BASE_IMAGE": "python:3.11", "PIP_INDEX_URL": "http://index"}
    assert [build_arguments(line) for line in builds] == [
        *(common | {"STAGE": stage} for stage in STAGE_IMAGES),
        common,
    ]
    assert all(f"-f {ROOT}/images/Dockerfile " in line and line.endswith(f" {ROOT}/images") for line in builds[:-1])
    assert f"-f {ROOT}/images/airflow/Dockerfile " in builds[-1] and builds[-1].endswith(f" {ROOT}")


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
    ],
)
def test_the_content_is_the_sources_the_base_image_and_the_index(
    image: str, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    for source in sorted({*SHARED_SOURCES, "images/notify", *AIRFLOW_SOURCES}):
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


@pytest.mark.parametrize("image", [*STAGE_IMAGES, "airflow"])
def test_everything_that_an_image_copies_is_its_content(image: str) -> None:
    is_stage = image != "airflow"
    folder = "images/" if is_stage else ""
    sources = (*SHARED_SOURCES, f"images/{image}") if is_stage else AIRFLOW_SOURCES
    dockerfile = ROOT / "images" / ("Dockerfile" if is_stage else "airflow/Dockerfile")
    built = lineage(dockerfile, image) if is_stage else instructions(dockerfile)
    copied = [rest.split()[0].replace("${STAGE}", image) for word, rest in built if word == "COPY"]
    copied = [
        *(path for path in copied if not path.startswith("--from=")),
        *(["detect/model"] if image == "detect" else []),
    ]
    assert copied
    assert [path for path in copied if not f"{folder}{path}".startswith(sources)] == []


def test_what_did_not_change_keeps_its_tag_and_is_pushed_once(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    offer(Containers(builder), "1.0.0", None)
    [notify] = [record for record in builder.records.iterdir() if "notify" in record.name]
    notify.write_text("other sources")
    said.unlink()
    made = offer(Containers(replace(builder, push=True)), "1.1.0", None)
    assert made.built == ("notify",)
    assert made.value == {**dict.fromkeys(STAGE_IMAGES, "1.0.0"), "registry": REGISTRY, "notify": "1.1.0"} | {
        "detect_candidate": None
    }
    lines = said.read_text().splitlines()
    assert [build_arguments(line)["STAGE"] for line in lines if line.startswith("build ")] == ["notify"]
    assert len([line for line in lines if line.startswith("push ")]) == len(STAGE_IMAGES) + 1
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
    for name in ("REGISTRY", "BASE_IMAGE", "PIP_INDEX_URL", "PUSH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUILDER", "buildah")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LocalError, match=f"BUILDER=buildah also needs {missing}:"):
        builder_from_environment()


def test_no_builder_is_the_local_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILDER", raising=False)
    assert builder_from_environment() is None
