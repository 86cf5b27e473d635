"""The past objects that a false box would have covered: shown to a person before they confirm it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nightjar.domain.names import Camera
from nightjar.stores.tables import DETECTIONS
from nightjar.stores.warehouse import Warehouse

DAYS = 14  # with detections of any camera, that are looked through
_EXAMPLES = 8

# Intersection over union, as nightjar.domain.sights.overlap_of has it.
_COVERED = """
WITH alike AS (
    SELECT
        *,
        greatest(0, least(x_max, $x_max) - greatest(x_min, $x_min))
            * greatest(0, least(y_max, $y_max) - greatest(y_min, $y_min)) AS shared,
        (x_max - x_min) * (y_max - y_min) + ($x_max - $x_min) * ($y_max - $y_min) AS areas
    FROM rows
    WHERE camera = $camera AND label = $label
), covered AS (
    SELECT * FROM alike WHERE shared > 0 AND shared >= $overlap * (areas - shared)
)
"""
_COUNTED = """
SELECT
    count(DISTINCT standard_key) AS pictures,
    count(DISTINCT standard_key) FILTER (WHERE threat) AS threats,
    count(DISTINCT day) AS days,
    (SELECT count(DISTINCT standard_key) FROM alike WHERE threat) AS threats_of_label
FROM covered
"""
_SHOWN = """
SELECT standard_key, taken_at, probability, threat, x_min, y_min, x_max, y_max FROM covered
QUALIFY row_number() OVER (PARTITION BY standard_key ORDER BY probability DESC) = 1
ORDER BY row_number() OVER (PARTITION BY day ORDER BY threat DESC, probability DESC), taken_at DESC
LIMIT $most
"""


@dataclass(frozen=True)
class Covered:
    """A picture with an object that the false box would cover; `box` is that object's."""

    standard_key: str
    taken_at: datetime
    probability: float
    threat: bool
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Cover:
    """Objects that a false box would have covered from `first` to `last` (both None where nothing is recorded).

    `threats` of its `pictures` count as threats, of the camera's `threats_of_label` with that label.
    """

    first: date | None = None
    last: date | None = None
    pictures: int = 0
    threats: int = 0
    days: int = 0
    threats_of_label: int = 0
    examples: tuple[Covered, ...] = ()


def cover_of(
    warehouse: Warehouse, camera: Camera, label: str, box: Sequence[float], overlap: float, last: date
) -> Cover:
    """Objects that a false box of `camera` would have covered on the newest days up to `last` that have detections."""
    days = warehouse.days(DETECTIONS, date(1970, 1, 1), last)[:DAYS]
    if not days:
        return Cover()
    x_min, y_min, x_max, y_max = box
    sides = {"x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max}
    values = {"camera": camera.name, "label": label, "overlap": overlap, **sides}
    with warehouse.select([DETECTIONS], days, "rows") as selected:
        [counted] = selected.rows(_COVERED + _COUNTED, values)
        examples = selected.rows(_COVERED + _SHOWN, values | {"most": _EXAMPLES})
    return Cover(
        first=days[-1],
        last=days[0],
        pictures=counted["pictures"],
        threats=counted["threats"],
        days=counted["days"],
        threats_of_label=counted["threats_of_label"],
        examples=tuple(map(_example, examples)),
    )


def _example(row: Mapping[str, Any]) -> Covered:
    box = (row["x_min"], row["y_min"], row["x_max"], row["y_max"])
    return Covered(row["standard_key"], row["taken_at"], row["probability"], row["threat"], box)
