"""The model as it is deployed: the card that was written when the image was built, and the files beside it."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nightjar.errors import UsageError
from nightjar_detect.decoders import Decoder
from nightjar_detect.decoders.interface import Strict

CARD = "model_card.json"
SCHEMA = 2

Side = Annotated[int, Field(ge=16, le=4096)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Channel = Annotated[int, Field(ge=0, le=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


def _in_folder(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"expected a path below the folder of the card, got {path!r}")
    return path


class Artefact(BaseModel):
    """One file of the model."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(_in_folder)]
    sha256: str


class Input(Strict):
    """How a picture is fed: stretched to `height` x `width` pixels; the network gets (value - mean) / scale.

    `mean` and `scale` are numbers, or one for each colour in the order of `colour`. With `uint8` the network does that
    by itself and gets the values as they are.
    """

    height: Side
    width: Side
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["float32", "uint8"] = "float32"
    colour: Literal["RGB", "BGR"] = "RGB"
    mean: float | tuple[float, float, float] = 0.0
    scale: float | tuple[float, float, float] = 1.0

    @model_validator(mode="after")
    def _can_be_scaled(self) -> "Input":
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        if min(scales) <= 0:
            raise ValueError(f"expected a scale above 0, got {self.scale}")
        if self.dtype == "uint8" and (self.mean, self.scale) != (0.0, 1.0):
            raise ValueError("expected no mean and no scale beside dtype uint8: the values are fed as they are")
        return self


class LargeBoxes(Strict):
    """A bound of their own for boxes that fill the frame: both with a root of their share of the picture of `side`.

    A network that never learned from anything so large gives such an object several boxes, each of a part of it.
    """

    side: Fraction
    iou: Annotated[float, Field(gt=0, le=1)]


class Suppression(Strict):
    """Non-maximum suppression: a box goes when a more probable one overlaps it by an IoU of more than `iou`.

    Of the candidates above the threshold only the `most_candidates` most probable compete, so that a noisy picture
    costs bounded time. `per_class`: only boxes of the same label suppress each other. Of two boxes that are both
    `large` the less probable one goes by the bound that stands there too.
    """

    iou: Annotated[float, Field(gt=0, le=1)] = 0.5
    most_candidates: Annotated[int, Field(ge=1, le=10_000)] = 400
    per_class: bool = True
    large: LargeBoxes | None = None


def _is_curve(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if points[0] != (0, 0) or points[-1] != (1, 1):
        raise ValueError(f"expected a curve from [0, 0] to [1, 1], got {list(points[0])} to {list(points[-1])}")
    for before, after in pairwise(points):
        if not (before[0] < after[0] and before[1] < after[1]):
            raise ValueError(f"expected a curve that rises, got {list(before)} and then {list(after)}")
    return points


# (the network's score, the probability that it means), straight lines in between
Curve = Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=2, max_length=100), AfterValidator(_is_curve)]

EVERY_LABEL = "*"


class ModelCard(BaseModel):
    """The part of `model_card.json` that programs need; the rest is for people.

    `labels` names the channels of the scores, counted from 0; a channel without a name is no object. The
    `score_calibration` is by label, `*` for all labels without one of their own. `thresholds`, likewise, are what the
    model's maker recommends to rules; they change no result.
    """

    model_config = ConfigDict(frozen=True)

    schema_: Literal[2] = Field(alias="schema")
    name: Name
    artefacts: dict[str, Artefact]
    input: Input
    decoder: Decoder
    suppression: Suppression = Suppression()
    labels: dict[Channel, Name] = Field(min_length=1)
    score_calibration: dict[str, Curve] = {}
    thresholds: dict[str, Fraction] = {}

    @model_validator(mode="after")
    def _names_labels(self) -> "ModelCard":
        for key, named in (("score_calibration", self.score_calibration), ("thresholds", self.thresholds)):
            if unknown := sorted(set(named) - {*self.labels.values(), EVERY_LABEL}):
                raise ValueError(f"expected {key} of labels that the card has, got {', '.join(unknown)}")
        return self

    @property
    def class_labels(self) -> list[str | None]:
        """The label of each channel up to the last that has one; None where the channel is no object."""
        return [self.labels.get(k) for k in range(max(self.labels) + 1)]

    def curve(self, label: str) -> Curve | None:
        """The calibration of a label; None when its scores are taken as they are."""
        return self.score_calibration.get(label, self.score_calibration.get(EVERY_LABEL))

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
        return parse_card(data), data
    except OSError as error:
        raise UsageError(f"expected a model card at {path} (NIGHTJAR_MODEL_DIR): {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"expected a model card at {path}: {place + ': ' if place else ''}{first['msg']}") from None
    except ValueError as error:
        raise UsageError(f"expected a model card at {path}: {error}") from None


def parse_card(data: bytes) -> ModelCard:
    """A card of schema 1 or 2; raises ValueError, and ValidationError for a value that is wrong."""
    try:
        value = json.loads(data)
    except RecursionError:
        raise ValueError("expected a model card, got JSON that is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")
    schema = value.get("schema", 1)
    if schema not in (1, SCHEMA):
        raise ValueError(f"expected schema 1 or {SCHEMA}, got {schema!r}")
    return ModelCard.model_validate(_as_schema_2(value) if schema == 1 else value)


class _Schema1(BaseModel):
    """A card without a schema: float32 SSD, 300 x 300, that decodes its boxes; labels by COCO id, channel id - 1."""

    name: str
    artefacts: dict[str, Artefact]
    labels: dict[Annotated[int, Field(ge=1)], str]


def _as_schema_2(value: dict[str, Any]) -> dict[str, Any]:
    card = _Schema1.model_validate(value)
    return {
        "schema": SCHEMA,
        "name": card.name,
        "artefacts": card.artefacts,
        "input": {"height": 300, "width": 300, "mean": 127.5, "scale": 127.5},
        "decoder": {"kind": "ssd-decoded"},
        "labels": {number - 1: label for number, label in card.labels.items()},
    }


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
