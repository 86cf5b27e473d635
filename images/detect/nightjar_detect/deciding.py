"""Values that follow from the model card and the settings of the detect stage."""

import sys
from collections.abc import Callable
from pathlib import Path

from nightjar.domain.detections import DetectedObject
from nightjar.domain.layout import digest
from nightjar.errors import UsageError
from nightjar.settings.detect import DetectSettings
from nightjar_detect import preprocess
from nightjar_detect.decoders.interface import Outputs
from nightjar_detect.model import ModelCard
from nightjar_detect.postprocess import Selection, find_objects


def model_folder(settings: DetectSettings) -> Path:
    """The folder of the model: as set, or the one in the image, which is also there in the local image store.

    In both it is `model/` beside the virtual environment (`/opt/nightjar/model` in a container).
    """
    return settings.model_dir or Path(sys.prefix).parent / "model"


def finder(card: ModelCard, min_probability: float) -> Callable[[Outputs], list[DetectedObject]]:
    """From the network's outputs for one picture to the objects in it, as the card says.

    The function raises UsageError when the card does not fit the network.
    """
    decode = card.decoder.decoder(card.input.height, card.input.width)
    selection = Selection.of(card, min_probability)
    channels = len(selection.labels)

    def find(outputs: Outputs) -> list[DetectedObject]:
        try:
            scores, boxes_yxyx = decode(outputs)
            if scores.shape[1] < channels:
                raise ValueError(
                    f"expected {channels} channels of scores or more, as labels say, got {scores.shape[1]}"
                )
        except ValueError as error:
            raise UsageError(f"the model card does not fit the model {card.name}: {error}") from None
        return find_objects(scores, boxes_yxyx, selection)

    return find


# The parts of a card that decide what is seen; `name`, `artefacts` and `thresholds` do not, and the model's own SHA-256
# stands beside this text.
_DECIDING = {"input", "decoder", "suppression", "labels", "score_calibration"}


def settings_fingerprint(settings: DetectSettings, card: ModelCard) -> str:
    """Everything besides the model's weights that decides what is seen in a picture, as text.

    Whoever changes results by code changes a value that is named here: `resize` for pixels, `decoder` for boxes. The
    most telling values of the card stand in it as words, and all of them in its digest.
    """
    # Keys that a card leaves out and that then decide nothing stay out, so that a new one changes no detector's id.
    deciding = digest(card.model_dump_json(include=_DECIDING, exclude_none=True))
    return (
        f"min_probability={settings.min_probability:g} input={card.input.height}x{card.input.width} "
        f"resize={preprocess.METHOD} decoder={card.decoder.method} nms_iou={card.suppression.iou:g} "
        f"max_candidates={card.suppression.most_candidates} labels={digest(repr(sorted(card.labels.items())))} "
        f"card={deciding}"
    )
