"""Settings of the detect stage."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from nightjar.domain.names import Camera, NameRefused
from nightjar.domain.probability import probability_from
from nightjar.runtime.settings import Settings


class Backend(StrEnum):
    """The interpreter that runs the model. The value is also the name of its artefact in the model card."""

    LITERT = "litert"
    TENSORFLOW = "saved_model"


class Look(StrEnum):
    """Which pictures the detector looks at."""

    SPARING = "sparing"
    EVERYTHING = "everything"


def _cameras(text: str) -> str:
    for name in filter(None, (each.strip() for each in text.split(","))):
        try:
            Camera.parse(name)
        except NameRefused as error:
            raise ValueError(f"expected cameras like alice-porch, separated by commas: {error}") from None
    return text


class DetectSettings(Settings):
    """The model, how it is run, and what of its output is stored."""

    # Without a default here: the place is the image's own business, and a release must not pin it.
    model_dir: Annotated[Path | None, Field(description="folder of the model; by default the one in the image")] = None
    detect_backend: Annotated[
        Backend, Field(description="`litert`, or `saved_model` where the image has TensorFlow (a GPU)")
    ] = Backend.LITERT
    detect_threads: Annotated[
        int, Field(ge=1, le=64, description="threads of the interpreter; a shard more for each core is faster")
    ] = 1
    detect_readers: Annotated[
        int, Field(ge=1, le=64, description="requests for pictures at once, ahead of the interpreter")
    ] = 8
    min_probability: Annotated[
        float,
        Field(ge=0.01, le=0.99, description="objects below it are not stored, so no rule can ask for less"),
        BeforeValidator(probability_from),
    ] = 0.1
    look: Annotated[
        Look,
        Field(
            description="`sparing`, or `everything`: no picture gets its objects from others. Cameras for which a rule "
            "asks that pictures `agree` are looked at wholly in any case"
        ),
    ] = Look.SPARING
    look_everything_at: Annotated[
        str,
        AfterValidator(_cameras),
        Field(description="cameras, separated by commas, of which every picture is looked at: `alice-porch,bob-door`"),
    ] = ""
    burst_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=10,
            description="pictures of a camera that follow each other within it are a burst, in which two looks are no "
            "farther apart",
        ),
    ] = 1.5
    burst_unmatched: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the objects, by probability, that only one of two looks may have for the pictures "
            "between them to be interpolated; 0: only where both have the same",
        ),
    ] = 0.25
    carry_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            description="seconds since a picture was looked at, up to which another one that is the same but for "
            "noise has its objects; 0: none",
        ),
    ] = 300.0

    @property
    def cameras_looked_at_wholly(self) -> frozenset[str]:
        """The names in `look_everything_at`."""
        return frozenset(filter(None, (each.strip() for each in self.look_everything_at.split(","))))
