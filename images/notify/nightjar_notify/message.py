"""The message about an event: subject, text and HTML. Pure; every name that comes from outside is escaped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nightjar.domain.events import MOST_OBJECTS, Event
from nightjar.domain.labels import counted, listed, plural
from nightjar.domain.places import place
from nightjar.domain.probability import percent
from nightjar.domain.rules import CameraRules
from nightjar_notify.picture import Pictures, Shown

_MOST_LABELS = 3


@dataclass(frozen=True)
class Inline:
    """A JPEG that the HTML shows by its content id."""

    content_id: str
    name: str
    jpeg: bytes


@dataclass(frozen=True)
class Message:
    """An e-mail. `pictures` are what the HTML shows; none when the picture is there no more."""

    recipient: str
    subject: str
    text: str
    html: str
    pictures: tuple[Inline, ...]


@dataclass(frozen=True)
class _Fact:
    name: str
    value: str


def compose(event: Event, camera: CameraRules, pictures: Pictures | None, *, possibly_repeated: bool) -> Message:
    """The message about `event`, with times on the user's wall clock."""
    where = place(event.device, event.site)
    headline = f"{_headline(event)} at {where}"
    began = camera.local(event.started_at)
    subject = f"{'[possibly repeated] ' if possibly_repeated else ''}{headline}, {began:%H:%M}"
    inline = tuple(_inline(event, pictures)) if pictures else ()
    values = {
        "subject": subject,
        "headline": headline,
        "when": f"{_day(began)}, {began:%H:%M} {began.tzname()}",
        "facts": _facts(event, camera, where),
        "possibly_repeated": possibly_repeated,
        "whole": pictures.whole if pictures else None,
        "closeup": pictures.closeup if pictures else None,
        "content_ids": [each.content_id for each in inline],
        "picture_alt": f"{_seen(event.shown.labels, event)}, {_clock(camera.local(event.shown.picture.taken_at))}",
        "where": where,
        "internal": f"Camera {event.camera.name}, rule {event.rule_id}, event {event.id}",
    }
    return Message(
        recipient=camera.email,
        subject=subject,
        text=_templates().get_template("alert.txt.j2").render(values),
        html=_templates().get_template("alert.html.j2").render(values),
        pictures=inline,
    )


def _inline(event: Event, pictures: Pictures) -> Iterator[Inline]:
    shown: dict[str, Shown | None] = {"picture": pictures.whole, "closeup": pictures.closeup}
    for content_id, each in shown.items():
        if each is not None:
            ending = "" if content_id == "picture" else f"-{content_id}"
            yield Inline(content_id, f"{event.camera.name}-{event.id}{ending}.jpg", each.jpeg)


def _facts(event: Event, camera: CameraRules, where: str) -> list[_Fact]:
    shown = camera.local(event.shown.picture.taken_at)
    number = event.picture_count
    pictures = "1 picture" if number == 1 else f"{number:,} pictures, the clearest at {_clock(shown)}"
    return [
        _Fact("What", _seen(event.labels, event)),
        _Fact("Where", where),
        _Fact("When", _span(camera.local(event.started_at), camera.local(event.ended_at), camera)),
        _Fact("Rule", _rule(event, camera)),
        _Fact("Seen in", pictures),
    ]


def _rule(event: Event, camera: CameraRules) -> str:
    rule = camera.rules.get(event.rule_id)
    if rule is None:
        return event.rule_name
    hours = f", {rule.hours}" if rule.hours else ""
    least = {label: percent(rule.probability_of(label) or 0) for label in rule.unsafe}
    if len(set(least.values())) == 1:
        labels = f"{', '.join(least)} from {next(iter(least.values()))}"
    else:
        labels = ", ".join(f"{label} from {probability}" for label, probability in least.items())
    return f"{event.rule_name}: {labels}{hours}"


def _span(began: datetime, ended: datetime, camera: CameraRules) -> str:
    zone = f"{ended.tzname()} ({camera.timezone.key})"
    if began == ended:
        return f"{_day(began)}, {_clock(began)} {zone}"
    if (began.date(), began.tzname()) == (ended.date(), ended.tzname()):
        return f"{_day(began)}, {_clock(began)} to {_clock(ended)} {zone}"
    return f"{_day(began)}, {_clock(began)} {began.tzname()} to {_day(ended)}, {_clock(ended)} {zone}"


def _headline(event: Event) -> str:
    """`Person`, `Person and dog`, `3 people`, `2 people and a dog`, `Person, dog, cat and more`."""
    labels = list(event.labels)
    numbers = {label: _number(label, event) for label in labels}
    alone = all(number == 1 for number in numbers.values())
    named = [label if alone else _counted(numbers[label], label) for label in labels[:_MOST_LABELS]]
    text = listed([*named, "more"] if len(labels) > _MOST_LABELS else named)
    return text[:1].upper() + text[1:]


def _seen(labels: dict[str, float], event: Event) -> str:
    """`person, 95 %`; `3 people, up to 95 %; a dog, 87 %`."""
    numbers = {label: _number(label, event) for label in labels}
    alone = len(labels) == 1
    parts = []
    for label, probability in labels.items():
        number = numbers[label]
        name = label if alone and number == 1 else _counted(number, label)
        parts.append(f"{name}, {'up to ' if number > 1 else ''}{percent(probability)}")
    return "; ".join(parts)


def _number(label: str, event: Event) -> int:
    """How many objects with `label` there are: in the picture that is shown, or else in its own best picture."""
    own = [event.shown, *([event.best[label]] if label in event.best else [])]
    return next((n for each in own if (n := sum(o.label == label for o in each.objects))), 1)


def _counted(number: int, label: str) -> str:
    """The number in words; of a crowd, an event keeps the most probable objects only."""
    return f"{number} or more {plural(label)}" if number >= MOST_OBJECTS else counted(number, label)


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("nightjar_notify"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
