"""A comparison over the stored detections: two sides, each a detector and rules, over the pictures that both know."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nightjar.errors import InputError

if TYPE_CHECKING:
    from nightjar.domain.comparison.comparing import Sides
    from nightjar.domain.comparison.documents import Comparison
    from nightjar.domain.rules import Rules
    from nightjar.runtime.store import ObjectStore


@dataclass(frozen=True)
class Candidate:
    """One side: the detector's folder in `detections/`, and rules with the SHA-256 of their file."""

    detector: str
    rules: "Rules | None"
    sha256: str = ""


def sides_of(
    store: "ObjectStore", deployed: Candidate, candidate: Candidate, start: datetime, end: datetime
) -> "Sides":
    """Both sides, with the names and the labels of their detectors, over pictures taken from `start` up to `end`."""
    from nightjar.domain.comparison.comparing import Sides
    from nightjar.stores.both_sides import side_of

    return Sides(
        before=side_of(store, deployed.detector, deployed.sha256),
        after=side_of(store, candidate.detector, candidate.sha256),
        rules_before=deployed.rules,
        rules_after=candidate.rules,
        start=start,
        end=end,
    )


def compare_stored(store: "ObjectStore", sides: "Sides", user: str = "") -> "Comparison":
    """Compare both sides, user by user; of one `user`, or of all. Writes nothing.

    Raises InputError where there is no picture that both detectors know.
    """
    from nightjar.domain.comparison.adding import add_up, unseen_labels
    from nightjar.domain.comparison.comparing import compare_user
    from nightjar.runtime.garbage import no_garbage_collection
    from nightjar.runtime.progress import Progress
    from nightjar.stores.both_sides import cameras_of, days_by_user, reviewed_events
    from nightjar.stores.detector_speed import speed_of

    detectors = (sides.before.detector, sides.after.detector)
    days = days_by_user(store, detectors, sides.start, sides.end, user)
    said = reviewed_events(store, sides.start, sides.end)
    progress = Progress("users compared", len(days), every=5.0)
    parts = []
    with no_garbage_collection():
        for name, cameras in days.items():
            part = compare_user(name, sides, cameras_of(store, sides, cameras), said.get(name, ()))
            if part.pictures or part.before_only or part.after_only:
                parts.append(part)
            progress.add()
    if not any(part.pictures for part in parts):
        raise InputError(_none(sides, user, sum(p.before_only for p in parts), sum(p.after_only for p in parts)))
    speeds = (
        speed_of(store, sides.before.detector, sides.start.date(), sides.end.date()),
        speed_of(store, sides.after.detector, sides.start.date(), sides.end.date()),
    )
    return add_up(parts, unseen_labels(sides.rules_after, sides.after.labels), (), speeds)


def _none(sides: "Sides", user: str, before: int, after: int) -> str:
    whose = f" of {user}'s cameras" if user else ""
    time = f"from {sides.start:%Y-%m-%d %H:%M} up to {sides.end:%Y-%m-%d %H:%M} UTC"
    return (
        f"expected pictures{whose} taken {time} that both the detector {sides.before.detector} and the candidate "
        f"{sides.after.detector} know, found none: {before:,} only the first knows, {after:,} only the candidate; let "
        "the candidate look: nightjar backfill --candidate TAG"
    )
