"""Why an object is no threat."""

from enum import StrEnum


class Safe(StrEnum):
    """Why an object is no threat under a rule, from the nearest miss to the farthest."""

    BELOW_PROBABILITY = "below-probability"
    OUT_OF_HOURS = "out-of-hours"
    NOT_UNSAFE = "not-unsafe"  # no rule of the camera names the label
