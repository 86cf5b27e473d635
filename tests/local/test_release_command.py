"""`make release`: what was asked for, and that an image starts before it is deployed."""

import json
import stat
import sys
from pathlib import Path

import pytest

from nightjar.errors import UsageError
from nightjar_local.containers import Builder
from nightjar_local.processes import LocalError
from nightjar_local.release_command import asked_for, build_and_try
from nightjar_local.release_source import StoreSource, source_for


@pytest.mark.parametrize(
    ("environment", "word", "detector"),
    [
        ({"STAGE": "detect", "TAG": "1.4.0", "WHY": "x"}, "detect=1.4.0", None),
        ({"STAGE": "detect", "TAG": "1.4.0", "WHY": "x", "DETECTOR": "oid"}, "detect=1.4.0-oid", "oid"),
        ({"STAGE": "detect", "TAG": "1.4.0-oid", "WHY": "x", "DETECTOR": "oid"}, "detect=1.4.0-oid", "oid"),
        ({"STAGE": "detect", "TAG": "2", "WHY": "x", "CANDIDATE": "yes"}, "detect_candidate=2", None),
        ({"STAGE": "record", "WHY": "x"}, "report=0123456789ab", None),
    ],
)
def test_what_is_asked_for(environment: dict[str, str], word: str, detector: str | None) -> None:
    asked = asked_for(environment, "0123456789ab")
    assert (asked.word, asked.detector, asked.why) == (word, detector, "x")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WHY": "x"}, "expected STAGE=, one of collect, validate, .* got ''"),
        ({"STAGE": "transcode", "WHY": "x"}, "got 'transcode'"),
        ({"STAGE": "detect", "TAG": "1"}, 'expected WHY="…"'),
        ({"STAGE": "detect", "TAG": "latest", "WHY": "x"}, "never reused"),
        ({"STAGE": "detect", "TAG": "a b", "WHY": "x"}, "TAG: expected an image tag"),
        ({"STAGE": "detect", "WHY": "x"}, "the sources differ from their commit"),
        ({"STAGE": "assess", "TAG": "1", "WHY": "x", "CANDIDATE": "yes"}, "are for STAGE=detect"),
        (
            {"STAGE": "detect", "TAG": "1", "WHY": "x", "DETECTOR": "near oid"},
            "one DETECTOR, got near and oid",
        ),
        ({"STAGE": "detect", "TAG": "1", "WHY": "x", "DETECTOR": "fare"}, "expected a detector"),
    ],
)
def test_what_is_missing_or_wrong(environment: dict[str, str], message: str) -> None:
    with pytest.raises(LocalError, match=message):
        asked_for(environment, "")


def built(store: Path, image: str, tag: str, program: str) -> None:
    """An image in a local store whose Python is this program."""
    python = store / image / tag / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\n{program}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    (store / image / tag / "image.json").write_text(json.dumps({"digest": "ab"}))


def test_an_image_of_the_store_is_there_and_starts(tmp_path: Path) -> None:
    source = StoreSource(tmp_path)
    built(tmp_path, "report", "1", "import sys; assert sys.argv[1] == '-m' and sys.argv[3] == '--help'")
    built(tmp_path, "report", "2", "raise SystemExit('no module named nightjar_report')")
    assert source.digest("report", "localhost/nightjar/report:1") == "sha256:ab"
    with pytest.raises(UsageError, match=r"nightjar_record of the image report:2 to start.*\n.*no module named"):
        source.digest("report", "localhost/nightjar/report:2")
    with pytest.raises(UsageError, match=r"the image report:3 in the local image store, which has 1, 2; make rel"):
        source.digest("report", "localhost/nightjar/report:3")


def test_where_stages_are_pods_images_come_from_a_registry() -> None:
    assert source_for({"NIGHTJAR_RUNTIME": "kubernetes"}) is None and source_for({}) is None
    assert isinstance(source_for({"NIGHTJAR_RUNTIME": "local"}), StoreSource)


@pytest.mark.parametrize("command", ["docker", "buildah"])
def test_a_pushed_image_is_pulled_and_started(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    program = tmp_path / "bin" / command
    program.parent.mkdir()
    fails = f'case "$*" in *nightjar_survey*) [ -e {tmp_path}/bad ] && exit 3;; esac'
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{fails}\necho container-1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    builder = Builder(command, "r.example/nightjar", "python:3.11", push=True, records=tmp_path / "records")
    asked = asked_for({"STAGE": "report", "TAG": "7", "WHY": "x"}, "")
    build_and_try(builder, asked)
    steps = [line.split()[0] for line in log.read_text().splitlines()]
    assert steps[:3] == ["build", "push", "pull"]
    assert [line for line in log.read_text().splitlines() if "nightjar_record --help" in line]
    (tmp_path / "bad").touch()
    with pytest.raises(UsageError, match=r"expected nightjar_survey of the image r.example/nightjar/report:7 to start"):
        build_and_try(builder, asked)
    if command == "buildah":
        assert log.read_text().splitlines()[-1] == "rm container-1", "nothing is left behind"
