"""The model as it is deployed: the card that was written when the image was built, and the files beside it."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from nightjar.errors import UsageError

CARD = "model_card.json"
CLASSES = 90


class Artefact(BaseModel):
    """One file of the model."""

    model_config = ConfigDict(frozen=True)

    path: str
    sha256: str


class ModelCard(BaseModel):
    """The part of `model_card.json` that programs need; the rest is for people."""

    model_config = ConfigDict(frozen=True)

    name: str
    artefacts: dict[str, Artefact]
    labels: dict[int, str]

    @property
    def class_labels(self) -> list[str | None]:
        """The label of each channel: channel k is COCO id k + 1; None where COCO has no class."""
        return [self.labels.get(k + 1) for k in range(CLASSES)]

    def artefact(self, backend: str) -> Artefact:
        """The artefact of `backend`; raises UsageError when this image has none."""
        if backend not in self.artefacts:
            raise UsageError(f"expected a model for backend {backend}, the card has {', '.join(self.artefacts)}")
        return self.artefacts[backend]


def read_card(directory: Path) -> tuple[ModelCard, bytes]:
    """The card in `directory`, parsed and as it is; raises UsageError when it is not there or not a card."""
    path = directory / CARD
    try:
        data = path.read_bytes()
        return ModelCard.model_validate_json(data), data
    except OSError as error:
        raise UsageError(f"expected a model card at {path} (NIGHTJAR_MODEL_DIR): {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"expected a model card at {path}: {first['loc']}: {first['msg']}") from None


def read_artefact(directory: Path, artefact: Artefact) -> bytes:
    """The bytes of an artefact; raises UsageError unless they are those that the card names."""
    path = directory / artefact.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected the model at {path}: {error.strerror}") from None
    if (came := hashlib.sha256(data).hexdigest()) != artefact.sha256:
        raise UsageError(f"expected the model at {path} with SHA-256 {artefact.sha256}, got {came}")
    return data
