"""How well a label is found: precision and recall at every threshold, AP50, and the best threshold.

* Precision: of the found boxes, the share that is true. Recall: of the labelled boxes, the share that is found.
* AP50, average precision at an IoU of 0.5: the area under precision over recall, where precision at a recall is the
  best that is had at this recall or a higher one, with a step at every point ("all-point interpolation"): PASCAL VOC
  since 2010 (Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 2015, 2.2; VOC2010
  development kit, 3.4.1). COCO takes the mean at 101 recalls instead, which differs by less than 0.01.
* The best threshold is the one with the highest F1, the harmonic mean of precision and recall.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from nightjar.domain.evaluation.matching import Found


@dataclass(frozen=True)
class Point:
    """Precision and recall at a threshold: only boxes at least so probable count."""

    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True)
class LabelScore:
    """How well a detector finds a label of which there are `objects`.

    `curve` has a point for every probability that the detector gave, from the highest down. Without objects there is
    neither AP50 nor recall: the points tell only of false alarms.
    """

    label: str
    objects: int
    true: int
    false: int
    curve: tuple[Point, ...]

    @property
    def ap50(self) -> float | None:
        """Average precision; None without objects."""
        return average_precision(self.curve) if self.objects else None

    @property
    def best(self) -> Point | None:
        """The point with the highest F1, of several the highest threshold; None where nothing true was found."""
        best = max(self.curve, key=lambda point: (point.f1, point.threshold), default=None)
        return best if best is not None and best.f1 > 0 else None

    def at(self, threshold: float) -> Point | None:
        """Precision and recall where only boxes of at least `threshold` count; None where there are none."""
        lowest = None
        for point in self.curve:
            if point.threshold < threshold:
                break
            lowest = point
        return Point(threshold, lowest.precision, lowest.recall) if lowest else None


def score(label: str, objects: int, found: Iterable[Found]) -> LabelScore:
    """The score of a label of which there are `objects`, of everything `found` under it in all pictures."""
    ordered = sorted(found, key=lambda each: -each.probability)
    curve, true = [], 0
    total = 0
    # Boxes of one probability come together: no threshold lies between them, so their order must not matter.
    for probability, together in groupby(ordered, key=lambda each: each.probability):
        outcomes = [each.is_true for each in together]
        true, total = true + sum(outcomes), total + len(outcomes)
        curve.append(Point(probability, true / total, true / objects if objects else 0.0))
    return LabelScore(label, objects, true, total - true, tuple(curve))


def average_precision(curve: Sequence[Point]) -> float:
    """The area under the points' precision over recall, of points from the highest threshold down."""
    area, best, upper = 0.0, 0.0, curve[-1].recall if curve else 0.0
    for index in range(len(curve) - 1, -1, -1):
        best = max(best, curve[index].precision)
        lower = curve[index - 1].recall if index else 0.0
        area += (upper - lower) * best
        upper = lower
    return area
