"""Two sets of rules over the same pictures: which messages both would have sent, and which only one of them. Pure.

A message of one set and a message of the other are the same for who gets them if both tell of something with the same
label, at the same camera and at the same time. Each is paired with one other at the most, by time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nightjar.domain.dry_run import Message
from nightjar.domain.names import Camera


class Change(StrEnum):
    """The effect of new rules on a message."""

    LOST = "lost"
    GAINED = "gained"
    SAME = "same"


@dataclass(frozen=True)
class Pair:
    """A message under the rules in force and one under the new rules, or either of them alone."""

    before: Message | None
    after: Message | None

    @property
    def change(self) -> Change:
        """Whether it is lost, gained, or sent by both."""
        if self.after is None:
            return Change.LOST
        return Change.GAINED if self.before is None else Change.SAME

    @property
    def message(self) -> Message:
        """The message under the new rules, or else the one that is lost."""
        message = self.after or self.before
        assert message is not None, "expected at least one message"
        return message

    @property
    def at(self) -> datetime:
        """When it would have been sent."""
        return self.message.at


@dataclass
class Count:
    """Messages of one user and rule; a message counts for the rule that it shows first."""

    user: str
    rule_id: int
    rule_name: str
    before: int = 0
    after: int = 0
    gained: int = 0
    lost: int = 0


def compare(before: Iterable[Message], after: Iterable[Message], gap: timedelta) -> list[Pair]:
    """All messages, those that are the same in pairs, by time. Moments within `gap` count as the same moment."""
    cameras: dict[Camera, tuple[list[Message], list[Message]]] = defaultdict(lambda: ([], []))
    for side, messages in enumerate((before, after)):
        for message in messages:
            cameras[message.camera][side].append(message)
    pairs = [pair for old, new in cameras.values() for pair in _pairs(old, new, gap)]
    return sorted(pairs, key=lambda pair: (pair.at, pair.message.camera))


def count(pairs: Iterable[Pair]) -> list[Count]:
    """How many messages each user gets by each rule."""
    counts: dict[tuple[str, int], Count] = {}

    def of(message: Message) -> Count:
        key = message.camera.user, message.lead.topic.rule_id
        return counts.setdefault(key, Count(*key, message.lead.rule.name))

    for pair in pairs:
        if pair.before:
            of(pair.before).before += 1
            of(pair.before).lost += pair.after is None
        if pair.after:
            of(pair.after).after += 1
            of(pair.after).gained += pair.before is None
    return [counts[key] for key in sorted(counts)]


def _pairs(before: Sequence[Message], after: Sequence[Message], gap: timedelta) -> Iterator[Pair]:
    left = sorted(after, key=_order)
    for old in sorted(before, key=_order):
        while left and left[0].ended_at + gap < old.started_at:  # and so for every message that is still to come
            yield Pair(None, left.pop(0))
        same = _first_that_meets(old, left, gap)
        if same is not None:
            left.remove(same)
        yield Pair(old, same)
    yield from (Pair(None, new) for new in left)


def _first_that_meets(old: Message, left: Iterable[Message], gap: timedelta) -> Message | None:
    """The first of `left`, which are by start, that tells of the same as `old`; those after its end are passed over."""
    for new in left:
        if new.started_at > old.ended_at + gap:
            break
        if _meet(old, new, gap):
            return new
    return None


def _order(message: Message) -> tuple[datetime, datetime, int]:
    return message.started_at, message.at, message.lead.topic.rule_id


def _meet(old: Message, new: Message, gap: timedelta) -> bool:
    """Whether both tell of the same label at the same time."""
    return any(
        a.topic.label == b.topic.label and a.started_at <= b.ended_at + gap and b.started_at <= a.ended_at + gap
        for a in old.about
        for b in new.about
    )
