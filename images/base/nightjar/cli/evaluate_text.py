"""Detectors side by side as a table for a terminal, and as a document for programs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nightjar.cli.tables import aligned
from nightjar.domain.evaluation.labels import Labels, shown
from nightjar.domain.evaluation.measure import Measured
from nightjar.domain.evaluation.scores import LabelScore, Point
from nightjar.domain.tally import many

THRESHOLDS = tuple(n / 10 for n in range(1, 10))
_NONE = "-"
_MOST_NAMED = 5


def as_text(labels: Labels, measured: Sequence[Measured]) -> Iterator[str]:
    """A table of AP50 and best thresholds, one of precision and recall by threshold, and what was not measured."""
    yield f"{labels.kind} labels of {many(len(labels.pictures), 'picture')}; a box is found at an IoU of 0.5"
    yield ""
    yield from aligned([*_summary(measured)], right=range(2, 8))
    yield ""
    yield "precision / recall where the least probability is"
    yield from aligned([*_by_threshold(measured)])
    for each in measured:
        yield from _notes(each)


def _summary(measured: Sequence[Measured]) -> Iterator[Sequence[object]]:
    yield "label", "detector", "objects", "AP50", "best at", "precision", "recall", "F1"
    for label in _labels(measured):
        for each in measured:
            yield label, each.detector, *_scores(each.scores.get(label))
    for each in measured:
        yield "mean", each.detector, "", _figure(each.mean_ap50), "", "", "", ""


def _scores(found: LabelScore | None) -> Sequence[object]:
    if found is None:
        return ("cannot see it", *[""] * 5)
    best = found.best
    if best is None:
        return found.objects, _figure(found.ap50), *[_NONE] * 4
    return (
        found.objects,
        _figure(found.ap50),
        rounded_down(best.threshold),
        *map(_figure, (best.precision, best.recall, best.f1)),
    )


def _by_threshold(measured: Sequence[Measured]) -> Iterator[Sequence[object]]:
    yield "label", "detector", *(f"{threshold:.1f}" for threshold in THRESHOLDS)
    for label in _labels(measured):
        for each in measured:
            if (found := each.scores.get(label)) and found.objects:
                yield label, each.detector, *(_pair(found.at(threshold), each, threshold) for threshold in THRESHOLDS)


def _pair(point: Point | None, measured: Measured, threshold: float) -> str:
    if threshold < measured.min_probability:
        return ""  # it was not told
    return f"{point.precision:.2f}/{point.recall:.2f}" if point else f"{_NONE}/0.00"


def _notes(measured: Measured) -> Iterator[str]:
    name = measured.detector
    looked = f"{name}: looked at {many(measured.pictures, 'labelled picture')}"
    speed = f", {measured.seconds * 1000:.1f} ms each on this machine" if measured.seconds else ""
    yield ""
    yield f"{looked}{speed}; tells objects from {measured.min_probability:g} up"
    if unseen := {label: count for label, count in measured.unseen.items() if count}:
        yield f"{name}: cannot see, so not counted as missed: {_counts(unseen)} (give --same if it has another name)"
    if measured.unlabelled:
        yield f"{name}: found, but not among the labels, so not counted as false: {_counts(measured.unlabelled)}"
    false = {label: each.false for label, each in measured.scores.items() if not each.objects and each.false}
    if false:
        yield f"{name}: found where no picture has any, so all of it false: {_counts(false)}"
    if measured.outside:
        yield f"{name}: labelled boxes outside of their pictures, so left out: {measured.outside:,} (other footage?)"
    if measured.missing:
        named = ", ".join(map(shown, measured.missing[:_MOST_NAMED]))
        more = f" and {len(measured.missing) - _MOST_NAMED:,} more" if len(measured.missing) > _MOST_NAMED else ""
        yield f"{name}: not looked at, so not measured: {named}{more}"


def as_document(labels: Labels, measured: Sequence[Measured]) -> Mapping[str, Any]:
    """All of it, with every point of the curves."""
    return {
        "schema": 1,
        "labels": {"kind": labels.kind, "pictures": len(labels.pictures), "names": sorted(labels.names)},
        "detectors": [
            {
                "detector": each.detector,
                "min_probability": each.min_probability,
                "pictures": each.pictures,
                "seconds_a_look": each.seconds,
                "mean_ap50": each.mean_ap50,
                "scores": {label: _score(found) for label, found in each.scores.items()},
                "cannot_see": each.unseen,
                "not_labelled": each.unlabelled,
                "not_looked_at": each.missing,
                "outside": each.outside,
            }
            for each in measured
        ],
    }


def _score(found: LabelScore) -> Mapping[str, Any]:
    best = found.best
    return {
        "objects": found.objects,
        "true": found.true,
        "false": found.false,
        "ap50": found.ap50,
        "best": {**asdict(best), "f1": best.f1} if best else None,
        "curve": [asdict(point) for point in found.curve],
    }


def _labels(measured: Sequence[Measured]) -> list[str]:
    """Labels with objects that a detector can see, the most frequent first."""
    objects: dict[str, int] = {}
    for each in measured:
        for label, found in each.scores.items():
            objects[label] = max(objects.get(label, 0), found.objects)
    return sorted((label for label, count in objects.items() if count), key=lambda label: (-objects[label], label))


def rounded_down(threshold: float) -> str:
    """A threshold with two digits that still lets through what it lets through."""
    return f"{math.floor(threshold * 100 + 1e-9) / 100:.2f}"


def _figure(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _counts(counts: Mapping[str, int]) -> str:
    named = [f"{count:,} {label}" for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    more = f" and {len(named) - _MOST_NAMED} more labels" if len(named) > _MOST_NAMED else ""
    return f"{', '.join(named[:_MOST_NAMED])}{more}"
