"""The notice of an alert: all events of one camera that are told at once; and the notice that one of them is over."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from nightjar.domain.events import Event
from nightjar.domain.labels import listed
from nightjar.domain.notices import Fact, Notice, NoticeKind, PictureToShow, Row, Section
from nightjar.domain.places import place
from nightjar.domain.rules import CameraRules, Rule, Severity
from nightjar_notify.wording.actions import Links, actions_about
from nightjar_notify.wording.locale import Writing, lasted
from nightjar_notify.wording.seen import Seen, lower_first

_MOST_ROWS = 12


def severity_of(event: Event, camera: CameraRules) -> Severity:
    """How much an event matters: as its rule says, or as any rule's does where that is gone."""
    rule = camera.rules.get(event.rule_id)
    return rule.severity if rule else Severity.WARNING


def in_order(events: Sequence[Event], camera: CameraRules) -> list[Event]:
    """The most severe event first, for it gives the message its id; then by time."""
    return sorted(events, key=lambda e: (-severity_of(e, camera).rank, e.started_at, e.id))


def alert_notice(
    events: Sequence[Event], camera: CameraRules, links: Links | None, now: datetime, gap: timedelta
) -> Notice:
    """The notice about `events` of one camera, in the order of `in_order`, of which there is at least one.

    An event counts as going on until nothing was seen for `gap`.
    """
    writing, seen = Writing.of(camera), Seen.of(events)
    where = place(camera.camera.device, events[0].site)
    began, ended = min(e.started_at for e in events), max(e.ended_at for e in events)
    headline = f"{seen.headline()} at {where}"
    ids = ", ".join(event.id for event in events[:_MOST_ROWS])
    rules = ", ".join(str(number) for number in sorted({event.rule_id for event in events}))
    return Notice(
        id=events[0].id,
        kind=NoticeKind.ALERT,
        severity=severity_of(events[0], camera),
        headline=headline,
        subject=f"{headline}, {writing.minute(began)}",
        when=writing.line(began),
        at=camera.local(ended),
        user=camera.camera.user,
        camera=camera.camera,
        place=where,
        about=events[0].id,
        facts=tuple(_facts(events, camera, seen, where, now, gap)),
        pictures=tuple(
            PictureToShow(each, f"{seen.likely_in(each, writing)}, {writing.clock(each.picture.taken_at)}")
            for each in seen.pictures
        ),
        sections=_one_by_one(events, writing),
        actions=actions_about(events, links),
        why=f"You get this because of a rule for {where}. Whoever runs Nightjar for you can change it.",
        internal=f"Camera {camera.camera.name}, rule {rules}, event {ids}",
        language=camera.language,
        events=tuple(event.ref for event in events),
        labels=tuple(seen.labels),
    )


def closing_notice(event: Event, camera: CameraRules, links: Links | None, told_until: datetime) -> Notice:
    """The notice that an event is over which went on after its alert, which told it up to `told_until`."""
    writing, seen = Writing.of(camera), Seen.of([event])
    where = place(camera.camera.device, event.site)
    span = writing.short_span(event.started_at, event.ended_at)
    headline = f"It is over: {lower_first(seen.headline())} at {where}"
    return Notice(
        id=f"closing-{event.id}",
        kind=NoticeKind.CLOSING,
        severity=severity_of(event, camera),
        headline=headline,
        subject=f"{headline}, {span}",
        when=f"{writing.day(event.started_at)}, {span} {writing.zone(event.ended_at)}",
        at=camera.local(event.ended_at),
        user=camera.camera.user,
        camera=camera.camera,
        place=where,
        about=event.id,
        facts=(
            Fact("What", seen.likely(writing)),
            Fact("Where", _where(where, [event])),
            Fact("When", writing.span(event.started_at, event.ended_at)),
            Fact("Lasted", lasted(event.ended_at - event.started_at)),
            Fact("Told", f"it had lasted {lasted(told_until - event.started_at)} when you got the alert"),
            Fact("Seen in", writing.many(event.picture_count, "picture")),
        ),
        pictures=(PictureToShow(event.last, f"The last picture, {writing.clock(event.last.picture.taken_at)}"),),
        actions=actions_about([event], links),
        why=f"You get this because you want to hear when an alert of {where} is over.",
        internal=f"Camera {camera.camera.name}, rule {event.rule_id}, event {event.id}",
        language=camera.language,
        events=(event.ref,),
        labels=tuple(seen.labels),
    )


def _facts(
    events: Sequence[Event], camera: CameraRules, seen: Seen, where: str, now: datetime, gap: timedelta
) -> Iterator[Fact]:
    writing = Writing.of(camera)
    began, ended = min(e.started_at for e in events), max(e.ended_at for e in events)
    yield Fact("What", seen.likely(writing))
    yield Fact("Where", _where(where, events))
    yield Fact("When", writing.span(began, ended))
    goes_on = ended + gap >= now
    if goes_on:
        so_far = f"{lasted(ended - began)} so far; " if ended > began else ""
        yield Fact("Lasts", f"{so_far}it went on when this was sent")
    else:
        yield Fact("Lasted", lasted(ended - began) if ended > began else "a moment: one picture")
    for rule in dict.fromkeys(event.rule_id for event in events):
        yield Fact("Rule", _rule(next(e for e in events if e.rule_id == rule), camera, writing))
    if len(events) == 1:
        yield Fact("Seen in", _pictures(events[0].picture_count, seen.pictures[0].picture.taken_at, writing))


def _where(where: str, events: Sequence[Event]) -> str:
    areas = list(dict.fromkeys(event.area for event in events))
    # Where some are in an area and others anywhere, each line of its own tells.
    return f"{where}; in {listed(areas)}" if all(areas) else where


def _pictures(number: int, clearest: datetime, writing: Writing) -> str:
    pictures = writing.many(number, "picture")
    return pictures if number == 1 else f"{pictures}, the clearest at {writing.clock(clearest)}"


def _rule(event: Event, camera: CameraRules, writing: Writing) -> str:
    rule = camera.rules.get(event.rule_id)
    if rule is None:
        return event.rule_name
    severity = "" if rule.severity is Severity.WARNING else f"; {rule.severity}"
    return f"{event.rule_name}: {conditions_of(rule, writing)}{severity}"


def conditions_of(rule: Rule, writing: Writing) -> str:
    """`person from 60 %, 22:00-06:00 on mon and tue, in yard`."""
    by_probability: dict[float, list[str]] = {}
    for label in rule.unsafe:
        by_probability.setdefault(rule.probability_of(label) or 0.0, []).append(label)
    parts = [f"{', '.join(labels)} from {writing.likely(p)}" for p, labels in by_probability.items()]
    hours = str(rule.hours) if rule.hours else ""
    days = f"on {listed([str(day) for day in rule.days])}" if rule.days else ""
    parts += [" ".join(each for each in (hours, days) if each)] if hours or days else []
    parts += [f"in {listed(rule.areas, 'or')}"] if rule.areas else []
    parts += [f"not in {listed(rule.not_areas, 'or')}"] if rule.not_areas else []
    if rule.agree:
        parts.append(f"in {rule.agree.pictures} pictures within {rule.agree.within_seconds} s")
    return ", ".join(parts)


def _one_by_one(events: Sequence[Event], writing: Writing) -> tuple[Section, ...]:
    """Each event on a line of its own, where there are several."""
    if len(events) == 1:
        return ()
    ordered = sorted(events, key=lambda e: (e.started_at, e.id))
    rows = tuple(
        Row(
            writing.short_span(event.started_at, event.ended_at),
            f"{Seen.of([event]).likely(writing)}{f', in {event.area}' if event.area else ''}",
            writing.many(event.picture_count, "picture"),
        )
        for event in ordered[:_MOST_ROWS]
    )
    left = len(ordered) - len(rows)
    return (Section("One by one", rows, f"and {left:,} more" if left else ""),)
