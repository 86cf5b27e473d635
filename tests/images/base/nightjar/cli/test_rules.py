"""`nightjar rules check` and `nightjar rules put`, as a program would be called."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightjar.cli.main import main
from nightjar.cli.rules import channel_names
from nightjar.domain.detections import DetectorRef
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.release import Release, StageRelease
from nightjar.runtime.s3 import S3Store
from nightjar.stores.detectors import Detectors
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Runs
from tests.scenes import RULES

COCO = json.dumps({"labels": {"1": "person", "16": "bird", "17": "cat", "18": "dog"}})


@pytest.fixture
def no_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NIGHTJAR_BUCKET", "NIGHTJAR_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(RULES)
    (tmp_path / "bad.yaml").write_text(RULES.replace("0.8", "8").replace("Europe/Berlin", "Berlin"))
    (tmp_path / "raccoon.yaml").write_text(RULES.replace("bird]", "raccoon]"))
    (tmp_path / "persn.yaml").write_text(RULES.replace("unsafe: [person]", "unsafe: [persn]"))
    (tmp_path / "card.json").write_text(COCO)
    (tmp_path / "list.json").write_text('{"labels": ["person", "cat", "dog"]}')
    (tmp_path / "no-card.json").write_text('{"labels": []}')
    return tmp_path


@pytest.mark.usefixtures("no_bucket")
@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["good.yaml"], 0, ["good.yaml: 3 rules, 2 users, 4 cameras: fine", "labels not checked"]),
        (["good.yaml", "--model-card", "card.json"], 0, ["fine"]),
        (
            ["good.yaml", "--model-card", "list.json"],
            0,
            [
                "warning: line 4: rules.100.unsafe.2: no label that the detector can see: 'bird'",
                "sees cat, dog, person",
            ],
        ),
        (
            ["raccoon.yaml", "--model-card", "card.json"],
            0,
            ["unsafe.2", "'raccoon'", "3 rules, 2 users, 4 cameras: fine"],
        ),
        (
            ["raccoon.yaml", "--model-card", "card.json", "--strict"],
            64,
            ["raccoon.yaml: line 4: rules.100", "1 problem"],
        ),
        (["persn.yaml", "--model-card", "card.json", "--strict"], 64, ["'persn': did you mean person?"]),
        (["good.yaml", "--model-card", "card.json", "--strict"], 0, ["fine"]),
        (["good.yaml", "--strict"], 64, ["expected a detector to check the labels against"]),
        (
            ["bad.yaml", "--model-card", "list.json"],
            64,
            ["line 4: rules.100.min_prob", "'bird'", "line 10:", "2 problems"],
        ),
        (["bad.yaml", "--model-card", "list.json", "--strict"], 64, ["'bird'", "line 10:", "3 problems"]),
        (["bad.yaml"], 64, ["bad.yaml: line 4: rules.100.min_probability", "bad.yaml: line 10:", "2 problems"]),
        (["missing.yaml"], 64, ["expected a file at", "No such file"]),
        (["good.yaml", "--model-card", "missing.json"], 64, ["expected a file at"]),
        (["good.yaml", "--model-card", "no-card.json"], 65, ["expected a model card"]),
        (["good.yaml", "--model-card", "good.yaml"], 65, ["expected a model card"]),
        ([], 64, ["NIGHTJAR_BUCKET: not set; on a laptop: source .nightjar/env"]),
    ],
)
def test_a_file(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    expected: list[str],
) -> None:
    monkeypatch.chdir(files)
    assert main(["rules", "check", *arguments]) == code
    said = "".join(capsys.readouterr())
    for part in expected:
        assert part in said


@pytest.mark.parametrize(
    ("addresses", "names"),
    [
        ({}, None),
        ({"CHANNELS_URLS": ""}, None),
        ({"CHANNELS_URLS": "["}, None),
        ({"CHANNELS_URLS": "[1]"}, None),
        ({"CHANNELS_URLS": '{"oncall": "pagerduty://KEY"}'}, {"oncall"}),
    ],
)
def test_names_of_channels_are_known_where_their_secret_is(addresses: dict[str, str], names: set[str] | None) -> None:
    assert channel_names(addresses) == names


@pytest.mark.usefixtures("no_bucket")
def test_a_channel_without_an_address_is_a_warning(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RULES.replace("rules: [300]", "channels: {critical: [oncal]}\n    rules: [300]", 1)
    (files / "channels.yaml").write_text(text)
    monkeypatch.chdir(files)
    monkeypatch.setenv("CHANNELS_URLS", '{"oncall": "pagerduty://KEY"}')
    assert main(["rules", "check", "channels.yaml", "--model-card", "card.json", "--strict"]) == 0
    said = "".join(capsys.readouterr())
    assert "channels.yaml: warning: line 11: users.alice.channels.critical.0: no channel that this deployment" in said
    assert "did you mean oncall?" in said
    assert "KEY" not in said


@pytest.mark.usefixtures("no_bucket")
@pytest.mark.parametrize(
    ("language", "warning"),
    [
        ("de", ""),
        ("pt-BR", ""),
        ("zh-CN", ""),
        ("de-DF", "users.alice.language: no language whose numbers and dates are known: 'de-DF'"),
    ],
)
def test_a_language_that_is_not_known_is_a_warning(
    language: str, warning: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RULES.replace("rules: [300]", f"language: {language}\n    rules: [300]", 1)
    (files / "language.yaml").write_text(text)
    assert main(["rules", "check", str(files / "language.yaml"), "--model-card", str(files / "card.json")]) == 0
    said = "".join(capsys.readouterr())
    assert (warning in said) and ("warning: " in said) is bool(warning)


def test_the_rules_in_the_bucket(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check"]) == 64
    assert "found none" in capsys.readouterr().err
    RulesStore(s3_store).put(RULES.encode())
    assert main(["rules", "check"]) == 0
    assert "no detector is deployed" in capsys.readouterr().out
    deployed, other = (StageRelease(image=f"example.com/nightjar/detect:{tag}") for tag in ("d1", "d2"))
    for release, labels in ((deployed, ["person", "bird", "cat"]), (other, ["raccoon"])):
        ref = DetectorRef(tag=release.image[-2:], model="m", sha256="0" * 64, settings=" ".join(labels))
        Detectors(s3_store).publish(release.identity, PublishedDetector.of(ref, labels), b"{}")
    frozen = Release(run="r", stages={"detect": deployed}, rules=RulesStore(s3_store).freeze())
    Runs(s3_store).deploy("runs/r/", frozen, datetime(2026, 11, 20, tzinfo=UTC))
    assert main(["rules", "check"]) == 0
    said = capsys.readouterr().out
    assert "config/rules.yaml: warning: line 4: rules.100.unsafe.0: no label that the detector can see: 'dog'" in said
    assert "the detector with tag d1 sees bird, cat, person" in said
    assert main(["rules", "check", "--strict"]) == 64


def test_rules_are_put_with_what_changed_and_how_to_undo_it(
    s3_store: S3Store, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)

    def put(file: str, *flags: str) -> tuple[int, str]:
        code = main(["rules", "put", file, *flags])
        return code, "".join(capsys.readouterr())

    def versions() -> list[str]:
        return [v.version_id for v in s3_store.list_versions("config/rules.yaml")]

    code, said = put("bad.yaml")
    assert (code, versions()) == (64, [])
    assert "bad.yaml: line 10: users.alice.timezone" in said
    assert "not put" in said

    code, said = put("good.yaml")
    [first] = versions()
    assert code == 0
    assert "there were no rules before" in said
    assert f"config/rules.yaml is version {first} now" in said
    assert RulesStore(s3_store).current() == RULES.encode()

    code, said = put("good.yaml")
    assert (code, versions()) == (0, [first])
    assert f"has this text already, as version {first}" in said

    changed = RULES.replace("      night: {rules: [200]}\n", "").replace("0.8", "70%")
    Path("changed.yaml").write_text(
        f"{changed}  carol: {{email: c@example.com, timezone: UTC, devices: {{garden: }}}}\n"
    )
    code, said = put("changed.yaml")
    assert code == 0
    assert (
        "rules changed: 100 (min_probability 0.8 -> 0.7); users added: carol; cameras added: carol-garden; "
        "cameras removed: alice-night"
    ) in said
    assert f"--version-id {first}" in said
    assert set(versions()) > {first}

    assert put("persn.yaml", "--model-card", "card.json", "--strict")[0] == 64
    assert put("persn.yaml", "--model-card", "card.json")[0] == 0
    assert put("missing.yaml")[0] == 64


@pytest.mark.parametrize("arguments", [[], ["rules"], ["rules", "check", "a", "b"], ["rules", "put"], ["nothing"]])
def test_wrong_arguments_show_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert "usage: nightjar" in capsys.readouterr().err


def test_as_a_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "nightjar.cli", "rules", "check", "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert "config/rules.yaml" in result.stdout
