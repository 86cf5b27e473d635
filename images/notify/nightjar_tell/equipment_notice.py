"""The notices that a camera is in trouble, and that it is no longer."""

from collections.abc import Iterator
from datetime import timedelta

from nightjar.domain.labels import listed
from nightjar.domain.names import CLOCK_AHEAD, OLDEST
from nightjar.domain.notices import Action, Fact, Notice, NoticeKind
from nightjar.domain.places import place
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import CameraRules, Severity
from nightjar.domain.troubles import Facts, Trouble, TroubleKind
from nightjar.domain.troubles import Notice as Which
from nightjar_notify.wording.actions import MUTE_HOURS, Links
from nightjar_notify.wording.locale import Writing, lasted

_OVER = {
    TroubleKind.COVERED: "{where} sees again",
    TroubleKind.VOID: "{where} sees again",
    TroubleKind.FROZEN: "{where} shows new pictures again",
    TroubleKind.SILENT: "{where} sends again",
    TroubleKind.CLOCK: "The clock of {where} is right again",
    TroubleKind.REFUSED: "The footage of {where} is good again",
}
_REASONS = {
    Reason.GREY: "no colour",
    Reason.VOID: "black or of one colour",
    Reason.LOW_CONTRAST: "nearly uniform: fog, glare or dirt on the lens",
    Reason.IMPLAUSIBLE_TIME: "a time that cannot be",
    Reason.TRUNCATED: "incomplete",
    Reason.CORRUPT: "damaged",
    Reason.EMPTY: "no content",
    Reason.IDENTITY_CONFLICT: "two different objects of one name",
}


def equipment_notice(
    trouble: Trouble, which: Which, camera: CameraRules, links: Links | None, max_age: timedelta
) -> Notice:
    """The notice that `camera` is in trouble, or, with ENDED, that it is over; events older than `max_age` are late."""
    writing, where = Writing.of(camera), place(camera.camera.device, camera.site)
    key = f"{trouble.about}-{trouble.kind}-{trouble.number}"
    is_over = which is Which.ENDED
    at = (trouble.ended_at or trouble.opened_at) if is_over else trouble.opened_at
    headline = _over(trouble, where) if is_over else _headline(trouble, where, writing)
    return Notice(
        id=f"{key}-over" if is_over else key,
        kind=NoticeKind.EQUIPMENT_OVER if is_over else NoticeKind.EQUIPMENT,
        severity=Severity(trouble.severity) if trouble.severity in list(Severity) else Severity.WARNING,
        headline=headline,
        subject=headline,
        when=writing.line(at),
        at=camera.local(at),
        user=camera.camera.user,
        camera=camera.camera,
        place=where,
        about=key,
        facts=tuple(_facts(trouble, where, writing, is_over=is_over)),
        paragraphs=() if is_over else _meaning(trouble, max_age),
        actions=() if is_over else _actions(trouble, camera, links),
        why=f"You get this because {where} is one of your cameras. A trouble is told once, and again when it is over.",
        internal=f"Camera {camera.camera.name}, trouble {trouble.kind} {trouble.number}",
        language=camera.language,
    )


def trouble_in_short(trouble: Trouble, where: str, writing: Writing) -> str:
    """The trouble as a line of a digest."""
    return _headline(trouble, where, writing)


def _headline(trouble: Trouble, where: str, writing: Writing) -> str:
    facts = trouble.facts
    match trouble.kind:
        case TroubleKind.COVERED:
            return f"{where} is covered"
        case TroubleKind.VOID:
            return f"{where} sees nothing"
        case TroubleKind.FROZEN:
            return f"{where} shows the same picture again and again"
        case TroubleKind.SILENT if facts.last_at is None:
            return f"{where} has never sent anything"
        case TroubleKind.SILENT:
            return f"Nothing from {where} since {writing.minute(facts.last_at or trouble.since)}"
        case TroubleKind.CLOCK:
            return f"The clock of {where} {_off(facts.offset_seconds or 0)}"
        case TroubleKind.REFUSED:
            return f"Most footage of {where} is refused"
    return f"{where} is in trouble: {trouble.kind}"  # of a later release


def _over(trouble: Trouble, where: str) -> str:
    words = next((words for kind, words in _OVER.items() if kind == trouble.kind), "{where} is well again")
    return words.format(where=where)


def _off(seconds: float) -> str:
    if seconds >= OLDEST.total_seconds():
        return "has lost the time"
    return f"is {lasted(timedelta(seconds=abs(seconds)))} {'behind' if seconds > 0 else 'ahead'}"


def _facts(trouble: Trouble, where: str, writing: Writing, *, is_over: bool) -> Iterator[Fact]:
    yield Fact("It was" if is_over else "What", _what(trouble, writing))
    yield Fact("Where", where)
    began = trouble.facts.last_at or trouble.since
    if is_over and trouble.ended_at:
        yield Fact("When", writing.span(began, trouble.ended_at))
        yield Fact("Lasted", lasted(trouble.ended_at - began))
    else:
        yield Fact("Since", f"{writing.day(began)}, {writing.clock(began)} {writing.zone(began)}")


def _what(trouble: Trouble, writing: Writing) -> str:
    facts = trouble.facts
    match trouble.kind:
        case TroubleKind.COVERED:
            rules = listed([f'"{name}"' for name in facts.rules] or ["its rules"])
            return f"the newest picture is black or of one colour, while {rules} should look"
        case TroubleKind.VOID:
            return f"{writing.many(facts.pictures or 0, 'picture')} in a row are black or of one colour"
        case TroubleKind.FROZEN if facts.how == "noise":
            return "its pictures, one an hour, are the same but for noise"
        case TroubleKind.FROZEN:
            return f"{writing.many(facts.pictures or 0, 'picture')} in a row are exactly the same"
        case TroubleKind.SILENT:
            return _silence(facts)
        case TroubleKind.CLOCK:
            side = "before" if (facts.offset_seconds or 0) > 0 else "after"
            off = lasted(timedelta(seconds=abs(facts.offset_seconds or 0)))
            return f"the times in its names lie {off} {side} the arrival, again and again"
        case TroubleKind.REFUSED:
            reasons = [f"{_reason(reason)} ({writing.number(n)})" for reason, n in facts.reasons.items()]
            share = f"{writing.number(facts.refused or 0)} of {writing.many(facts.received or 0, 'picture')}"
            return f"{share} of the last day were refused" + (f": {listed(reasons)}" if reasons else "")
    return trouble.kind


def _silence(facts: Facts) -> str:
    waited = lasted(timedelta(seconds=facts.allowed_seconds or 0))
    if facts.last_at is None:
        return f"no footage within {waited} of its being in the rules"
    if facts.usual_seconds:
        usual = lasted(timedelta(seconds=facts.usual_seconds))
        return f"no footage for over {waited}; it mostly sends again within {usual}"
    return f"no footage for over {waited}"


def _reason(reason: str) -> str:
    return next((words for known, words in _REASONS.items() if known == reason), reason.replace("-", " "))


def _meaning(trouble: Trouble, max_age: timedelta) -> tuple[str, ...]:
    """The effect of the trouble on alerts, and where to look."""
    match trouble.kind:
        case TroubleKind.COVERED | TroubleKind.VOID:
            return (
                "Nothing can be seen in such pictures: until this is over there are no alerts from this camera. Is the "
                "lens covered, the light out, or the camera broken?",
            )
        case TroubleKind.FROZEN if trouble.facts.how == "noise":
            return ("Perhaps nothing happens there, and the light never changes. If it should, restart the camera.",)
        case TroubleKind.FROZEN:
            return (
                "A camera's pictures are never exactly the same. It shows what was, and there are no alerts of what "
                "is: restart it.",
            )
        case TroubleKind.SILENT:
            return (
                "There are no alerts from a camera that sends nothing. Does it have power and network, and does it "
                "send to the right place?",
            )
        case TroubleKind.CLOCK:
            return (_meaning_of_clock(trouble.facts.offset_seconds or 0, max_age),)
        case TroubleKind.REFUSED:
            return ("What is refused is not looked at, and there are no alerts from it.",)
    return ()


def _meaning_of_clock(seconds: float, max_age: timedelta) -> str:
    todo = "Set the camera's clock (names tell the time in UTC), or look after an upload that is always so late."
    if seconds <= -CLOCK_AHEAD.total_seconds() or seconds >= OLDEST.total_seconds():
        return f"Footage from such a time is refused: there are no alerts from this camera. {todo}"
    if seconds >= max_age.total_seconds():
        return (
            f"Its events count as {lasted(timedelta(seconds=seconds))} old when they arrive. Events that are older "
            f"than {lasted(max_age)} are late and are not alerted, so there are no alerts from this camera. {todo}"
        )
    return f"Alerts from this camera tell a wrong time, and rules with hours hold at the wrong time for it. {todo}"


def _actions(trouble: Trouble, camera: CameraRules, links: Links | None) -> tuple[Action, ...]:
    name = camera.camera.name
    words = f"Mute this camera for {MUTE_HOURS} hours"
    mute = (
        Action(words, link=links.mute(camera.camera, MUTE_HOURS))
        if links
        else Action(words, command=f"nightjar mute {name} {MUTE_HOURS}h")
    )
    look = Action("See how the camera is", command=f"nightjar cameras --camera {name}")
    refused = Action("See what was refused, and why", command=f"nightjar refused --camera {name}")
    return (mute, look, refused) if trouble.kind == TroubleKind.REFUSED else (mute, look)
