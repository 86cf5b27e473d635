"""Where objects stood in a camera's pictures of the last days: the ground on which areas are drawn."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.names import Camera
from nightjar.queries.camera_counts import DAYS, days_until
from nightjar.stores.tables import DETECTIONS
from nightjar.stores.warehouse import Warehouse

MOST = 400  # the newest objects: more would hide the picture
LEAST_PROBABILITY = 0.5  # below, much is no object at all
_FEET = """
SELECT label, (x_min + x_max) / 2 AS x, y_max AS y, threat FROM rows
WHERE camera = $camera AND probability >= $least AND taken_at > $week_ago ORDER BY taken_at DESC, id LIMIT $most"""


@dataclass(frozen=True)
class Foot:
    """The middle of the lower edge of an object's box, as fractions of the picture from its upper left."""

    label: str
    x: float
    y: float
    threat: bool


def feet_of(warehouse: Warehouse, camera: Camera, now: datetime) -> list[Foot]:
    """The feet of the newest objects of the last week, newest first. Raises InputError as the warehouse does."""
    week_ago = (now - timedelta(days=DAYS)).replace(tzinfo=None)
    values = {"camera": camera.name, "least": LEAST_PROBABILITY, "week_ago": week_ago, "most": MOST}
    return [Foot(**row) for row in warehouse.rows(DETECTIONS, days_until(now), _FEET, values)]
