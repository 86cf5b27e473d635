"""The two backends see the same, the variants nearly so; the model is what its card says."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.errors import UsageError
from nightjar.settings.detect import Backend
from nightjar_detect.deciding import finder
from nightjar_detect.detectors import Detector, open_detector
from nightjar_detect.model import ModelCard, read_card
from nightjar_detect.preprocess import model_pixels
from nightjar_local.detectors import REFERENCE
from nightjar_local.images import detection_model
from tests.images.detect.boxes import iou


@pytest.fixture(scope="module")
def reference_dir() -> Path:
    return detection_model(REFERENCE)


@pytest.fixture(scope="module")
def reference(reference_dir: Path) -> ModelCard:
    return read_card(reference_dir)[0]


@pytest.fixture(scope="module")
def by_tensorflow(
    pictures: dict[str, bytes], reference_dir: Path, reference: ModelCard
) -> dict[str, list[DetectedObject]]:
    """Objects that the reference sees in each picture, by TensorFlow."""
    tensorflow = open_detector(Backend.TENSORFLOW, reference_dir, reference, threads=1)
    return {name: look(tensorflow, reference, data) for name, data in pictures.items()}


def look(detector: Detector, card: ModelCard, data: bytes) -> list[DetectedObject]:
    return finder(card, 0.1)(detector.infer(model_pixels(data, card.input)))


def twins(one: DetectedObject, others: Sequence[DetectedObject]) -> list[tuple[float, float]]:
    """IoU and probability of the objects of the same label, from the most to the least overlapping."""
    rivals = [other for other in others if other.label == one.label]
    overlaps = iou(np.array([one.box, *(other.box for other in rivals)], np.float32))[0, 1:]
    return sorted(zip(overlaps.tolist(), (other.probability for other in rivals), strict=True), reverse=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # TensorFlow's own imports warn
def test_the_backends_agree(
    pictures: dict[str, bytes],
    reference_dir: Path,
    reference: ModelCard,
    by_tensorflow: dict[str, list[DetectedObject]],
) -> None:
    litert = open_detector(Backend.LITERT, reference_dir, reference, threads=1)
    seen = 0
    for name, data in pictures.items():
        found = [look(litert, reference, data), by_tensorflow[name]]
        for ones, others in (found, found[::-1]):
            for one in (o for o in ones if o.probability > 0.3):
                [(overlap, probability), *_] = twins(one, others)
                assert overlap >= 0.95, name
                assert probability == pytest.approx(one.probability, abs=0.02), name
                seen += 1
    assert seen >= 50


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("detector", "least_iou", "most_lost", "most_lost_in_the_mean"),
    # The sample pictures are full of what fills the frame, where larger pictures have no gain, and far loses.
    [("near", 0.5, 0.2, 0.05), ("far", 0.45, 0.35, 0.2)],
)
def test_the_variants_see_what_the_reference_sees(
    pictures: dict[str, bytes],
    by_tensorflow: dict[str, list[DetectedObject]],
    detector: str,
    least_iou: float,
    most_lost: float,
    most_lost_in_the_mean: float,
) -> None:
    folder = detection_model(detector)
    card = read_card(folder)[0]
    litert = open_detector(Backend.LITERT, folder, card, threads=1)
    lost = []
    for name, data in pictures.items():
        found = look(litert, card, data)
        for one in (o for o in by_tensorflow[name] if o.probability > 0.6):
            there = [probability for overlap, probability in twins(one, found) if overlap >= least_iou]
            assert there, f"{name}: {detector} does not see {one}"
            lost.append(one.probability - max(there))
    assert len(lost) >= 12
    assert max(lost) <= most_lost
    assert np.mean(lost) <= most_lost_in_the_mean


@pytest.mark.parametrize(
    ("name", "label", "least"),
    [
        ("astronaut.png", "person", 0.5),
        ("chelsea.png", "cat", 0.9),
        ("coffee.png", "cup", 0.9),
        ("motorcycle_left.png", "motorcycle", 0.85),
        ("bikes.mp4 125", "person", 0.7),
        ("carphone_pristine.mp4 96", "person", 0.6),
    ],
)
def test_what_is_in_the_samples(
    pictures: dict[str, bytes], card: ModelCard, litert: Detector, name: str, label: str, least: float
) -> None:
    first = look(litert, card, pictures[name])[0]
    assert (first.label, first.probability >= least) == (label, True)


@pytest.mark.parametrize("detector", [None, pytest.param("reference", marks=pytest.mark.slow)])
def test_the_card_is_complete(detector: str | None) -> None:
    folder = detection_model(detector)
    card = json.loads((folder / "model_card.json").read_text())
    assert card["name"].startswith("ssdlite_mobilenet_v2_coco")
    assert card["licence"] == "Apache-2.0"
    assert len(card["labels"]) == 80
    assert (card["labels"]["0"], card["labels"]["89"]) == ("person", "toothbrush")
    assert {"source", "quantisation", "trained_on", "scores", "limits"} < card.keys()
    assert all(each["sha256"] in (folder / "MODEL_CARD.md").read_text() for each in card["artefacts"].values())


def test_another_model_than_the_card_s_is_refused(model_dir: Path, card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / card.artefact("litert").path).write_bytes(b"another model")
    with pytest.raises(UsageError, match=card.artefact("litert").sha256):
        open_detector(Backend.LITERT, tmp_path, card, threads=1)


def test_a_backend_that_the_image_does_not_have_is_refused(card: ModelCard) -> None:
    with pytest.raises(UsageError, match="expected a model for backend onnx"):
        card.artefact("onnx")
