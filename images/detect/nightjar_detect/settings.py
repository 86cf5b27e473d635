"""Settings of the detect stage, from the environment."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from nightjar.runtime.settings import Settings
from nightjar_detect import postprocess, preprocess


class Backend(StrEnum):
    """What runs the model. The value is also the name of its artefact in the model card."""

    LITERT = "litert"
    TENSORFLOW = "saved_model"


def default_model_dir() -> Path:
    """`model/` beside the virtual environment, in a container (`/opt/nightjar/model`) as in the local image store."""
    return Path(sys.prefix).parent / "model"


class DetectSettings(Settings):
    """Read from `NIGHTJAR_MODEL_DIR`, `NIGHTJAR_DETECT_BACKEND`, `NIGHTJAR_MIN_PROBABILITY` and so on."""

    model_dir: Path = Field(
        default_factory=default_model_dir, description="folder of the model; by default the one in the image"
    )
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
        float, Field(ge=0.01, le=0.99, description="objects below it are not stored, so no rule can ask for less")
    ] = 0.1

    @property
    def fingerprint(self) -> str:
        """All that decides what is found besides the model: where it agrees, a picture need not be looked at again."""
        return (
            f"min_probability={self.min_probability:g} nms_iou={postprocess.NMS_IOU:g} "
            f"max_candidates={postprocess.MOST_CANDIDATES} resize={preprocess.METHOD}"
        )
