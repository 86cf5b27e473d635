"""One side of a comparison: a set of rules, and what would have happened at the cameras that it judged. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.detections import Detection
from nightjar.domain.dry_run import Happening, Held, Message, happenings, replay
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.judging import Judgement, judge_pictures
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Rules
from nightjar.domain.sights import Sight
from nightjar.domain.why_not_sent import Side


@dataclass(frozen=True)
class Outcome:
    """The messages, the happenings and what is held back within a time; `side` says why anything else is not there."""

    messages: list[Message]
    happenings: list[Happening]
    held: list[Held]
    side: Side


class JudgedSide:
    """Judges the detections of cameras by one set of rules (None: there are none), a camera at a time."""

    def __init__(self, rules: Rules | None) -> None:
        self.rules = rules
        self.gap = rules.event_gap if rules else timedelta(0)
        self._cameras: dict[Camera, CameraRules] = {}
        self._judged: dict[Camera, Judgement] = {}
        self._happenings: dict[str, list[Happening]] = {}  # by user

    def knows(self, camera: Camera) -> CameraRules | None:
        """The rules of a camera, in this set."""
        return self.rules.device(camera) if self.rules else None

    def take(self, camera: Camera, detections: Collection[Detection], false_boxes: Sequence[FalseBox]) -> None:
        """Judge the detections of a camera, all of them at once."""
        settings = self.knows(camera)
        if settings is None:
            return
        sights = (Sight(each.picture.taken_at, each.objects, each.is_seen) for each in detections)
        judgement = judge_pictures(sights, settings, self.gap, tuple(false_boxes))
        self._cameras[camera] = settings
        self._judged[camera] = judgement
        self._happenings.setdefault(camera.user, []).extend(happenings(settings, detections, judgement, self.gap))

    def has(self, camera: Camera, label: str, first: datetime, last: datetime) -> bool:
        """Whether anything of `label` happened at `camera` between these moments, give or take the event gap."""
        return any(
            each.camera.camera == camera
            and each.topic.label == label
            and each.started_at <= last + self.gap
            and first <= each.ended_at + self.gap
            for each in self._happenings.get(camera.user, ())
        )

    def outcome(self, start: datetime, end: datetime) -> Outcome:
        """Messages sent, and happenings begun, from `start` up to `end`; what is held back ended after `start`."""
        replays = [replay(user, self._happenings[user]) for user in sorted(self._happenings)]
        begun = (each for user in sorted(self._happenings) for each in self._happenings[user])
        sent = (message for replayed in replays for message in replayed.messages)
        held = (held for replayed in replays for held in replayed.held)
        return Outcome(
            messages=[message for message in sent if start <= message.at < end],
            happenings=[each for each in begun if start <= each.started_at < end],
            held=[each for each in held if each.happening.ended_at >= start],
            side=Side(self._cameras, self._judged, replays),
        )
