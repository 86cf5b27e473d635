"""One detector measured against labels."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.labels import LabelledBox, Labels, same_pictures, tidy
from nightjar.domain.evaluation.looked import Looked
from nightjar.domain.evaluation.matching import Found, matched
from nightjar.domain.evaluation.scores import LabelScore, score
from nightjar.errors import InputError


@dataclass(frozen=True)
class Measured:
    """How a detector does. `scores` are of labels that it can see, by name.

    `unseen` counts objects of labels that it cannot see, which are no misses; `unlabelled` what it found of labels that
    the label file does not have, which are no false alarms; `missing` are labelled pictures that it did not look at.
    `outside` counts labelled boxes that lie outside of their picture, so that nobody can find them: they are left out.
    `seconds` is what a look took, the median, where that is known.
    """

    detector: str
    min_probability: float
    pictures: int
    seconds: float | None
    scores: Mapping[str, LabelScore]
    unseen: Mapping[str, int]
    unlabelled: Mapping[str, int]
    missing: tuple[str, ...]
    outside: int = 0

    @property
    def mean_ap50(self) -> float | None:
        """The mean AP50 of labels with objects; None where no label has any."""
        found = [each.ap50 for each in self.scores.values() if each.ap50 is not None]
        return sum(found) / len(found) if found else None


def measure(labels: Labels, looked: Looked, same: Mapping[str, str] | None = None) -> Measured:
    """`looked` measured against `labels`; labels in `same` count as those that they stand for there.

    Raises InputError when not one labelled picture was looked at.
    """
    same = same or {}
    labels = labels.renamed(same)
    can_see = {_called(label, same) for label in looked.head.labels}
    pairs = same_pictures(labels.pictures, looked.pictures)
    if not pairs:
        example, other = next(iter(labels.pictures)), next(iter(looked.pictures), "none")
        hint = "; labels of MOT are about one video, or one folder of its frames" if labels.kind == "MOT" else ""
        raise InputError(f"expected detections of labelled pictures such as {example!r}, got {other!r}{hint}")
    found: dict[str, list[Found]] = defaultdict(list)
    objects: Counter[str] = Counter()
    unlabelled: Counter[str] = Counter()
    outside = 0
    for name, other in pairs.items():
        picture = looked.pictures[other]
        inside = labels.pictures[name].fractions((picture.width, picture.height))
        outside += len(labels.pictures[name].boxes) - len(inside)
        truth = _by_label(inside)
        seen = _objects_by_label(picture.objects, same)
        unlabelled.update({label: len(those) for label, those in seen.items() if label not in labels.names})
        for label in labels.names:
            boxes = truth.get(label, [])
            objects[label] += sum(not box.ignored for box in boxes)
            found[label] += [Found(o.probability, box is not None) for o, box in matched(boxes, seen.get(label, []))]
    times = [each for name in pairs.values() if (each := looked.pictures[name].seconds) is not None]
    return Measured(
        detector=looked.head.detector,
        min_probability=looked.head.min_probability,
        pictures=len(pairs),
        seconds=median(times) if times else None,
        scores={name: score(name, objects[name], found[name]) for name in sorted(labels.names & can_see)},
        unseen={name: objects[name] for name in sorted(labels.names - can_see)},
        unlabelled=dict(sorted(unlabelled.items())),
        missing=tuple(sorted(set(labels.pictures) - set(pairs))),
        outside=outside,
    )


def _called(label: str, same: Mapping[str, str]) -> str:
    return same.get(tidy(label), tidy(label))


def _by_label(boxes: Iterable[LabelledBox]) -> dict[str, list[LabelledBox]]:
    grouped: dict[str, list[LabelledBox]] = defaultdict(list)
    for box in boxes:
        grouped[box.label].append(box)
    return grouped


def _objects_by_label(objects: Iterable[DetectedObject], same: Mapping[str, str]) -> dict[str, list[DetectedObject]]:
    grouped: dict[str, list[DetectedObject]] = defaultdict(list)
    for each in objects:
        grouped[_called(each.label, same)].append(each)
    return grouped
