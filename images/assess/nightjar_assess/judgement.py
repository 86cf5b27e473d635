"""Judgement: the detections of one camera by its rules, each object by itself. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.conditions import Scene
from nightjar.domain.detections import Detection
from nightjar.domain.events import Suppressed, SuppressedObject, ThreatPicture
from nightjar.domain.judging import judge_alone
from nightjar.domain.rules import Safe
from nightjar.domain.sights import ObjectSeen, Sight
from nightjar.domain.topics import Topic

Misses = list[tuple[ObjectSeen, Safe]]
ByTopic = dict[Topic, dict[datetime, ThreatPicture]]


@dataclass
class Verdict:
    """The pictures by topic and time in which a rule calls something unsafe; and by time, all else that was seen."""

    candidates: ByTopic = field(default_factory=dict)
    misses: dict[datetime, Misses] = field(default_factory=dict)


def judge(seen: Mapping[datetime, Detection], scene: Scene | None) -> Verdict:
    """Judge the detections of one camera. A camera that is not in the rules (None) has no rule, so no threat."""
    verdict = Verdict()
    for moment, detection in seen.items():
        if scene is None:
            verdict.misses[moment] = [(one, Safe.NOT_UNSAFE) for one in detection.objects]
            continue
        alone = judge_alone(Sight(moment, detection.objects, detection.is_seen), scene)
        verdict.misses[moment] = alone.misses
        for topic, objects in alone.candidates.items():
            own = set(map(id, objects))
            threat = ThreatPicture(
                picture=detection.picture,
                detector=detection.detector,
                objects=tuple(one for one in detection.objects if id(one) in own),
                mark=detection.mark,
            )
            verdict.candidates.setdefault(topic, {})[moment] = threat
    return verdict


def suppressed(seen: Mapping[datetime, Detection], misses: Mapping[datetime, Misses]) -> list[Suppressed]:
    """The lines about what is no threat, by picture.

    A detector lists many faint objects; those of one label and reason are one entry.
    """
    lines = []
    for moment, detection in seen.items():
        picture = detection.picture
        if objects := _entries(misses.get(moment, [])):
            lines.append(
                Suppressed(
                    user=picture.user,
                    device=picture.device,
                    taken_at=moment,
                    standard_key=picture.standard_key,
                    objects=objects,
                )
            )
    return lines


def reasons(lines: Iterable[Suppressed]) -> Counter[str]:
    """How many objects were suppressed, by reason."""
    counts: Counter[str] = Counter()
    for each in (each for line in lines for each in line.objects):
        counts[str(each.reason)] += each.number
    return counts


def _entries(misses: Misses) -> tuple[SuppressedObject, ...]:
    found: dict[tuple[str, Safe], list[float]] = defaultdict(list)
    for one, reason in misses:
        found[one.label, reason].append(one.probability)
    entries = (
        SuppressedObject(label=label, reason=reason, probability=max(seen), number=len(seen))
        for (label, reason), seen in found.items()
    )
    return tuple(sorted(entries, key=lambda entry: (-entry.probability, entry.label)))
