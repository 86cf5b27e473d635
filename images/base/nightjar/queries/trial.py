"""A dry run over the stored detections: both sets of rules over the same pictures, a camera at a time."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from nightjar.errors import InputError

if TYPE_CHECKING:
    from nightjar.domain.comparison.side import JudgedSide
    from nightjar.domain.detections import Detection
    from nightjar.domain.names import Camera
    from nightjar.domain.rules import Rules
    from nightjar.domain.rules_comparison import Count, Pair
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.line_store import Place

# The day before the first picture decides what is news: an event under way, a parked car, a cool-down.
LEAD = timedelta(days=1)
ASSUMED = (
    "every picture arrives, is judged and is told about at the moment when it was taken",
    "both sets of rules were in force all the time, from a day before the first picture on",
    "cameras that people muted by a link or a command are not muted here",
)


@dataclass(frozen=True)
class Asked:
    """The pictures to try: taken from `start` up to, not including, `end`; of one `user`, or of all (empty)."""

    detector: str
    start: datetime
    end: datetime
    user: str = ""


@dataclass(frozen=True)
class Bounds:
    """The most that a dry run may take: days of cameras, bytes of stored detections, and seconds by `clock`."""

    camera_days: int
    detection_bytes: int
    seconds: float
    clock: Callable[[], float] = time.monotonic


@dataclass
class Trial:
    """The outcome of both sets of rules. `why` has the reason for each message that one of them lacks."""

    asked: Asked
    pictures: int = 0
    cameras: int = 0
    unknown: int = 0  # pictures of cameras that neither of the rules knows
    pairs: "list[Pair]" = field(default_factory=list)
    counts: "list[Count]" = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)  # by the index of the pair
    held_before: dict[str, int] = field(default_factory=dict)
    held_after: dict[str, int] = field(default_factory=dict)


def run_trial(
    store: "ObjectStore", asked: Asked, in_force: "Rules | None", new: "Rules", bounds: Bounds | None = None
) -> Trial:
    """Judge the detections by both sets of rules; raises InputError when there are none. Writes nothing.

    Raises TooMuchError, an InputError, as soon as it is clear that the `bounds` do not suffice.
    """
    from nightjar.runtime.garbage import no_garbage_collection

    with no_garbage_collection():
        return _run_trial(store, asked, in_force, new, bounds)


def _run_trial(
    store: "ObjectStore", asked: Asked, in_force: "Rules | None", new: "Rules", bounds: Bounds | None
) -> Trial:
    from nightjar.domain.comparison.side import JudgedSide
    from nightjar.domain.rules_comparison import Change, compare, count
    from nightjar.domain.why_not_sent import reasons_held, why_not_sent
    from nightjar.stores.false_boxes import FalseBoxes

    trial = Trial(asked)
    before, after = JudgedSide(in_force), JudgedSide(new)
    confirmed = FalseBoxes(store)
    for camera, detections in _by_camera(store, trial, (before, after), bounds):
        false_boxes = confirmed.of(camera)
        for judged in (before, after):
            judged.take(camera, detections, false_boxes)
    if not trial.pictures:
        raise InputError(_none(asked))
    gap = max(before.gap, after.gap)
    old, fresh = (side.outcome(asked.start, asked.end) for side in (before, after))
    trial.pairs = compare(old.messages, fresh.messages, gap)
    trial.counts = count(trial.pairs)
    for n, pair in enumerate(trial.pairs):
        if pair.change is not Change.SAME:
            trial.why[n] = why_not_sent(pair.message, (old if pair.before is None else fresh).side, gap)
    trial.held_before, trial.held_after = reasons_held(old.held), reasons_held(fresh.held)
    return trial


def _by_camera(
    store: "ObjectStore", trial: Trial, sides: "tuple[JudgedSide, JudgedSide]", bounds: Bounds | None
) -> "Iterator[tuple[Camera, list[Detection]]]":
    """The detections of each camera that one of the sets knows, by time; counts the pictures in `trial`."""
    from nightjar.domain.dry_run import objects_that_matter
    from nightjar.runtime.progress import Progress
    from nightjar.stores.detection_history import DetectionHistory, TooMuchError

    asked = trial.asked
    places = places_to_try(store, asked)
    if bounds and len(places) > bounds.camera_days:
        raise TooMuchError(f"expected at most {bounds.camera_days:,} days of cameras, the period has {len(places):,}")
    ends = bounds.clock() + bounds.seconds if bounds else 0.0
    wanted = {
        place.camera: objects_that_matter([known for side in sides if (known := side.knows(place.camera))])
        for place in places
    }
    progress = Progress("days of cameras judged", len(places), every=5.0)

    def wanted_at(place: "Place") -> "Mapping[str, float]":
        return wanted[place.camera]

    read = DetectionHistory(store, bounds.detection_bytes if bounds else None).read(places, wanted_at)
    for camera, of_camera in groupby(read, key=lambda item: item[0].camera):
        detections: list[Detection] = []
        for _, lines in of_camera:
            detections += (line for line in lines if line.picture.taken_at < asked.end)
            progress.add()
            if bounds and bounds.clock() > ends:
                raise TooMuchError(f"expected to be done within {bounds.seconds:,.0f} seconds, there is more to judge")
        pictures = sum(line.picture.taken_at >= asked.start for line in detections)
        if not any(side.knows(camera) for side in sides):
            trial.unknown += pictures
            continue
        trial.pictures += pictures
        trial.cameras += pictures > 0
        yield camera, detections


def places_to_try(store: "ObjectStore", asked: Asked) -> "list[Place]":
    """The days of cameras that the dry run reads, by camera: from a day before the period on."""
    from nightjar.stores.detections import Detections

    first = max(asked.start.date(), date.min + LEAD) - LEAD
    places = Detections(store).places(asked.detector, first, asked.end.date())
    mine = (place for place in places if asked.user in ("", place.camera.user))
    return sorted(mine, key=lambda place: (place.camera, place.day))


def _none(asked: Asked) -> str:
    whose = f" of {asked.user}'s cameras" if asked.user else ""
    return (
        f"expected detections{whose} of pictures taken from {asked.start:%Y-%m-%d %H:%M} up to "
        f"{asked.end:%Y-%m-%d %H:%M} UTC by the detector {asked.detector}, found none"
    )
