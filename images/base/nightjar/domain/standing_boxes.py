"""Standing false boxes: the same box at the same place day after day, such as a bush that is a person at dusk. Pure.

The measure. Boxes of one label match when their overlap (the area they share, as a fraction of the area that they
cover together) is at least `overlap`. On each day, boxes that match are one place. Then the place that matches places
on the most days is taken with all of these, and so on with what is left. Such a place stands when it was seen on at
least `days` days, and on at least the fraction `of_days` of the days with pictures from its first to its last.

A thing that moves by more than the overlap allows is at another place, so somebody who stands at the door each day, a
little aside each time, is none. Somebody who stood on exactly the same spot would be one: so a person looks at each.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.sights import overlap_of

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Measure:
    """From when on a box stands; see the module."""

    days: int = 3
    overlap: float = 0.8
    of_days: float = 0.5


@dataclass(frozen=True)
class Sighting:
    """An object in a picture, `local` on the wall clock of the camera's user."""

    local: datetime
    seen: DetectedObject
    detection: Detection


@dataclass(frozen=True)
class StandingBox:
    """A box that stands. `box` is the median of all; `alike` is the median overlap of each with it.

    `examples` has the most probable sighting of each day, by day; `of_days` is the number of days with pictures from
    the first to the last of these.
    """

    label: str
    box: Box
    alike: float
    pictures: int
    of_days: int
    examples: tuple[Sighting, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which it was seen."""
        return tuple(each.local.date() for each in self.examples)

    @property
    def probability(self) -> float:
        """The highest."""
        return max(each.seen.probability for each in self.examples)


@dataclass(frozen=True)
class _Place:
    """Sightings of one day at one place."""

    day: date
    box: Box
    sightings: tuple[Sighting, ...]


def standing_boxes(
    sightings: Iterable[Sighting], days_with_pictures: Collection[date], measure: Measure = Measure()
) -> list[StandingBox]:
    """The standing boxes among the sightings of one camera, those on the most days first, in whatever order given.

    `days_with_pictures` are the local days on which the camera took any picture.
    """
    by_label: dict[str, list[Sighting]] = defaultdict(list)
    for each in sightings:
        by_label[each.seen.label].append(each)
    found = [
        standing
        for label, seen in by_label.items()
        for places in _groups(_places(seen, measure.overlap), measure)
        if (standing := _standing(label, places, set(days_with_pictures), measure))
    ]
    return sorted(found, key=lambda each: (-len(each.examples), -each.pictures, each.label, each.box))


def _places(sightings: Sequence[Sighting], overlap: float) -> list[_Place]:
    """The places of each day."""
    by_day: dict[date, list[list[Sighting]]] = defaultdict(list)
    for each in sorted(sightings, key=lambda s: (s.local, s.seen.box, s.seen.probability)):
        groups = by_day[each.local.date()]
        own = next((group for group in groups if overlap_of(group[0].seen.box, each.seen.box) >= overlap), None)
        if own is None:
            groups.append([each])
        else:
            own.append(each)
    return [_Place(day, _median_box(group), tuple(group)) for day, groups in sorted(by_day.items()) for group in groups]


def _groups(places: Sequence[_Place], measure: Measure) -> Iterable[list[_Place]]:
    """Places that match a common one, each in one group, those of the most days first; groups of few days are left."""
    matching = {
        n: {m for m, other in enumerate(places) if overlap_of(one.box, other.box) >= measure.overlap}
        for n, one in enumerate(places)
    }
    left = set(matching)
    while left:
        sizes = {n: len({places[m].day for m in matching[n] & left}) for n in left}
        seed = max(left, key=lambda n: (sizes[n], len(matching[n] & left), -n))
        if sizes[seed] < measure.days:
            return
        group = matching[seed] & left
        yield [places[n] for n in sorted(group)]
        left -= group


def _standing(
    label: str, places: Sequence[_Place], days_with_pictures: set[date], measure: Measure
) -> StandingBox | None:
    sightings = [each for place in places for each in place.sightings]
    days = sorted({place.day for place in places})
    of_days = sum(days[0] <= day <= days[-1] for day in days_with_pictures | set(days))
    if len(days) < measure.of_days * of_days:
        return None
    box = _median_box(sightings)
    best: dict[date, Sighting] = {}
    for each in sightings:
        day = each.local.date()
        if day not in best or each.seen.probability > best[day].seen.probability:
            best[day] = each
    return StandingBox(
        label=label,
        box=box,
        alike=median(overlap_of(each.seen.box, box) for each in sightings),
        pictures=len({each.detection.picture.standard_key for each in sightings}),
        of_days=of_days,
        examples=tuple(best[day] for day in days),
    )


def _median_box(sightings: Sequence[Sighting]) -> Box:
    sides = zip(*(each.seen.box for each in sightings), strict=True)
    x_min, y_min, x_max, y_max = (round(median(side), 4) for side in sides)
    return x_min, y_min, x_max, y_max
