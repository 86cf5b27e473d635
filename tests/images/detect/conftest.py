"""The model, the sample pictures as validate leaves them, and shards of them."""

from pathlib import Path

import pytest

from nightjar.settings.detect import Backend, DetectSettings
from nightjar_detect.detectors import Detector, open_detector
from nightjar_detect.model import ModelCard, read_card
from nightjar_local.images import detection_model
from tests.images.detect.shards import sample_pictures


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The model, built as in the image, once for each content of its sources."""
    return detection_model()


@pytest.fixture(scope="session")
def card(model_dir: Path) -> ModelCard:
    return read_card(model_dir)[0]


@pytest.fixture(scope="session")
def litert(model_dir: Path, card: ModelCard) -> Detector:
    return open_detector(Backend.LITERT, model_dir, card, threads=1)


@pytest.fixture
def settings(model_dir: Path) -> DetectSettings:
    return DetectSettings(model_dir=model_dir)


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """Standardised JPEGs by name."""
    return sample_pictures()
