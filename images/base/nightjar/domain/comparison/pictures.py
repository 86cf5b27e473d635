"""The pictures that tell a comparison: of what is gained and lost, with what each side sees in them. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from nightjar.domain.comparison.documents import Change, Example, Kind, ReviewedEvent
from nightjar.domain.comparison.side import Outcome
from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.dry_run import Message
from nightjar.domain.names import Camera
from nightjar.domain.reactions import ReviewVerdict
from nightjar.domain.sights import ObjectSeen, in_order
from nightjar.domain.why_not_sent import why_not_sent

_MOST_OBJECTS = 12  # boxes in one picture
# Objects of labels that rules name are shown from this probability on, to tell "not sure" from "not seen".
SHOWN_FROM = 0.25
_BY_KIND = {Kind.ALERTS: 0, Kind.EVENTS: 1, Kind.OBJECTS: 2}

LeastOf = Callable[[Camera], Mapping[str, float]]


class Pictures:
    """Gathers examples while one user's cameras go by. `take` a camera's pictures before anything of it is added."""

    MOST_OF_A_USER: ClassVar[int] = 16

    def __init__(self, are_of_two_detectors: bool) -> None:
        self.are_of_two_detectors = are_of_two_detectors
        self.examples: list[Example] = []
        self._seen: dict[str, tuple[Detection, Detection]] = {}  # by the key of the standard picture
        self._objects: dict[tuple[Camera, str, Change], Example] = {}

    def take(self, before: Iterable[Detection], after: Iterable[Detection]) -> None:
        """The same pictures as each side sees them."""
        self._seen |= {one.picture.standard_key: (one, other) for one, other in zip(before, after, strict=True)}

    def add(
        self,
        kind: Kind,
        changed: Iterable[tuple[Change, Message, Outcome]],
        reviewed: Sequence[ReviewedEvent],
        gap: timedelta,
        counted_from: LeastOf,
    ) -> None:
        """An example of each message (or event, told as one) that one side alone has; the other side is beside it."""
        by_place = {(each.change, each.picture.standard_key, each.label): each for each in self.examples}
        for change, message, other in changed:
            best, label = message.lead.best, message.lead.topic.label
            known = by_place.get((change, best.picture.standard_key, label))
            if known is not None and known.kind != Kind.OBJECTS:
                continue  # the alert about it is shown
            if known is not None:
                self.examples.remove(known)
            before, after = self._seen[best.picture.standard_key]
            seen = (after if change is Change.LOST else before).objects if self.are_of_two_detectors else None
            least = counted_from(message.camera)
            self.examples.append(
                Example(
                    kind=kind,
                    change=change,
                    picture=best.picture,
                    label=label,
                    probability=best.probability,
                    rule=f"{message.lead.topic.rule_id} {message.lead.rule.name}",
                    severity=str(message.lead.rule.severity),
                    why=why_not_sent(message, other.side, gap, seen),
                    verdict=_verdict(message, reviewed, gap),
                    before=_shown(before.objects, least, label),
                    after=_shown(after.objects, least, label),
                )
            )

    def add_objects(
        self,
        change: Change,
        objects: Iterable[ObjectSeen],
        before: Detection,
        after: Detection,
        least: Mapping[str, float],
    ) -> None:
        """An example of objects that one side alone sees: of each camera, label and change the most probable one."""
        for each in objects:
            key = before.picture.camera, each.label, change
            known = self._objects.get(key)
            if known is None or known.probability < each.probability:
                if known is not None:
                    self.examples.remove(known)
                self._objects[key] = Example(
                    kind=Kind.OBJECTS,
                    change=change,
                    picture=before.picture,
                    label=each.label,
                    probability=each.probability,
                    before=_shown(before.objects, least, each.label),
                    after=_shown(after.objects, least, each.label),
                )
                self.examples.append(self._objects[key])


def most_telling(examples: Iterable[Example], most: int) -> list[Example]:
    """At most so many: confirmed events that are lost first, then alerts, events, objects; of each camera in turn."""
    ordered = sorted(examples, key=lambda each: (_rank(each), -each.probability, each.picture.standard_key, each.label))
    turns: Counter[tuple[tuple[int, ...], Camera]] = Counter()
    by_turn = []
    for each in ordered:
        turn = _rank(each), each.picture.camera
        turns[turn] += 1
        by_turn.append((turn[0], turns[turn], each))
    by_turn.sort(key=lambda item: item[:2])
    return [each for *_, each in by_turn[:most]]


def _rank(example: Example) -> tuple[int, ...]:
    confirmed_lost = example.verdict == ReviewVerdict.CONFIRMED and example.change == Change.LOST
    return int(not confirmed_lost), _BY_KIND.get(Kind(example.kind), len(_BY_KIND)), int(not example.verdict)


def _verdict(message: Message, reviewed: Iterable[ReviewedEvent], gap: timedelta) -> str:
    """A person's word about an event of the same label at this camera and time; nothing if nobody did."""
    first, last = message.started_at - gap, message.ended_at + gap
    return next(
        (
            str(each.verdict)
            for each in reviewed
            if (each.device, each.label) == (message.camera.device, message.lead.topic.label)
            and first <= each.started_at <= last
        ),
        "",
    )


def _shown(objects: Sequence[ObjectSeen], least: Mapping[str, float], label: str) -> tuple[DetectedObject, ...]:
    """The objects that count, those of `label` from SHOWN_FROM on, and the best of it, the most probable first."""
    ordered = in_order(objects)
    best = next((each for each in ordered if each.label == label), None)
    shown = [
        each
        for each in ordered
        if each is best
        or each.probability >= least.get(each.label, 2)
        or (each.label == label and each.probability >= SHOWN_FROM)
    ]
    return tuple(
        DetectedObject(label=each.label, probability=each.probability, box=each.box) for each in shown[:_MOST_OBJECTS]
    )
