"""The message about an event: subject, text and HTML. Pure; every name that comes from outside is escaped."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nightjar.domain.events import Event
from nightjar.domain.probability import percent
from nightjar.domain.rules import CameraRules

CONTENT_ID = "picture"
_MOST_LABELS = 3


@dataclass(frozen=True)
class Message:
    """An e-mail. `picture` is a JPEG that the HTML shows by its content id; None when there is none any more."""

    recipient: str
    subject: str
    text: str
    html: str
    picture: bytes | None
    picture_name: str


@dataclass(frozen=True)
class _Fact:
    name: str
    value: str


def compose(event: Event, camera: CameraRules, picture: bytes | None, *, possibly_repeated: bool) -> Message:
    """The message about `event`, with times on the user's wall clock."""
    headline = f"{_named(list(event.labels))} at {event.camera.name}{_site(event)}"
    began = camera.local(event.started_at)
    subject = f"{'[possibly repeated] ' if possibly_repeated else ''}{headline}, {began:%H:%M}"
    values = {
        "subject": subject,
        "headline": headline,
        "when": f"{_day(began)}, {began:%H:%M} {began.tzname()}",
        "facts": _facts(event, camera),
        "possibly_repeated": possibly_repeated,
        "has_picture": picture is not None,
        "content_id": CONTENT_ID,
        "picture_alt": f"{_seen(event.shown.labels)} at {_clock(camera.local(event.shown.picture.taken_at))}",
        "camera": event.camera.name,
        "event_id": event.id,
    }
    return Message(
        recipient=camera.email,
        subject=subject,
        text=_templates().get_template("alert.txt.j2").render(values),
        html=_templates().get_template("alert.html.j2").render(values),
        picture=picture,
        picture_name=f"{event.camera.name}-{event.id}.jpg",
    )


def _facts(event: Event, camera: CameraRules) -> list[_Fact]:
    shown = camera.local(event.shown.picture.taken_at)
    number = event.picture_count
    pictures = "1 picture" if number == 1 else f"{number:,} pictures, the clearest at {_clock(shown)}"
    return [
        _Fact("What", _seen(event.labels)),
        _Fact("Where", f"{event.camera.name}{_site(event)}"),
        _Fact("When", _span(camera.local(event.started_at), camera.local(event.ended_at), camera)),
        _Fact("Rule", _rule(event, camera)),
        _Fact("Seen in", pictures),
        _Fact("Event", event.id),
    ]


def _rule(event: Event, camera: CameraRules) -> str:
    rule = camera.rules.get(event.rule_id)
    if rule is None:
        return f"{event.rule_name} ({event.rule_id})"
    hours = f", {rule.hours}" if rule.hours else ""
    return f"{event.rule_name} ({event.rule_id}): {', '.join(rule.unsafe)} from {percent(rule.min_probability)}{hours}"


def _span(began: datetime, ended: datetime, camera: CameraRules) -> str:
    zone = f"{ended.tzname()} ({camera.timezone.key})"
    if began == ended:
        return f"{_day(began)}, {_clock(began)} {zone}"
    if (began.date(), began.tzname()) == (ended.date(), ended.tzname()):
        return f"{_day(began)}, {_clock(began)} to {_clock(ended)} {zone}"
    return f"{_day(began)}, {_clock(began)} {began.tzname()} to {_day(ended)}, {_clock(ended)} {zone}"


def _named(labels: list[str]) -> str:
    """person, dog, cat, bird: `Person, dog, cat and more`."""
    shown = labels[:_MOST_LABELS] if len(labels) > _MOST_LABELS else labels[:-1]
    last = "more" if len(labels) > _MOST_LABELS else labels[-1]
    text = f"{', '.join(shown)} and {last}" if shown else last
    return text[:1].upper() + text[1:]


def _seen(labels: dict[str, float]) -> str:
    return ", ".join(f"{label} {percent(probability)}" for label, probability in labels.items())


def _site(event: Event) -> str:
    return f" ({event.site})" if event.site else ""


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
