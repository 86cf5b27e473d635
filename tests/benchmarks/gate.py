"""The looks that the gate spares, and their cost: labelled footage looked at wholly and sparingly by one detector.

Bursts of people who walk through real pictures, where the truth is exact, and two labelled clips, of which one is six
shots of one to three seconds. Both ways run the stage over a bucket in memory.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.evaluation.labels import Labels
from nightjar.domain.evaluation.matching import matched
from nightjar.domain.evaluation.measure import measure
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.settings.detect import DetectSettings, Look
from nightjar_detect.model import read_card
from nightjar_detect.stage import detect_shard
from nightjar_local.images import detection_model
from tests.benchmarks.rows import Asked, Row
from tests.bucket import NOON, PORCH, put_picture
from tests.images.detect.shards import detections, validated
from tests.labelled.measuring import labelled, looked, together
from tests.labelled.walking import SECONDS_APART, Shot, bursts

BETWEEN_BURSTS = 60.0
LEAST_FEWER = 3.0
MOST_AP50, MOST_FOUND = 0.02, 0.01  # what may be lost

Say = Callable[[str], None]


@dataclass(frozen=True)
class Seen:
    """The stage's results for pictures, by name: their objects; and how many of them it looked at."""

    objects: Mapping[str, tuple[DetectedObject, ...]]
    looks: int


def rows(say: Say) -> list[Row]:
    """The benchmarks of the gate."""
    return [*_walking(say), *_clips(say)]


def _walking(say: Say) -> list[Row]:
    say("gate: bursts of people walking")
    shots = {f"{shot.burst}/{n:02}": shot for burst in bursts() for n, shot in enumerate(burst)}
    jpegs = {name: shot.jpeg for name, shot in shots.items()}
    times = {
        name: NOON + timedelta(seconds=shot.burst * BETWEEN_BURSTS + int(name[-2:]) * SECONDS_APART)
        for name, shot in shots.items()
    }
    labels = Labels("walking", {name: shot.labelled for name, shot in shots.items()}, frozenset({"person"}))
    both = _both_ways(jpegs, times, say)
    everything, sparing = (
        measure(labels, looked(["person"], 0.1, _with(jpegs, each))).scores["person"] for each in both
    )
    best = everything.best
    least = best.threshold if best else 0.5
    found = [_people_found(shots, each, least) for each in both]
    say(f"gate: {found[1]} of {found[0]} people found in bursts, from a probability of {least:.2f} up")
    return [
        _looks("gate, bursts", both),
        _loss("gate, bursts: person AP50", sparing.ap50, everything.ap50, MOST_AP50),
        _loss("gate, bursts: people found at least once", found[1], found[0], MOST_FOUND),
    ]


def _clips(say: Say) -> list[Row]:
    say("gate: two labelled clips")
    *clips, _ = labelled()
    labels, jpegs = together(clips)
    times = {name: NOON + timedelta(seconds=3600 * int(name[0]) + n / 6.25) for n, name in enumerate(sorted(jpegs))}
    both = _both_ways(jpegs, times, say)
    card, _ = read_card(detection_model())
    seen = sorted(set(card.labels.values()))
    everything, sparing = (measure(labels, looked(seen, 0.1, _with(jpegs, each))).mean_ap50 for each in both)
    return [
        _looks("gate, two clips", both, required=None),
        _loss("gate, two clips: mean AP50", sparing, everything, MOST_AP50),
    ]


def _both_ways(jpegs: Mapping[str, bytes], times: Mapping[str, datetime], say: Say) -> tuple[Seen, Seen]:
    """Looked at wholly, and sparingly."""
    everything, sparing = (_stage(jpegs, times, look) for look in (Look.EVERYTHING, Look.SPARING))
    say(f"gate: {sparing.looks} looks instead of {everything.looks}")
    return everything, sparing


def _stage(jpegs: Mapping[str, bytes], times: Mapping[str, datetime], look: Look) -> Seen:
    store = MemoryStore()
    pictures = {name: put_picture(store, jpeg, times[name], PORCH) for name, jpeg in jpegs.items()}
    settings = DetectSettings(model_dir=detection_model(), look=look)
    context = validated(store, pictures.values())
    run(lambda c: detect_shard(c, settings, lambda key, version: store.get(key, version)[0]), context)
    lines: dict[str, Detection] = {
        line.picture.standard_key: line for those in detections(store).values() for line in those
    }
    objects = {name: lines[picture.standard_key].objects for name, picture in pictures.items()}
    return Seen(objects, sum(line.is_seen for line in lines.values()))


def _with(jpegs: Mapping[str, bytes], seen: Seen) -> dict[str, tuple[bytes, tuple[DetectedObject, ...]]]:
    return {name: (jpeg, seen.objects[name]) for name, jpeg in jpegs.items()}


def _people_found(shots: Mapping[str, Shot], seen: Seen, least: float) -> float:
    """The share of people who are found in at least one picture of their burst."""
    found: dict[tuple[int, int], bool] = defaultdict(bool)
    for name, shot in shots.items():
        boxes = shot.labelled.fractions(shot.size)
        objects = [o for o in seen.objects[name] if o.label == "person" and o.probability >= least]
        those = [box for _, box in matched(boxes, objects) if box]
        for number, box in enumerate(boxes):
            if not box.ignored:
                found[shot.burst, number] |= box in those
    return sum(found.values()) / len(found)


def _looks(name: str, both: Sequence[Seen], required: float | None = 1 / LEAST_FEWER) -> Row:
    everything, sparing = both
    looks, pictures = sparing.looks, everything.looks
    return Row(f"{name}: pictures looked at", looks, "pictures", pictures, "all of", required, Asked.AT_MOST)


def _loss(name: str, sparing: float | None, everything: float | None, most: float) -> Row:
    """A row that holds as long as no more than `most` is lost; in hundredths, since a row shows one digit."""
    if sparing is None or everything is None or everything <= most:
        raise RuntimeError(
            f"{name}: expected something to be found, got {everything} looked at wholly, {sparing} sparingly"
        )
    required = round(1 - most / everything, 4)
    return Row(name, 100 * sparing, "/ 100", 100 * everything, "looked at wholly", required)
