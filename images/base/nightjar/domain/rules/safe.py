"""Why an object is no threat."""

from enum import StrEnum


class Safe(StrEnum):
    """Why an object is no threat under a rule, from the nearest miss to the farthest: the conditions backwards."""

    TOO_FEW_PICTURES = "too-few-pictures"  # the rule asks that several pictures agree
    STATIC = "static"  # it stands there like furniture
    FALSE_BOX = "false-box"  # a person has confirmed that there is nothing at this place
    BELOW_PROBABILITY = "below-probability"
    BOX_TOO_LARGE = "box-too-large"
    BOX_TOO_SMALL = "box-too-small"
    OUTSIDE_AREA = "outside-area"
    MASKED = "masked"
    OUT_OF_HOURS = "out-of-hours"
    NOT_UNSAFE = "not-unsafe"  # no rule of the camera names the label
