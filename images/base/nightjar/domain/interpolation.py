"""Interpolation: the objects of a picture that lies in time between two that were looked at. Pure.

An object that is in both moves, grows and becomes more or less probable evenly in time. An object that is in one of
them only is thought to stay where it is for the half of the time that is nearer to it, less probable than it was seen.
"""

from collections.abc import Iterator, Sequence

from nightjar.domain.detections import DetectedObject
from nightjar.domain.likeness import Likeness

ALONE = 0.8  # of the probability of an object that only one of the two pictures has
_DIGITS = 4  # as detectors have them


def interpolated(
    first: Sequence[DetectedObject],
    second: Sequence[DetectedObject],
    alike: Likeness,
    share: float,
    min_probability: float = 0.0,
) -> tuple[DetectedObject, ...]:
    """The objects at the `share` (0 to 1) of the time from the first picture to the second, most probable first.

    `alike` is the likeness of the two; objects that would be less probable than `min_probability` are left out.
    """
    found = (one for one in _objects(first, second, alike, share) if one.probability >= min_probability)
    return tuple(sorted(found, key=lambda o: (-o.probability, o.label, o.box)))


def _objects(
    first: Sequence[DetectedObject], second: Sequence[DetectedObject], alike: Likeness, share: float
) -> Iterator[DetectedObject]:
    for n, m in alike.pairs:
        one, other = first[n], second[m]
        x_min, y_min, x_max, y_max = (_between(a, b, share) for a, b in zip(one.box, other.box, strict=True))
        yield DetectedObject(
            label=one.label,
            probability=_between(one.probability, other.probability, share),
            box=(x_min, y_min, x_max, y_max),
        )
    nearer = [first[n] for n in alike.only_first] if share <= 0.5 else [second[m] for m in alike.only_second]
    for one in nearer:
        yield DetectedObject(label=one.label, probability=round(one.probability * ALONE, _DIGITS), box=one.box)


def _between(first: float, second: float, share: float) -> float:
    return round(first + (second - first) * share, _DIGITS)
