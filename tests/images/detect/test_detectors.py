"""The two backends see the same; the model is what its card says."""

import json
from pathlib import Path

import numpy as np
import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.errors import UsageError
from nightjar.settings.detect import Backend
from nightjar_detect.deciding import finder
from nightjar_detect.detectors import Detector, open_detector
from nightjar_detect.model import ModelCard
from nightjar_detect.preprocess import model_pixels
from tests.images.detect.boxes import iou


@pytest.fixture(scope="module")
def tensorflow(model_dir: Path, card: ModelCard) -> Detector:
    return open_detector(Backend.TENSORFLOW, model_dir, card, threads=1)


def look(detector: Detector, card: ModelCard, data: bytes) -> list[DetectedObject]:
    return finder(card, 0.1)(detector.infer(model_pixels(data, card.input)))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # TensorFlow's own imports warn
def test_the_backends_agree(
    pictures: dict[str, bytes], card: ModelCard, litert: Detector, tensorflow: Detector
) -> None:
    seen = 0
    for name, data in pictures.items():
        found = [look(litert, card, data), look(tensorflow, card, data)]
        for ones, others in (found, found[::-1]):
            for one in (o for o in ones if o.probability > 0.3):
                rivals = [o for o in others if o.label == one.label]
                assert rivals, f"{name}: only one of them sees {one}"
                overlaps = iou(np.array([one.box, *(o.box for o in rivals)], np.float32))[0, 1:]
                twin = rivals[int(overlaps.argmax())]
                assert overlaps.max() >= 0.95, name
                assert twin.probability == pytest.approx(one.probability, abs=0.02), name
                seen += 1
    assert seen >= 50


@pytest.mark.parametrize(
    ("name", "label", "least"),
    [
        ("astronaut.png", "person", 0.5),
        ("chelsea.png", "cat", 0.9),
        ("coffee.png", "cup", 0.9),
        ("motorcycle_left.png", "motorcycle", 0.95),
        ("bikes.mp4 125", "person", 0.8),
        ("carphone_pristine.mp4 96", "person", 0.7),
    ],
)
def test_what_is_in_the_samples(
    pictures: dict[str, bytes], card: ModelCard, litert: Detector, name: str, label: str, least: float
) -> None:
    first = look(litert, card, pictures[name])[0]
    assert (first.label, first.probability >= least) == (label, True)


def test_the_card_is_complete(model_dir: Path) -> None:
    card = json.loads((model_dir / "model_card.json").read_text())
    assert card["name"] == "ssdlite_mobilenet_v2_coco"
    assert card["licence"] == "Apache-2.0"
    assert len(card["labels"]) == 80
    assert (card["labels"]["0"], card["labels"]["89"]) == ("person", "toothbrush")
    assert {"source", "quantisation", "trained_on", "scores", "limits"} < card.keys()
    assert all(each["sha256"] in (model_dir / "MODEL_CARD.md").read_text() for each in card["artefacts"].values())


def test_another_model_than_the_card_s_is_refused(model_dir: Path, card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / card.artefact("litert").path).write_bytes(b"another model")
    with pytest.raises(UsageError, match=card.artefact("litert").sha256):
        open_detector(Backend.LITERT, tmp_path, card, threads=1)


def test_a_backend_that_the_image_does_not_have_is_refused(card: ModelCard) -> None:
    with pytest.raises(UsageError, match="expected a model for backend onnx"):
        card.artefact("onnx")
