"""Judgement: the detections of one camera by its rules. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.events import Suppressed, SuppressedObject, ThreatPicture
from nightjar.domain.rules import CameraRules, Rule, Safe, nearest_miss, unsafe_objects
from nightjar.domain.topics import Topic


@dataclass
class Verdict:
    """Threats by topic, and what was seen and is no threat, both in the order of the detections."""

    threats: dict[Topic, list[ThreatPicture]] = field(default_factory=lambda: defaultdict(list))
    suppressed: list[Suppressed] = field(default_factory=list)


def judge(detections: Iterable[Detection], camera: CameraRules | None) -> Verdict:
    """Judge the detections of one camera. A camera that is not in the rules (None) has no rule, so no threat."""
    verdict = Verdict()
    rules = camera.rules if camera else {}
    for detection in detections:
        picture = detection.picture
        local = camera.local(picture.taken_at) if camera else picture.taken_at
        for rule_id, rule in rules.items():
            by_label: dict[str, list[DetectedObject]] = defaultdict(list)
            for unsafe in unsafe_objects(detection.objects, rule, local):
                by_label[unsafe.label].append(unsafe)
            for label, objects in by_label.items():
                threat = ThreatPicture(picture=picture, detector=detection.detector, objects=tuple(objects))
                verdict.threats[Topic(rule_id, label)].append(threat)
        suppressed = _suppressed(detection.objects, rules.values(), local)
        if suppressed:
            verdict.suppressed.append(
                Suppressed(
                    user=picture.user,
                    device=picture.device,
                    taken_at=picture.taken_at,
                    standard_key=picture.standard_key,
                    objects=suppressed,
                )
            )
    return verdict


def reasons(lines: Iterable[Suppressed]) -> Counter[str]:
    """How many objects were suppressed, by reason."""
    counts: Counter[str] = Counter()
    for each in (each for line in lines for each in line.objects):
        counts[str(each.reason)] += each.number
    return counts


def _suppressed(
    objects: Iterable[DetectedObject], rules: Collection[Rule], local: datetime
) -> tuple[SuppressedObject, ...]:
    """A detector lists many faint objects; those of one label and reason are one entry."""
    found: dict[tuple[str, Safe], list[float]] = defaultdict(list)
    for one in objects:
        if (reason := nearest_miss(one, rules, local)) is not None:
            found[one.label, reason].append(one.probability)
    entries = (
        SuppressedObject(label=label, reason=reason, probability=max(seen), number=len(seen))
        for (label, reason), seen in found.items()
    )
    return tuple(sorted(entries, key=lambda entry: (-entry.probability, entry.label)))
