"""Values that follow from the settings of the detect stage."""

import sys
from pathlib import Path

from nightjar.domain.layout import digest
from nightjar.settings.detect import DetectSettings
from nightjar_detect import postprocess, preprocess
from nightjar_detect.model import ModelCard


def model_folder(settings: DetectSettings) -> Path:
    """The folder of the model: as set, or the one in the image, which is also there in the local image store.

    In both it is `model/` beside the virtual environment (`/opt/nightjar/model` in a container).
    """
    return settings.model_dir or Path(sys.prefix).parent / "model"


def settings_fingerprint(settings: DetectSettings, card: ModelCard) -> str:
    """Everything besides the model's weights that decides what is seen in a picture, as text.

    Whoever changes results by code changes a value that is named here.
    """
    labels = digest(repr(sorted(card.labels.items())))
    return (
        f"min_probability={settings.min_probability:g} nms_iou={postprocess.NMS_IOU:g} "
        f"max_candidates={postprocess.MOST_CANDIDATES} resize={preprocess.METHOD} labels={labels}"
    )
