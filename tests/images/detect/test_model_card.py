"""Reading the model card: both schemas, and what is wrong with a card, in words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightjar.errors import UsageError
from nightjar.settings.detect import DetectSettings
from nightjar_detect.deciding import finder, settings_fingerprint
from nightjar_detect.model import ModelCard, parse_card, read_card

FIRST: dict[str, Any] = {
    "name": "one of ours",
    "artefacts": {"litert": {"path": "model.tflite", "sha256": "0" * 64}},
    "labels": {"1": "person", "3": "car"},
    "input": "RGB, for people",
    "trained_on": "yards",
}
SECOND: dict[str, Any] = {
    "schema": 2,
    "name": "another",
    "artefacts": FIRST["artefacts"],
    "input": {"height": 300, "width": 400, "mean": [1, 2, 3], "scale": 58.5, "colour": "BGR"},
    "decoder": {
        "kind": "ssd-anchors",
        "outputs": {"scores": "Scores", "encodings": 1},
        "variances": [10, 10, 5, 5],
        "layers": [{"grid_hw": [2, 3], "stride_yx": [16, 16], "first_yx": [6, 8], "sizes_hw": [[30, 30], [60, 42]]}],
    },
    "suppression": {"iou": 0.6, "most_candidates": 300, "per_class": False},
    "labels": {"1": "person", "3": "car"},
    "score_calibration": {"*": [[0, 0], [0.5, 0.6], [1, 1]], "car": [[0, 0], [1, 1]]},
    "thresholds": {"*": 0.4},
    "licence": "for people",
}


def changed(value: Any, path: str, new: Any) -> Any:
    """A card with another value at `path`, whose parts are separated by dots."""
    key, _, rest = path.partition(".")
    return value | {key: changed(value[key], rest, new) if rest else new}


def card(value: Any) -> ModelCard:
    return parse_card(json.dumps(value).encode())


def test_a_card_of_schema_1_is_the_detector_that_shipped() -> None:
    first = card(FIRST)
    assert (first.input.height, first.input.width, first.input.mean, first.input.scale) == (300, 300, 127.5, 127.5)
    assert (first.decoder.kind, first.suppression.iou, first.suppression.most_candidates) == ("ssd-decoded", 0.5, 400)
    assert first.class_labels == ["person", None, "car"]
    assert first.curve("person") is None


def test_a_card_of_schema_2_says_all() -> None:
    second = card(SECOND)
    assert (second.input.height, second.input.width, second.input.mean, second.input.scale) == (
        300,
        400,
        (1, 2, 3),
        58.5,
    )
    assert second.decoder.outputs == {"scores": "Scores", "encodings": 1}
    assert not second.suppression.per_class
    assert second.class_labels == [None, "person", None, "car"]
    assert (second.curve("person"), second.curve("car")) == (((0, 0), (0.5, 0.6), (1, 1)), ((0, 0), (1, 1)))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("schema", 3, "expected schema 1 or 2, got 3"),
        ("schema", "two", "expected schema 1 or 2, got 'two'"),
        ("name", "", "name: "),
        ("artefacts", [], "artefacts: "),
        ("artefacts.litert.path", "../../etc/passwd", "expected a path below the folder of the card"),
        ("artefacts.litert.path", "/etc/passwd", "expected a path below the folder of the card"),
        ("input", {}, "input.height: Field required"),
        ("input.height", 0, "input.height: "),
        ("input.width", 1e9, "input.width: "),
        ("input.colour", "YUV", "input.colour: "),
        ("input.layout", "NCHW", "input.layout: "),
        ("input.dtype", "uint8", "expected no mean and no scale beside dtype uint8"),
        ("input.scale", 0, "expected a scale above 0, got 0"),
        ("input.scale", [1, 1, -1], "expected a scale above 0"),
        ("input.mean", [1, 2], "input.mean"),
        ("input.mean", float("nan"), "input.mean"),
        ("input.scale", float("inf"), "input.scale"),
        ("input.letterbox", True, "input.letterbox: "),
        ("decoder.kind", "yolo", "decoder: "),
        ("decoder.layers", [], "decoder.ssd-anchors.layers: "),
        ("decoder.variances", [10, 10, 5, 0], "decoder.ssd-anchors.variances.3: "),
        ("decoder.anchors", "standard", "decoder.ssd-anchors.anchors: "),
        ("suppression.iou", 0, "suppression.iou: "),
        ("suppression.most_candidates", 0, "suppression.most_candidates: "),
        ("suppression.soft", True, "suppression.soft: "),
        ("suppression.large", {"side": 0.5}, "suppression.large.iou: "),
        ("suppression.large", {"side": 50, "iou": 0.3}, "suppression.large.side: "),
        ("suppression.large", {"side": 0.5, "iou": 0}, "suppression.large.iou: "),
        ("labels", {}, "labels: "),
        ("labels", {"one": "person"}, "labels.one"),
        ("labels", {"-1": "person"}, "labels.-1"),
        ("labels", {"1": ""}, "labels.1: "),
        ("thresholds.cat", 0.5, "expected thresholds of labels that the card has, got cat"),
        ("thresholds.car", 50, "thresholds.car: "),
        ("score_calibration.cat", [[0, 0], [1, 1]], "expected score_calibration of labels that the card has, got cat"),
        ("score_calibration.car", [[0, 0]], "score_calibration.car: "),
        ("score_calibration.car", [[0, 0.1], [1, 1]], "expected a curve from [0, 0] to [1, 1], got [0.0, 0.1] to"),
        ("score_calibration.car", [[0, 0], [0.5, 0.5], [0.5, 0.6], [1, 1]], "expected a curve that rises, got [0.5,"),
        ("score_calibration.car", [[0, 0], [0.5, 0.7], [0.6, 0.6], [1, 1]], "expected a curve that rises, got [0.5,"),
        ("score_calibration.car", [[0, 0], [0.5, 1.2], [1, 1]], "score_calibration.car.1.1: "),
    ],
)
def test_a_card_that_is_wrong(tmp_path: Path, path: str, value: Any, says: str) -> None:
    (tmp_path / "model_card.json").write_text(json.dumps(changed(SECOND, path, value)))
    with pytest.raises(UsageError) as refused:
        read_card(tmp_path)
    assert str(refused.value).startswith(f"expected a model card at {tmp_path / 'model_card.json'}: ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{}",
        "[]",
        "2",
        '{"name": "x", "artefacts": {}, "labels": {"one": "person"}}',
        '{"schema": 2}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_a_folder_without_a_card_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "model_card.json").write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match="expected a model card at"):
        read_card(tmp_path)


DECIDING = [
    ("input.height", 301),
    ("input.mean", 127.5),
    ("input.colour", "RGB"),
    ("decoder.variances", [10, 10, 5, 6]),
    ("decoder.layers", [{"grid_hw": [3, 2], "stride_yx": [16, 16], "first_yx": [6, 8], "sizes_hw": [[30, 30]]}]),
    ("suppression.iou", 0.5),
    ("suppression.per_class", True),
    ("suppression.large", {"side": 0.5, "iou": 0.3}),
    ("labels", {"1": "person", "2": "car"}),
    ("score_calibration.car", [[0, 0], [0.5, 0.6], [1, 1]]),
]


def test_labels_of_channels_that_the_network_does_not_have_are_refused() -> None:
    own = card(changed(SECOND, "decoder", {"kind": "ssd-decoded"}))  # labels up to channel 3
    boxes = np.zeros((2, 4), np.float32)
    assert finder(own, 0.1)({"scores": np.zeros((2, 4), np.float32), "boxes": boxes}) == []
    with pytest.raises(UsageError, match=r"does not fit the model another: expected 4 channels of scores .*, got 3"):
        finder(own, 0.1)({"scores": np.zeros((2, 3), np.float32), "boxes": boxes})


def test_the_detector_s_text_changes_with_all_that_decides_results_and_with_nothing_else() -> None:
    def text(value: Any, **settings: Any) -> str:
        return settings_fingerprint(DetectSettings(**settings), card(value))

    without = changed(SECOND, "suppression.large", None)  # as a card of before, which does not know the key
    same = [text(SECOND), text(without), text(SECOND | {"licence": "other", "name": "renamed", "thresholds": {}})]
    others = [text(changed(SECOND, path, value)) for path, value in DECIDING]
    assert len(set(same)) == 1
    assert len({same[0], *others, text(SECOND, min_probability=0.2)}) == len(DECIDING) + 2


def test_the_text_of_a_card_that_lacks_a_newer_key_stays_as_it_was() -> None:
    """Otherwise each release that adds a key would look at every picture anew."""
    assert settings_fingerprint(DetectSettings(), card(SECOND)).endswith("card=9d31d277de858c4c")
