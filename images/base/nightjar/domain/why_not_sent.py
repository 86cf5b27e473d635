"""Why one set of rules sends no message of its own about what another set tells of. Pure."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from nightjar.domain.dry_run import Happening, Held, Message, Replay
from nightjar.domain.judging import Judgement, judge_alone
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Safe
from nightjar.domain.sights import ObjectSeen, Sight, overlap_of

NOT_SEEN = "not-seen"  # by the other side's detector
SAME_FROM = 0.5  # IoU from which on two boxes of a label are the same object, as in `nightjar evaluate`
UNKNOWN_CAMERA = "camera not in the rules"
WITH_ANOTHER = "part of another alert"


class _Spans:
    """Happenings of one camera and label, found by time. `reason` says why each was held back; empty if it was not."""

    def __init__(self, found: Iterable[tuple[Happening, str]]) -> None:
        self._all = sorted(found, key=lambda each: each[0].started_at)
        self._starts = [each.started_at for each, _ in self._all]
        self._ends = list(accumulate((each.ended_at for each, _ in self._all), max))  # of this one and all before

    def meeting(self, first: datetime, last: datetime) -> Iterator[str]:
        """The reasons of those that were under way at some moment from `first` to `last`, the latest one first."""
        n = bisect_right(self._starts, last)
        while n and self._ends[n - 1] >= first:
            n -= 1
            happening, reason = self._all[n]
            if happening.ended_at >= first:
                yield reason


class Side:
    """One set of rules: its cameras, and what it would have sent and held back."""

    def __init__(
        self,
        cameras: Mapping[Camera, CameraRules],
        judged: Mapping[Camera, Judgement],
        replays: Iterable[Replay],
    ) -> None:
        self.cameras, self._judged = cameras, judged
        spans: dict[tuple[Camera, str], list[tuple[Happening, str]]] = defaultdict(list)
        for replay in replays:
            told = ((each, "") for message in replay.messages for each in message.about)
            for happening, reason in (*told, *((held.happening, held.reason) for held in replay.held)):
                spans[happening.camera.camera, happening.topic.label].append((happening, reason))
        self._spans = {key: _Spans(found) for key, found in spans.items()}

    def reasons(self, message: Message, gap: timedelta) -> list[str]:
        """The reasons of what happened under these rules when the message's happenings did; empty of what was told."""
        return [
            reason
            for each in message.about
            if (spans := self._spans.get((message.camera, each.topic.label)))
            for reason in spans.meeting(each.started_at - gap, each.ended_at + gap)
        ]

    def miss(self, message: Message, one: ObjectSeen) -> Safe | None:
        """Why the object `one` in the message's best picture is no threat under these rules."""
        moment, judged = message.lead.best.picture.taken_at, self._judged.get(message.camera)
        if judged is None:
            return None
        held = ((other, reason) for _, other, reason in judged.held.get(moment, ()))
        misses = (*held, *judge_alone(Sight(moment, [one]), judged.scene).misses)
        return next((reason for other, reason in misses if (other.label, other.box) == (one.label, one.box)), None)


def why_not_sent(message: Message, side: Side, gap: timedelta, seen: Sequence[ObjectSeen] | None = None) -> str:
    """Why `side` sends nothing about `message`, which the other side sends: a reason in a word or two.

    `seen` are the objects that the detector of `side` saw in the message's best picture; None where both have the same.
    """
    if message.camera not in side.cameras:
        return UNKNOWN_CAMERA
    if reasons := side.reasons(message, gap):
        return WITH_ANOTHER if "" in reasons else reasons[0]
    best = max(message.lead.best.objects, key=lambda each: each.probability)
    one = best if seen is None else the_same(best, seen)
    return NOT_SEEN if one is None else side.miss(message, one) or WITH_ANOTHER


def the_same(one: ObjectSeen, seen: Iterable[ObjectSeen]) -> ObjectSeen | None:
    """The object among `seen` that is `one`: of its label, and with the box that overlaps it most, if by enough."""
    others = [other for other in seen if other.label == one.label]
    best = max(others, key=lambda other: overlap_of(one.box, other.box), default=None)
    return best if best is not None and overlap_of(one.box, best.box) >= SAME_FROM else None


def reasons_held(held: Iterable[Held]) -> dict[str, int]:
    """How many happenings were held back, by reason, the most first."""
    return dict(Counter(each.reason for each in held).most_common())
