"""The objects of a notice in words, and the pictures that show just these."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightjar.domain.events import MOST_OBJECTS, Event, ThreatPicture, by_probability
from nightjar.domain.labels import counted, listed, plural
from nightjar_notify.wording.locale import Writing

_MOST_LABELS = 3


@dataclass(frozen=True)
class Seen:
    """The labels of some events, each with its highest probability and how many are shown of it.

    `pictures` show every label that the headline names: one picture if it shows all, else more.
    """

    labels: Mapping[str, float]
    numbers: Mapping[str, int]
    pictures: tuple[ThreatPicture, ...]
    shown_in: Mapping[str, ThreatPicture] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Seen":
        """All of `events`, of which there is at least one."""
        labels: dict[str, float] = {}
        best: dict[str, ThreatPicture] = {}
        merged = _merged(events)
        for event in events:
            for label, probability in event.labels.items():
                if label not in labels or probability > labels[label]:
                    labels[label] = probability
                    best[label] = merged[event.best.get(label, event.shown).picture.standard_key]
        labels = by_probability(labels)
        first = max(best.values(), key=lambda each: _worth(each, best))
        shown_in = {label: first if _number(label, first) else best[label] for label in labels}
        numbers = {label: max(1, _number(label, each)) for label, each in shown_in.items()}
        named = list(labels)[:_MOST_LABELS]
        pictures = tuple(dict.fromkeys(_key(shown_in[label]) for label in named))
        return cls(labels, numbers, tuple(merged[key] for key in pictures), shown_in)

    def headline(self) -> str:
        """`Person`, `Person and dog`, `3 people`, `2 people and a dog`, `Person, dog, cat and more`."""
        return headline_of(self.labels, self.numbers)

    def likely(self, writing: Writing, labels: Sequence[str] | None = None) -> str:
        """`person, 95 %`; `3 people, up to 95 %; a dog, 87 %`; of `labels` only, if they are given."""
        wanted = [label for label in self.labels if labels is None or label in labels]
        parts = []
        for label in wanted:
            number = self.numbers[label]
            name = label if len(wanted) == 1 and number == 1 else _counted(number, label)
            parts.append(f"{name}, {'up to ' if number > 1 else ''}{writing.likely(self.labels[label])}")
        return "; ".join(parts)

    def likely_in(self, picture: ThreatPicture, writing: Writing) -> str:
        """The same about the objects of one picture."""
        labels = picture.labels
        numbers = {label: _number(label, picture) for label in labels}
        return Seen(labels, numbers, (picture,)).likely(writing)


def lower_first(text: str) -> str:
    """The text as it stands within a sentence."""
    return text[:1].lower() + text[1:]


def headline_of(labels: Mapping[str, float], numbers: Mapping[str, int]) -> str:
    """The labels in words, as a message's subject begins."""
    alone = all(numbers[label] == 1 for label in labels)
    named = [label if alone else _counted(numbers[label], label) for label in list(labels)[:_MOST_LABELS]]
    text = listed([*named, "more"] if len(labels) > _MOST_LABELS else named)
    return text[:1].upper() + text[1:]


def _merged(events: Sequence[Event]) -> dict[str, ThreatPicture]:
    """The best pictures of the events, by key, each with the objects that any of the events has in it."""
    merged: dict[str, ThreatPicture] = {}
    for event in events:
        for each in (event.shown, *event.best.values()):
            key = _key(each)
            objects = Counter(merged[key].objects if key in merged else ()) | Counter(each.objects)
            ordered = sorted(objects.elements(), key=lambda o: (-o.probability, o.label, o.box))
            merged[key] = each.model_copy(update={"objects": tuple(ordered)})
    return merged


def _worth(picture: ThreatPicture, best: Mapping[str, ThreatPicture]) -> tuple[int, float, float]:
    """How much a picture shows: labels with as many objects as their best picture has, then how surely, then early."""
    whole = sum(_number(label, picture) >= _number(label, each) for label, each in best.items())
    return whole, picture.probability, -picture.picture.taken_at.timestamp()


def _key(picture: ThreatPicture) -> str:
    return picture.picture.standard_key


def _number(label: str, picture: ThreatPicture) -> int:
    return sum(each.label == label for each in picture.objects)


def _counted(number: int, label: str) -> str:
    """The number in words; of a crowd, an event keeps the most probable objects only."""
    return f"{number} or more {plural(label)}" if number >= MOST_OBJECTS else counted(number, label)
