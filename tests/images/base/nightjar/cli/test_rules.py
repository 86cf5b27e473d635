"""`nightjar rules check`, as a program would be called."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightjar.cli.main import main
from nightjar.domain.layout import RULES_KEY, model_card_key
from nightjar.runtime.s3 import S3Store
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
        (["good.yaml", "--model-card", "list.json"], 0, ["rule 100", "cannot see bird; it sees cat, dog, person"]),
        (["raccoon.yaml", "--model-card", "card.json"], 0, ["rule 100", "cannot see raccoon"]),
        (["bad.yaml"], 64, ["bad.yaml: line 4: rules.100.min_probability", "bad.yaml: line 10:", "2 problems"]),
        (["missing.yaml"], 64, ["expected a file at", "No such file"]),
        (["good.yaml", "--model-card", "missing.json"], 64, ["expected a file at"]),
        (["good.yaml", "--model-card", "no-card.json"], 65, ["expected a model card"]),
        (["good.yaml", "--model-card", "good.yaml"], 65, ["expected a model card"]),
        ([], 64, ["NIGHTJAR_BUCKET"]),
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


def test_the_rules_in_the_bucket(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check"]) == 64
    assert "found none" in capsys.readouterr().err
    s3_store.put(RULES_KEY, RULES.encode())
    assert main(["rules", "check"]) == 0
    assert "no detector has published one" in capsys.readouterr().out
    s3_store.put(model_card_key("old"), b'{"labels": ["raccoon"]}')
    s3_store.put(model_card_key("older"), b'{"labels": ["raccoon"]}')
    time.sleep(1.1)  # the server's times have seconds
    s3_store.put(model_card_key("new"), COCO.replace("dog", "fox").encode())
    assert main(["rules", "check"]) == 0
    assert "rule 100: the detector of detections/new/model_card.json cannot see dog;" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["rules"], ["rules", "check", "a", "b"], ["nothing"]])
def test_wrong_arguments_show_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert "usage: nightjar" in capsys.readouterr().err


def test_as_a_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "nightjar.cli", "rules", "check", "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert "config/rules.yaml" in result.stdout
