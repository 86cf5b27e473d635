"""The day in words: what became of every picture, and what the reader has to know first. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from nightjar.domain.rules import Safe
from nightjar.domain.tally import many
from nightjar.stores.records import Provenance
from nightjar.stores.tables import Unalerted, Verdict
from nightjar_report.summary import AlertedEvent, Summary, top

_MOST_REASONS = 6
_MOST_MISTAKES = 3

_MISSES: Mapping[str, str] = {
    Safe.TOO_FEW_PICTURES: "in fewer pictures than the rule asks",
    Safe.STATIC: "part of the scene, like a parked car",
    Safe.FALSE_BOX: "where a person has confirmed that there is nothing",
    Safe.BELOW_PROBABILITY: "less probable than the rule asks",
    Safe.BOX_TOO_LARGE: "larger than the rule asks",
    Safe.BOX_TOO_SMALL: "smaller than the rule asks",
    Safe.OUTSIDE_AREA: "outside the rule's areas",
    Safe.MASKED: "in a masked part of the picture",
    Safe.OUT_OF_HOURS: "outside the rule's hours and days",
}


@dataclass(frozen=True)
class Notice:
    """A sentence above everything else; an `alarming` one is about somebody who was not told, or about work undone."""

    text: str
    alarming: bool = True


def notices(summary: Summary) -> list[Notice]:
    """All that is not as it should be on this day, the gravest first; empty on a good day."""
    missed, held, refused = summary.missed, summary.held, summary.refused
    interrupted = len(summary.unfinished) - len(refused)
    rules = _rules_problem(summary.provenances[-1]) if summary.provenances else ""
    failed = sum(summary.failed.values())
    found = [
        Notice(f"Nobody was told about {many(len(missed), 'event')}. {_causes(missed)}") if missed else None,
        Notice(f"{many(len(refused), 'alert')} reached nobody: refused by the mail API or another channel.")
        if refused
        else None,
        Notice(f"{many(interrupted, 'alert')} may not have been delivered: sending was interrupted.")
        if interrupted
        else None,
        Notice(f"{many(failed, 'picture')} could not be looked at.") if failed else None,
        Notice(f"{many(summary.unjudged, 'picture')} could not be judged.") if summary.unjudged else None,
        Notice(f"The rules file is broken, so the last good rules are in force: {rules}") if rules else None,
        Notice(f"Nobody was told about {many(len(held), 'event')}, as the rules ask. {_causes(held)}", alarming=False)
        if held
        else None,
        Notice("No key of a mail API is set: alerts are kept in the outbox and not sent.", alarming=False)
        if any(each.in_outbox for each in summary.alerts)
        else None,
    ]
    return [notice for notice in found if notice]


def account(summary: Summary) -> list[tuple[str, int, str]]:
    """Every picture received, by its outcome: name, number, meaning. The numbers add up to all received."""
    seen = summary.verdicts
    lines = [
        ("threats", summary.threats, _threats(summary)),
        ("near misses", seen.get(Verdict.SUPPRESSED, 0), by_reason(_named(summary.suppressed))),
        ("seen, but safe", seen.get(Verdict.SAFE, 0), "Something that no rule of its camera calls unsafe."),
        ("nothing to see", seen.get(Verdict.NOTHING, 0), "The detector found no object: wind, light, an insect."),
        ("not judged", summary.unjudged, "Judging them did not get through: see the run's assess task, then clear it."),
        ("refused", sum(summary.quarantined.values()), by_reason(summary.quarantined)),
        ("duplicates", summary.duplicates, "The same picture, or another one of the same moment, was there before."),
        ("failed", sum(summary.failed.values()), by_reason(summary.failed)),
    ]
    others = summary.received - sum(number for _, number, _ in lines)
    return [*lines, ("others", others, "A later release of Nightjar recorded them, and can tell.")]


def by_reason(counts: Mapping[str, int]) -> str:
    """The reasons with their numbers, most first; of many, the first few and how many more there are."""
    shown = top(counts, _MOST_REASONS)
    named = ", ".join(f"{name}: {number:,}" for name, number in shown.counts.items())
    return f"{named} and {many(shown.others, 'more reason')}" if shown.others else named


def as_words(event: AlertedEvent) -> str:
    """Why nobody was alerted about an event, as a sentence."""
    match event.event.unalerted:
        case Unalerted.TOO_LATE if event.event.late_seconds is not None:
            after = duration(event.event.late_seconds)
            return f"Nobody was told: it came too late. Nightjar saw it {after} after its end."
        case Unalerted.TOO_LATE:
            return "Nobody was told: it came too late for an alert."
        case Unalerted.ALERTS_OFF:
            return "Nobody was told: the rules switch alerts off here, or count only what came later."
        case Unalerted.MUTED:
            return "Nobody was told: the camera was muted."
        case Unalerted.QUIET_HOURS:
            return "Nobody was told: it was within the owner's quiet hours."
        case Unalerted.COOL_DOWN:
            return "Nobody was told: it came soon after the camera's last alert."
        case Unalerted.CAP:
            return "Nobody was told: the owner had been sent as many alerts as they want."
        case Unalerted.NO_CHANNEL:
            return "Nobody was told: the rules name no channel for its severity."
        case Unalerted.UNKNOWN_CAMERA:
            return "Nobody was told: the rules do not know this camera any more."
        case Unalerted.NOT_TRIED:
            return "Nobody was told: sending did not get through. See the run's notify task, then clear it."
    return "Nobody was told. The reason was not recorded: the log of the run's notify task has it."


def duration(seconds: float) -> str:
    """A time span as people say it: "40 s", "12 min", "3 h 5 min", "2 days 4 h"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    hours = round(minutes / 60)
    return many(hours // 24, "day") + (f" {hours % 24} h" if hours % 24 else "")


def _rules_problem(made: Provenance) -> str:
    """The first mistakes in the newest rules with their lines; empty if these rules are in force."""
    if not made.problem or not made.problems:
        return made.problem or ""
    more = len(made.problems) - _MOST_MISTAKES
    return "; ".join(made.problems[:_MOST_MISTAKES]) + (f"; and {more:,} more" if more > 0 else "")


def _threats(summary: Summary) -> str:
    if not summary.threats:
        return "Nothing that a rule calls unsafe."
    parts = [
        f"{many(len(summary.events), 'event')}: {many(summary.alert_count, 'alert')}",
        f"{len(summary.unalerted):,} not alerted" if summary.unalerted else "",
        f"{len(summary.unfinished):,} not delivered" if summary.unfinished else "",
    ]
    return ", ".join(filter(None, parts)) + "."


def _causes(events: tuple[AlertedEvent, ...]) -> str:
    """The causes in a sentence, with numbers where there are several."""
    causes: dict[str, int] = {}
    for each in events:
        cause = _CAUSES.get(each.event.unalerted or "", "a cause that was not recorded")
        causes[cause] = causes.get(cause, 0) + 1
    if len(causes) == 1:
        [cause] = causes
        return f"The cause: {cause}."
    return f"The causes: {', '.join(f'{cause} ({number:,})' for cause, number in causes.items())}."


_CAUSES: Mapping[str, str] = {
    Unalerted.TOO_LATE: "footage that came too late for an alert",
    Unalerted.ALERTS_OFF: "alerts that the rules switch off",
    Unalerted.MUTED: "a camera that was muted",
    Unalerted.QUIET_HOURS: "quiet hours",
    Unalerted.COOL_DOWN: "a cool-down after the last alert",
    Unalerted.CAP: "as many alerts as the owner wants",
    Unalerted.NO_CHANNEL: "no channel in the rules for their severity",
    Unalerted.UNKNOWN_CAMERA: "a camera that the rules do not know any more",
    Unalerted.NOT_TRIED: "sending that did not get through",
}


def _named(misses: Mapping[str, int]) -> dict[str, int]:
    return {_MISSES.get(reason, reason): number for reason, number in misses.items()}
