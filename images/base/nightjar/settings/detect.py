"""Settings of the detect stage."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from nightjar.domain.probability import probability_from
from nightjar.runtime.settings import Settings


class Backend(StrEnum):
    """The interpreter that runs the model. The value is also the name of its artefact in the model card."""

    LITERT = "litert"
    TENSORFLOW = "saved_model"


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
