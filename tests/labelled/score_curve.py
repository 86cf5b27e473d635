"""`python -m tests.labelled.score_curve`: how probable detectors call what fills the frame, against the reference.

It looks at the labelled pictures, takes each object that fills the frame and that both call by its name, and prints the
curve that gives near's scores the reference's meaning: its recipe has these points as `score_calibration`. The plot is
docs/images/score-curve.png.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.matching import iou
from nightjar.settings.detect import Backend
from nightjar_detect.deciding import finder
from nightjar_detect.detectors import open_detector
from nightjar_detect.model import read_card
from nightjar_detect.preprocess import jpeg_size, model_pixels
from nightjar_local.detectors import REFERENCE
from nightjar_local.images import detection_model
from nightjar_local.layout import ROOT
from tests.labelled.measuring import labelled, together

PLOT = ROOT / "docs" / "images" / "score-curve.png"
DETECTORS = ("near", "far")
FITTED = "near"
# An object fills the frame when the root of its share of the picture's area is at least this.
FILLS = 0.45
# Below the first knot a score keeps its value: there the detectors see more than the reference, which is to stay so.
KNOTS = (0.55, 0.65, 0.75, 0.85)
_LEAST = 0.02
_IOU = 0.5

Points = Sequence[tuple[float, float]]


def curve(scores: Sequence[float], reference: Sequence[float], knots: Sequence[float] = KNOTS) -> Points:
    """A card's `score_calibration`: points from [0, 0] to [1, 1] that take scores to the reference's, by quantiles.

    The same share of objects is above a threshold, then. Scores are only ever raised.
    """
    ours, theirs = np.sort(scores), np.sort(reference)
    points = [(0.0, 0.0), (knots[0], knots[0])]
    for knot in knots[1:]:
        share = np.searchsorted(ours, knot) / len(ours)
        points.append((knot, round(max(knot, points[-1][1] + 0.01, float(np.quantile(theirs, share))), 2)))
    return [*points, (1.0, 1.0)]


def main() -> None:
    """Print the points and draw them."""
    labels, jpegs = together(labelled())
    seen = {name: _looked(name, jpegs) for name in (REFERENCE, *DETECTORS)}
    scores: dict[str, list[float]] = {name: [] for name in seen}
    for picture, jpeg in jpegs.items():
        for box in labels.pictures[picture].fractions(jpeg_size(jpeg)):
            x, y, right, bottom = box.box
            if not box.ignored and ((right - x) * (bottom - y)) ** 0.5 >= FILLS:
                for name, found in seen.items():
                    scores[name].append(_best(found[picture], box.label, box.box))
    for name, of_name in scores.items():
        sys.stdout.write(f"{name}: {len(of_name)} objects that fill the frame, mean {np.mean(of_name):.3f}\n")
    fitted = curve(scores[FITTED], scores[REFERENCE])
    of, to = zip(*fitted, strict=True)
    after = np.mean(np.interp(scores[FITTED], of, to))
    sys.stdout.write(f"{FITTED}: {[list(point) for point in fitted]}, mean with it {after:.3f}\n")
    draw(scores, fitted, PLOT)


def draw(scores: Mapping[str, Sequence[float]], fitted: Points, target: Path) -> None:
    """The quantiles of each detector's scores against the reference's, and the curve; legible on dark and light."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    grey = "#808080"
    with plt.rc_context({"text.color": grey, "axes.labelcolor": grey, "axes.edgecolor": grey, "font.size": 10}):
        figure, axes = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
        axes.plot([0, 1], [0, 1], color=grey, linewidth=0.8, linestyle=":")
        shares = np.linspace(0.02, 0.98, 49)
        for name, colour in zip(DETECTORS, ("#2f81d7", "#d9822b"), strict=True):
            ours, theirs = (np.quantile(scores[each], shares) for each in (name, REFERENCE))
            axes.plot(ours, theirs, ".", color=colour, label=f"{name}, quantiles of {len(scores[name])} objects")
        axes.plot(*zip(*fitted, strict=True), color="#2f81d7", label=f"{FITTED}'s score_calibration")
        axes.set(xlabel="score of the detector", ylabel="score of the reference", xlim=(0, 1), ylim=(0, 1))
        axes.set_title("Objects that fill the frame")
        axes.tick_params(colors=grey)
        axes.legend(frameon=False, loc="upper left")
        figure.savefig(target, dpi=130, transparent=True, metadata={"Software": None})


def _looked(name: str, jpegs: Mapping[str, bytes]) -> dict[str, list[DetectedObject]]:
    """Objects that the detector sees in each picture, by its scores as they are."""
    folder = detection_model(name)
    card = read_card(folder)[0].model_copy(update={"score_calibration": {}})
    detector, find = open_detector(Backend.LITERT, folder, card, threads=2), finder(card, _LEAST)
    return {picture: find(detector.infer(model_pixels(jpeg, card.input))) for picture, jpeg in jpegs.items()}


def _best(objects: Sequence[DetectedObject], label: str, box: tuple[float, float, float, float]) -> float:
    """The probability of the most probable object of this label that is there; 0 when none is."""
    return max((o.probability for o in objects if o.label == label and iou(o.box, box) >= _IOU), default=0.0)


if __name__ == "__main__":
    main()
