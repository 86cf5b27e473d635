"""Dry run: the alerts that rules would have sent about pictures that are stored. Pure; nobody is alerted.

    detections ─ judged ─► threats by topic ─ cut at the event gap ─► happenings ─ replayed, policy ─► messages, or held

It is replayed as if every picture had arrived, and been judged, at the moment when it was taken. So a message goes out
with the picture that makes a happening known, and later ones of the same happening send nothing.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from nightjar.domain.conditions import Scene
from nightjar.domain.detections import Detection
from nightjar.domain.events import ThreatPicture
from nightjar.domain.judging import Judgement
from nightjar.domain.names import Camera
from nightjar.domain.policy import Ended, Telling, held_back, needs_state, reserve
from nightjar.domain.rules import CameraRules, Rule
from nightjar.domain.topics import Topic

NO_CHANNEL = "no-channel"  # the rules name no channel for events of this severity
_NEVER_LATE = timedelta(days=1)  # every picture arrives at once


@dataclass(frozen=True)
class Happening:
    """An event as it would have been: threats of one camera and topic, by time, each within the gap of the one before.

    `known_at` is the moment of the picture with which enough pictures agree.
    """

    camera: CameraRules
    rule: Rule
    topic: Topic
    threats: tuple[ThreatPicture, ...]
    known_at: datetime

    @cached_property
    def started_at(self) -> datetime:
        """The moment of the first threat."""
        return self.threats[0].picture.taken_at

    @cached_property
    def ended_at(self) -> datetime:
        """The moment of the last threat."""
        return self.threats[-1].picture.taken_at

    @cached_property
    def best(self) -> ThreatPicture:
        """The threat with the most probable object, of those that the detector looked at, if there are any."""
        return max(self.threats, key=lambda threat: (threat.is_seen, threat.probability))


@dataclass(frozen=True)
class Message:
    """One message that would have been sent at `at`: about all that was news then, the gravest first."""

    at: datetime
    about: tuple[Happening, ...]

    @property
    def lead(self) -> Happening:
        """The happening that the message shows."""
        return self.about[0]

    @property
    def camera(self) -> Camera:
        """The camera that it is about."""
        return self.lead.camera.camera

    @cached_property
    def started_at(self) -> datetime:
        """The start of the first of its happenings."""
        return min(each.started_at for each in self.about)

    @cached_property
    def ended_at(self) -> datetime:
        """The end of the last of its happenings."""
        return max(each.ended_at for each in self.about)


@dataclass(frozen=True)
class Held:
    """A happening that nobody would have been alerted to, and the reason that the policy gave last."""

    happening: Happening
    reason: str


@dataclass
class Replay:
    """The messages by time, and what would have been held back."""

    messages: list[Message] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


def happenings(
    camera: CameraRules, detections: Iterable[Detection], judgement: Judgement, gap: timedelta
) -> list[Happening]:
    """The happenings at one camera, whose `detections` were judged."""
    by_moment = {each.picture.taken_at: each for each in detections}
    found = []
    for topic, threats in sorted(judgement.threats.items()):
        rule = camera.rules[topic.rule_id]
        shown = [_shown(by_moment[moment], objects) for moment, objects in threats.items()]
        found += [
            Happening(camera, rule, topic, tuple(part), _known_at(rule, part)) for part in _cut_at_gaps(shown, gap)
        ]
    return found


def _shown(detection: Detection, objects: Any) -> ThreatPicture:
    """The threat, unchecked: there may be 100,000, and all parts were checked before."""
    return ThreatPicture.model_construct(
        picture=detection.picture, detector=detection.detector, objects=objects, mark=detection.mark
    )


def replay(user: str, found: Iterable[Happening]) -> Replay:
    """The messages that `user` would have got about `found`, the happenings at the user's cameras."""
    return _Replaying(user, found).result()


def _cut_at_gaps(threats: Sequence[ThreatPicture], gap: timedelta) -> Iterator[list[ThreatPicture]]:
    part: list[ThreatPicture] = []
    for threat in threats:
        if part and threat.picture.taken_at - part[-1].picture.taken_at > gap:
            yield part
            part = []
        part.append(threat)
    if part:
        yield part


def _known_at(rule: Rule, threats: Sequence[ThreatPicture]) -> datetime:
    moments = [threat.picture.taken_at for threat in threats]
    if rule.agree is None:
        return moments[0]
    within = timedelta(seconds=rule.agree.within_seconds)
    windows = zip(moments, moments[rule.agree.pictures - 1 :], strict=False)
    return next((last for first, last in windows if last - first <= within), moments[-1])


class _Replaying:
    def __init__(self, user: str, found: Iterable[Happening]) -> None:
        self._found = list(found)
        self._telling = Telling(user=user)

    def result(self) -> Replay:
        done = Replay()
        told: set[int] = set()
        reasons: dict[int, str] = {}
        moments = sorted(
            (threat.picture.taken_at, each.camera.camera, n)
            for n, each in enumerate(self._found)
            for threat in each.threats
            if threat.picture.taken_at >= each.known_at
        )
        for (at, _), group in itertools.groupby(moments, key=lambda item: item[:2]):
            if numbers := [n for *_, n in group if n not in told]:
                held = self._held(numbers, at)
                reasons |= held
                if news := [n for n in numbers if n not in held]:
                    told.update(news)
                    done.messages.append(Message(at, tuple(sorted((self._found[n] for n in news), key=_gravest))))
        done.held = [Held(each, reasons[n]) for n, each in enumerate(self._found) if n not in told]
        done.held.sort(key=lambda held: (held.happening.started_at, held.happening.camera.camera))
        return done

    def _held(self, numbers: Sequence[int], at: datetime) -> dict[int, str]:
        """Why some of one camera's happenings are not told at `at`; notes the message about the others."""
        held: dict[int, str] = {}
        for n in numbers:
            one = self._found[n]
            if not one.camera.channels[one.rule.severity]:
                held[n] = NO_CHANNEL
            elif reason := held_back(at, one.rule.severity, one.camera, None, at, _NEVER_LATE):
                held[n] = reason
        camera = self._found[numbers[0]].camera
        wanted = {str(n): Ended(at, self._found[n].rule.severity) for n in numbers if n not in held}
        if wanted and needs_state(camera):
            reserved = reserve(self._telling, camera, wanted, at)
            self._telling = reserved.telling
            held |= {int(identity): reason for identity, reason in reserved.held.items()}
        return held


def _gravest(one: Happening) -> tuple[int, float, Topic]:
    return -one.rule.severity.rank, -one.best.probability, one.topic


def objects_that_matter(cameras: Iterable[CameraRules]) -> dict[str, float]:
    """The labels that a rule of any of `cameras` names, each with the least probability from which on it may matter.

    Of labels that can be static every object matters: one that the detector is hardly sure of stood there before.
    """
    least: dict[str, float] = {}
    for camera in cameras:
        can_be_static = Scene(camera).static_labels
        for rule in camera.rules.values():
            for label in rule.unsafe:
                asked = 0.0 if label in can_be_static else rule.probability_of(label) or 0.0
                least[label] = min(asked, least.get(label, asked))
    return least
