"""Troubles, rules and clocks of a camera in plain words. Pure: templates escape what comes out."""

from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.labels import listed
from nightjar.domain.names import OLDEST
from nightjar.domain.probability import percent
from nightjar.domain.rules import CameraRules, Rule, StandsAt
from nightjar.domain.tally import many
from nightjar.domain.troubles import Facts, Trouble, TroubleKind
from plugins.web.formats import duration, number

_STANDS_AT = {
    StandsAt.FOOT: "it stands where the middle of its box's lower edge is",
    StandsAt.CENTRE: "it stands where the centre of its box is",
    StandsAt.TOUCH: "it is enough that its box touches the area",
}
_CLOCK_RIGHT = 120  # seconds by which a clock may run ahead without a word


@dataclass(frozen=True)
class RuleInWords:
    """A rule of a camera: `holds_now` by its hours and days, `lines` are its conditions, one each."""

    id: int
    name: str
    severity: str
    holds_now: bool
    lines: tuple[str, ...]


def rules_in_words(camera: CameraRules, now: datetime) -> list[RuleInWords]:
    """The rules of a camera, by their ids; hours are on the user's wall clock."""
    local = camera.local(now)
    return [
        RuleInWords(number, rule.name, rule.severity, rule.holds_at(local), _rule(rule, str(camera.timezone)))
        for number, rule in camera.rules.items()
    ]


def trouble_in_words(trouble: Trouble) -> str:
    """The trouble as a phrase: `the same picture again and again (30 pictures)`."""
    facts = trouble.facts
    match trouble.kind:
        case TroubleKind.COVERED:
            rules = listed([f"“{name}”" for name in facts.rules] or ["its rules"])
            return f"covered: the newest picture is black or of one colour, while {rules} should look"
        case TroubleKind.VOID:
            return f"sees nothing: {many(facts.pictures or 0, 'picture')} in a row are black or of one colour"
        case TroubleKind.FROZEN if facts.how == "noise":
            return "frozen: its pictures are the same but for noise"
        case TroubleKind.FROZEN:
            return f"frozen: {many(facts.pictures or 0, 'picture')} in a row are exactly the same"
        case TroubleKind.SILENT:
            return _silence(facts)
        case TroubleKind.CLOCK:
            return f"its clock {_clock(facts.offset_seconds or 0)}"
        case TroubleKind.REFUSED:
            reasons = ", ".join(f"{reason} {number(count)}" for reason, count in facts.reasons.items())
            share = f"{number(facts.refused or 0)} of {many(facts.received or 0, 'picture')} of a day were refused"
            return f"{share}: {reasons}" if reasons else share
    return f"{trouble.kind}"  # of a later release


def clock_in_words(offset: float | None) -> str:
    """How far the times in the names lie beside the arrival; `offset` in seconds, above 0: they are earlier."""
    if offset is None:
        return "not known yet"
    if offset >= -_CLOCK_RIGHT:
        return f"footage arrives {duration(max(0.0, offset))} after the time in its name"
    return f"{_clock(offset)}: footage arrives before the time in its name"


def _clock(seconds: float) -> str:
    if seconds >= OLDEST.total_seconds():
        return "has lost the time"
    return f"is {duration(abs(seconds))} {'behind' if seconds > 0 else 'ahead'}"


def _silence(facts: Facts) -> str:
    waited = duration(facts.allowed_seconds or 0)
    if facts.last_at is None:
        return f"silent: it has never sent anything, within {waited} of its being in the rules"
    usual = f"; it mostly sends again within {duration(facts.usual_seconds)}" if facts.usual_seconds else ""
    return f"silent: no footage for over {waited}{usual}"


def _rule(rule: Rule, zone: str) -> tuple[str, ...]:
    unsafe = listed([f"{label} from {percent(rule.probability_of(label) or 0)}" for label in rule.unsafe])
    lines = [f"unsafe: {unsafe}", _when(rule, zone)]
    if rule.areas:
        lines.append(f"in the area {_either(rule.areas)}")
    if rule.not_areas:
        lines.append(f"not in the area {_either(rule.not_areas)}")
    if rule.areas or rule.not_areas:
        lines.append(_STANDS_AT[rule.stands_at])
    if rule.min_box is not None:
        lines.append(f"its box takes at least {percent(rule.min_box)} of the picture")
    if rule.max_box is not None:
        lines.append(f"its box takes at most {percent(rule.max_box)} of the picture")
    if rule.agree is not None:
        lines.append(f"{many(rule.agree.pictures, 'picture')} within {rule.agree.within_seconds} s must agree")
    return tuple(lines)


def _when(rule: Rule, zone: str) -> str:
    if rule.hours is None and rule.days is None:
        return "at any time"
    hours = f"{rule.hours} in {zone}" if rule.hours else f"all day in {zone}"
    return f"{hours}, on {', '.join(rule.days)}" if rule.days else hours


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
