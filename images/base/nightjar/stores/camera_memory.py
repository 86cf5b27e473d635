"""The memory of a transaction, by which other pictures are judged: is an object static, do enough pictures agree?"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from nightjar.domain.areas import Box
from nightjar.domain.events import EventRef, Threat, ThreatPicture, is_same
from nightjar.domain.minutes import Held, StoredLook, ThreatMinute, joined
from nightjar.domain.rules import Safe, Static
from nightjar.domain.static import HORIZON, influence_end
from nightjar.domain.topics import Topic
from nightjar.stores.camera_view import CameraView


class CameraMemory:
    """The looks and the held candidates of a camera, as they are by now in a transaction. Used by one thread."""

    def __init__(self, view: CameraView) -> None:
        self._view, self._minutes = view, view.minutes

    def look(self, moment: datetime) -> StoredLook | None:
        """The look at the picture taken at `moment`; None where none is stored."""
        minute = self._minutes.at(moment)
        looks = minute.looks if minute else ()
        return next((each for each in looks if each.taken_at == moment), None)

    def looks_before(self, moment: datetime) -> Iterator[StoredLook]:
        """The earlier looks within the horizon, the newest first."""
        for minute in self._minutes.within(moment - HORIZON, moment, back=True):
            for each in reversed(minute.looks):
                if each.taken_at < moment:
                    yield each

    def put_look(self, moment: datetime, boxes: dict[str, tuple[Box, ...]]) -> bool:
        """Keep the look at the picture taken at `moment`; whether it is new or another than before."""
        stored = self.look(moment)
        if stored is not None and stored.boxes == boxes:
            return False
        kept = [each for each in self._minutes.content(moment).looks if each.taken_at != moment]
        looks = sorted([*kept, StoredLook(taken_at=moment, boxes=boxes)], key=lambda each: each.taken_at)
        self._minutes.change(moment, looks=tuple(looks))
        return True

    def influenced(self, changed: Sequence[datetime], newest: datetime | None, static: Static) -> set[datetime]:
        """The moments after the `changed` looks, ascending, at which another look may be judged otherwise by now.

        `newest` is that of the looks that were there before; a live run is after all of them, and nothing is read.
        """
        found = set[datetime]()
        covered: datetime | None = None
        for moment in changed:
            if newest is None or moment >= newest:
                break
            following = next(self._looks_after(moment, min(newest, moment + HORIZON)), None)
            end = min(influence_end(following, moment, static), newest)
            start = max(moment, covered) if covered else moment
            found.update(self._looks_after(start, end))
            covered = max(end, start)
        return found

    def candidates_at(self, moment: datetime) -> dict[Topic, ThreatPicture]:
        """The objects that a rule calls unsafe in the picture taken at `moment`, threat or not, by topic."""
        minute = self._minutes.at(moment)
        if minute is None:
            return {}
        parts: dict[Topic, list[ThreatPicture]] = {}
        for each in _candidates(minute):
            if each.taken_at == moment:
                parts.setdefault(each.topic, []).append(each.shown)
        return {topic: joined(pictures) for topic, pictures in parts.items()}

    def open_between(self, topic: Topic, first: datetime, last: datetime) -> dict[datetime, tuple[ThreatPicture, bool]]:
        """The candidates of a topic that are not static, from `first` to `last`, by time; whether each is a threat."""
        found: dict[datetime, tuple[ThreatPicture, bool]] = {}
        for minute in self._minutes.within(first, last):
            for each in _candidates(minute):
                is_open = isinstance(each, Threat) or each.reason == Safe.TOO_FEW_PICTURES
                if is_open and each.topic == topic and first <= each.taken_at <= last:
                    found.setdefault(each.taken_at, (each.shown, isinstance(each, Threat)))
        return dict(sorted(found.items()))

    def held_topics(self, moments: Iterable[datetime]) -> set[Topic]:
        """The topics of which something is held in a picture taken at any of `moments`."""
        held = (each for moment in moments if (minute := self._minutes.at(moment)) for each in minute.held)
        wanted = set(moments)
        return {each.topic for each in held if each.taken_at in wanted}

    def static_at(self, topic: Topic, moment: datetime) -> list[Held]:
        """The objects of a topic that are stored as static in the picture taken at `moment`."""
        minute = self._minutes.at(moment)
        held = minute.held if minute else ()
        return [h for h in held if (h.topic, h.taken_at, h.reason) == (topic, moment, Safe.STATIC)]

    def event_of(self, topic: Topic, moment: datetime) -> EventRef | None:
        """The event that a topic's picture taken at `moment` is in, or was in before it was held."""
        minute = self._minutes.at(moment)
        stored = (e for e in _candidates(minute) if (e.topic, e.taken_at) == (topic, moment)) if minute else ()
        return next((each.event for each in stored if each.event), None)

    def in_other_areas(self, topic: Topic, moment: datetime) -> dict[Topic, EventRef]:
        """The same of its rule and label in other areas: the rules may have given an area another name since."""
        minute = self._minutes.at(moment)
        stored = [each for each in _candidates(minute) if each.taken_at == moment] if minute else []
        return {
            each.topic: each.event
            for each in stored
            if each.event and each.topic != topic and (each.rule_id, each.label) == (topic.rule_id, topic.label)
        }

    def put_held(self, topic: Topic, moment: datetime, held: Sequence[Held]) -> None:
        """Make `held` all that is held of a topic in the picture taken at `moment`."""
        minute = self._minutes.at(moment)
        stored = minute.held if minute else ()
        before = [each for each in stored if (each.topic, each.taken_at) == (topic, moment)]
        if [_essence(each) for each in before] == [_essence(each) for each in held] and all(
            is_same(old.shown, new.shown) for old, new in zip(before, held, strict=True)
        ):
            return
        kept = [each for each in self._minutes.content(moment).held if (each.topic, each.taken_at) != (topic, moment)]
        ordered = sorted([*kept, *held], key=lambda each: (each.taken_at, each.topic, str(each.reason)))
        self._minutes.change(moment, held=tuple(ordered))

    def _looks_after(self, moment: datetime, limit: datetime) -> Iterator[datetime]:
        for minute in self._minutes.within(moment, limit):
            yield from (each.taken_at for each in minute.looks if moment < each.taken_at <= limit)


def _candidates(minute: ThreatMinute) -> Iterator[Threat | Held]:
    """Threats first: release 0.2, which knows nothing of what is held, may have made a threat of the same."""
    for stored in minute.threats:
        yield from stored.by_label()
    yield from minute.held


def _essence(held: Held) -> tuple[str, EventRef | None]:
    return str(held.reason), held.event
