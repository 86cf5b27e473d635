"""The detectors that can be built, side by side: how many pictures a second one thread looks at, and how well.

They look in turns, round by round, so that a noisy moment hits all of them, and the best round of each counts.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.labels import Labels
from nightjar.domain.evaluation.measure import Measured, measure
from nightjar.settings.detect import Backend, DetectSettings
from nightjar_detect.deciding import finder
from nightjar_detect.detectors import open_detector
from nightjar_detect.model import read_card
from nightjar_detect.preprocess import Pixels, model_pixels
from nightjar_local import detectors
from nightjar_local.images import detection_model
from tests.benchmarks.rows import Row
from tests.labelled.measuring import SAME, labelled, looked, together

ROUNDS = 5
PICTURES_A_ROUND = 40

Say = Callable[[str], None]


@dataclass(frozen=True)
class Opened:
    """A detector with its model loaded: from pixels to objects; `pixels` are those of a round."""

    look: Callable[[Pixels], list[DetectedObject]]
    pixels: list[Pixels]
    measured: Measured


def rows(say: Say) -> list[Row]:
    """Speed and AP50 of each detector, against the reference."""
    labels, jpegs = together(labelled())
    opened: dict[str, Opened] = {}
    for name in sorted(detectors.names(), key=lambda each: each != detectors.REFERENCE):
        say(f"detectors: {name} looks at {len(jpegs)} labelled pictures")
        opened[name] = _opened(name, labels, jpegs)
    speeds: dict[str, float] = dict.fromkeys(opened, 0.0)
    for number in range(1, ROUNDS + 1):
        for name, each in opened.items():
            speeds[name] = max(speeds[name], _pictures_a_second(each))
        say(f"detectors: round {number} of {ROUNDS}: {', '.join(f'{n} {s:.0f}' for n, s in speeds.items())} pictures/s")
    fastest = max(speeds, key=lambda name: speeds[name])
    say(f"detectors: the fastest on this machine is {fastest}")
    seen_by_all = set.intersection(*(set(each.measured.scores) for each in opened.values()))
    say(f"detectors: AP50 is that of {', '.join(sorted(seen_by_all))}, which all of them can see")
    means = {name: _mean_ap50(each.measured, seen_by_all) for name, each in opened.items()}
    result = []
    for name in opened:
        suffix = " (the fastest here)" if name == fastest else ""
        speed, base = speeds[name], speeds[detectors.REFERENCE]
        result.append(Row(f"detector {name}{suffix}", speed, "pictures/s", base, detectors.REFERENCE))
        reference = 100 * means[detectors.REFERENCE]
        result.append(Row(f"detector {name}: mean AP50", 100 * means[name], "/ 100", reference, detectors.REFERENCE))
    return result


def _opened(name: str, labels: Labels, jpegs: Mapping[str, bytes]) -> Opened:
    folder = detection_model(name)
    card, _ = read_card(folder)
    detector = open_detector(Backend.LITERT, folder, card, threads=1)
    find = finder(card, DetectSettings().min_probability)

    def look(pixels: Pixels) -> list[DetectedObject]:
        return find(detector.infer(pixels))

    pixels = {picture: model_pixels(jpeg, card.input) for picture, jpeg in jpegs.items()}
    found = {picture: (jpegs[picture], tuple(look(each))) for picture, each in pixels.items()}
    told = looked(card.labels.values(), DetectSettings().min_probability, found)
    return Opened(look, list(pixels.values())[:PICTURES_A_ROUND], measure(labels, told, SAME))


def _mean_ap50(measured: Measured, labels: set[str]) -> float:
    return statistics.mean(found.ap50 or 0.0 for label, found in measured.scores.items() if label in labels)


def _pictures_a_second(opened: Opened) -> float:
    begun = time.perf_counter()
    for pixels in opened.pixels:
        opened.look(pixels)
    return len(opened.pixels) / (time.perf_counter() - begun)
