"""A model of one's own, as docs/detectors.md shows it: the card of that page, and a network of 752 bytes."""

import hashlib
import io
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nightjar.domain.evaluation.looked import read_looked
from nightjar_detect.looking import main
from nightjar_local import detectors
from nightjar_local.layout import ROOT
from tests.images.detect.tiny_model import tiny_model

PAGE = (ROOT / "docs" / "detectors.md").read_text()


def card() -> dict[str, Any]:
    """The card in the docs, with the SHA-256 of the network."""
    shown = re.search(r'^    \{"schema": 2,.*?\}\}$', PAGE, re.M | re.S)
    assert shown, "docs/detectors.md shows a card"
    text = textwrap.dedent(shown[0]).replace("<SHA-256 of the file>", hashlib.sha256(tiny_model()).hexdigest())
    read: dict[str, Any] = json.loads(text)
    return read


def patches() -> bytes:
    """A grey picture whose right upper quarter is red and whose left lower quarter is blue."""
    pixels = np.full((64, 64, 3), 60, np.uint8)
    pixels[:32, 32:], pixels[32:, :32] = (250, 20, 20), (20, 20, 250)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling="4:4:4")
    return file.getvalue()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The model's folder, which is set, and one with a picture."""
    model, pictures = tmp_path / "model", tmp_path / "pictures"
    model.mkdir()
    pictures.mkdir()
    (model / "model.tflite").write_bytes(tiny_model())
    (model / "model_card.json").write_text(json.dumps(card()))
    (pictures / "a.jpg").write_bytes(patches())
    monkeypatch.setenv("NIGHTJAR_MODEL_DIR", str(model))
    return model, pictures


def test_a_card_and_a_file_are_a_detector(folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    _, pictures = folders
    assert main([str(pictures)]) == 0
    looked = read_looked(capfd.readouterr().out.splitlines(), "stdout")
    assert (looked.head.detector, looked.head.labels) == ("patches", ("blue patch", "green patch", "red patch"))
    seen = {each.label: each for each in looked.pictures["a"].objects if each.probability > 0.5}
    assert {label: each.box for label, each in seen.items()} == {
        "red patch": (0.5, 0.0, 1.0, 0.5),
        "blue patch": (0.0, 0.5, 0.5, 1.0),
    }
    assert all(each.probability == pytest.approx(250 / 255, abs=0.03) for each in seen.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": {"height": 32, "width": 16}}, "expected a model with input [1, 32, 16, 3], as its card says, got"),
        ({"decoder": {"kind": "yolo"}}, "decoder: Input tag 'yolo'"),
        ({"decoder": {"kind": "ssd-decoded", "outputs": {"scores": "scores", "boxes": "nowhere"}}}, "nowhere"),
        ({"labels": {}}, "labels: "),
        ({"thresholds": {"cat": 0.5}}, "expected thresholds of labels that the card has, got cat"),
        ({"artefacts": {"litert": {"path": "model.tflite", "sha256": "0" * 64}}}, "with SHA-256 000"),
        ({"artefacts": {"litert": {"path": "gone.tflite", "sha256": "0" * 64}}}, "expected the model at"),
        ({"schema": 3}, "expected schema 1 or 2, got 3"),
    ],
)
def test_a_card_that_does_not_fit_is_told(
    change: dict[str, Any], said: str, folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    model, pictures = folders
    (model / "model_card.json").write_text(json.dumps(card() | change))
    assert main([str(pictures)]) == 64
    assert said in capfd.readouterr().err


def test_the_docs_have_every_detector_that_can_be_built() -> None:
    table = PAGE.split("<!-- detectors")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) >= set(detectors.names())
