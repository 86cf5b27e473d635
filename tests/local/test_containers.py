"""What the container builder is told, seen by a builder that writes down its command line."""

import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local import containers, images
from nightjar_local.containers import AIRFLOW_SOURCES, Builder, builder_from_environment
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError

REGISTRY = "registry.example.com/nightjar"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `fakebuilder`, which is on the PATH, writes its command lines."""
    log = tmp_path / "said"
    program = tmp_path / "bin" / "fakebuilder"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\ncase "$*" in *refuse*) echo no such base >&2; exit 7;; esac\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return log


def test_stages_are_built_on_the_base_that_was_built_first(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", index="http://index", push=True, records=tmp_path / "r")
    value = builder.build_all(tag="1.4.0")
    assert value == {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "1.4.0"), "detect_candidate": None}
    lines = said.read_text().splitlines()
    builds = [line for line in lines if line.startswith("build ")]
    pushed = [line.removeprefix(f"push {REGISTRY}/") for line in lines if line.startswith("push ")]
    assert pushed == [f"{image}:1.4.0" for image in ("base", *STAGE_IMAGES, "airflow")]
    assert "--build-arg BASE_IMAGE=python:3.11 --build-arg PIP_INDEX_URL=http://index" in builds[0]
    assert all(f"--build-arg BASE_IMAGE={REGISTRY}/base:1.4.0" in line for line in builds[1:-1])
    assert "--build-arg BASE_IMAGE=python:3.11" in builds[-1]


def test_without_a_tag_the_content_gives_it(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    assert builder.build("notify", "base") == f"{REGISTRY}/notify:sha-{builder.content_digest('notify', 'base')[:12]}"
    assert "push" not in said.read_text()


@pytest.mark.parametrize(
    ("image", "file"),
    [("notify", "images/notify/Dockerfile"), ("airflow", "images/airflow/Dockerfile"), ("airflow", "dags/watch.py")],
)
def test_the_content_is_the_dockerfile_and_what_it_stands_on_too(
    image: str, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    for folder in ("images/notify", *AIRFLOW_SOURCES):
        copy = shutil.copytree if (ROOT / folder).is_dir() else shutil.copyfile
        (clone / folder).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / folder, clone / folder)
    for module in (containers, images):
        monkeypatch.setattr(module, "ROOT", clone)
    builder = Builder("fakebuilder", REGISTRY, "python:3.11")
    found = [builder.content_digest(image, "base:1"), builder.content_digest(image, "base:2")]
    found.append(replace(builder, index="http://index").content_digest(image, "base:1"))
    (clone / file).write_text("FROM scratch")
    found.append(builder.content_digest(image, "base:1"))
    assert len(set(found)) == 4


def test_all_that_the_airflow_image_copies_is_its_content() -> None:
    lines = (ROOT / "images" / "airflow" / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert copied
    assert [one for one in copied if not one.startswith(AIRFLOW_SOURCES)] == []


@pytest.mark.parametrize("tag", ["../../cache", "feature/x", "latest", "", "a b"])
def test_a_tag_that_is_none_is_refused_before_anything_is_built(said: Path, tmp_path: Path, tag: str) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    with pytest.raises(LocalError, match="TAG: expected a"):
        builder.build_all(tag=tag)
    assert not said.exists()


def test_a_tag_is_never_reused_with_other_content(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "python:3.11", records=tmp_path / "r")
    builder.build("notify", "base", "1.0.0")
    builder.build("notify", "base", "1.0.0")
    [record] = builder.records.iterdir()
    record.write_text("another digest")
    with pytest.raises(LocalError, match=r"notify:1\.0\.0 was built with other content; .* choose another TAG"):
        builder.build("notify", "base", "1.0.0")


def test_a_failure_says_what_the_builder_said_and_leaves_no_record(said: Path, tmp_path: Path) -> None:
    builder = Builder("fakebuilder", REGISTRY, "refuse", records=tmp_path / "r")
    with pytest.raises(LocalError, match=r"(?s)ended with exit code 7:\nno such base"):
        builder.build("base", "refuse")
    assert not builder.records.exists()


def test_a_builder_that_is_not_there_is_named(said: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="expected the container builder nosuchbuilder on the PATH"):
        Builder("nosuchbuilder", REGISTRY, "python:3.11", records=tmp_path).build("base", "python:3.11")


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
