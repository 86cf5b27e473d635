"""The findings of a dry run, for a terminal and for programs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nightjar.cli.tables import aligned
from nightjar.queries.trial import ASSUMED, Trial
from nightjar.queries.trial_words import headline, held_in_words, rule, sums, what, when

if TYPE_CHECKING:
    from nightjar.domain.dry_run import Message
    from nightjar.domain.rules_comparison import Pair

_MOST_LISTED = 100  # messages in the list for people; programs get all


def as_text(trial: Trial, in_force: str, new: str) -> Iterator[str]:
    """The lines for a terminal."""
    yield from _head(trial, in_force, new)
    yield ""
    rows: list[tuple[object, ...]] = [("user", "rule", "in force", "new", "gained", "lost")]
    rows += [(c.user, f"{c.rule_id} {c.rule_name}", c.before, c.after, c.gained, c.lost) for c in trial.counts]
    yield from aligned([*rows, ("all", "", *sums(trial))], right=(2, 3, 4, 5))
    yield ""
    yield from _listed(trial)
    yield f"Held back, events: in force {held_in_words(trial.held_before)}; new {held_in_words(trial.held_after)}."


def _head(trial: Trial, in_force: str, new: str) -> Iterator[str]:
    from nightjar.domain.tally import many

    asked = trial.asked
    yield headline(trial)
    pictures, cameras = many(trial.pictures, "picture"), many(trial.cameras, "camera")
    yield f"{pictures} of {cameras}, taken {asked.start:%Y-%m-%d %H:%M} to {asked.end:%Y-%m-%d %H:%M} UTC."
    if trial.unknown:
        yield f"{many(trial.unknown, 'picture')} of cameras that neither of the rules knows: left out."
    yield f"Stored detections of the detector {asked.detector}; nobody was alerted, nothing was written to the bucket."
    yield f"In force: {in_force}. New: {new}."
    yield f"Assumed: {'; '.join(ASSUMED)}."


def _listed(trial: Trial) -> Iterator[str]:
    from nightjar.domain.rules_comparison import Change

    changed = [(n, pair) for n, pair in enumerate(trial.pairs) if pair.change is not Change.SAME]
    if not changed:
        yield "No alert is gained or lost."
        return
    rows = [("", "when", "camera", "what", "rule", "the other rules: why not")]
    for n, pair in changed[:_MOST_LISTED]:
        message = pair.message
        rows.append((pair.change, when(message), message.camera.name, what(message), rule(message), trial.why[n]))
    yield from aligned(rows)
    if len(changed) > _MOST_LISTED:
        yield f"and {len(changed) - _MOST_LISTED:,} more; --json has all"


def as_document(trial: Trial, in_force: str, new: str) -> dict[str, Any]:
    """All of it for programs."""
    from dataclasses import asdict

    from nightjar.domain.model import iso_utc

    before, after, gained, lost = sums(trial)
    return {
        "from": iso_utc(trial.asked.start),
        "to": iso_utc(trial.asked.end),
        "user": trial.asked.user or None,
        "detector": trial.asked.detector,
        "in_force": in_force,
        "new": new,
        "assumed": list(ASSUMED),
        "pictures": trial.pictures,
        "cameras": trial.cameras,
        "pictures_of_unknown_cameras": trial.unknown,
        "alerts": {"in_force": before, "new": after, "gained": gained, "lost": lost},
        "counts": [asdict(each) for each in trial.counts],
        "held": {"in_force": trial.held_before, "new": trial.held_after},
        "messages": [_pair(n, pair, trial) for n, pair in enumerate(trial.pairs)],
    }


def _pair(n: int, pair: "Pair", trial: Trial) -> dict[str, Any]:
    return {
        "change": str(pair.change),
        "camera": pair.message.camera.name,
        "in_force": _message(pair.before) if pair.before else None,
        "new": _message(pair.after) if pair.after else None,
        "why_not": trial.why.get(n),
    }


def _message(message: "Message") -> dict[str, Any]:
    from nightjar.domain.model import iso_utc

    return {
        "at": iso_utc(message.at),
        "events": [
            {
                "rule_id": each.topic.rule_id,
                "rule_name": each.rule.name,
                "severity": str(each.rule.severity),
                "label": each.topic.label,
                "area": each.topic.area,
                "started_at": iso_utc(each.started_at),
                "ended_at": iso_utc(each.ended_at),
                "pictures": len(each.threats),
                "probability": each.best.probability,
                "standard_key": each.best.picture.standard_key,
            }
            for each in message.about
        ],
    }
