"""Where objects stood: the middle of the lower edge of each box, of a week, the newest first, bounded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightjar.queries import camera_feet
from nightjar.queries.camera_feet import Foot, feet_of
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.tables import DETECTIONS, DetectionRow
from nightjar.stores.warehouse import Warehouse
from tests.bucket import PORCH, SHOP, YARD
from tests.images.base.nightjar.stores.test_warehouse import SMALL
from tests.recorded import write

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)


def detection(number: int, camera: str, hours_ago: int, probability: float = 0.9, threat: bool = False) -> DetectionRow:
    return DetectionRow(
        id=f"d{number}",
        run="r",
        picture="p",
        user="",
        device="",
        camera=camera,
        taken_at=NOW - timedelta(hours=hours_ago),
        label="person",
        probability=probability,
        x_min=0.25,
        y_min=0.1,
        x_max=0.75,
        y_max=number / 10,
        threat=threat,
        detector="",
        model="",
        model_sha256="",
        settings="",
        standard_key="",
    )


def test_feet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    rows = [
        detection(1, PORCH.name, 3),
        detection(2, PORCH.name, 1, threat=True),
        detection(3, PORCH.name, 2, probability=0.49),
        detection(4, YARD.name, 1),
    ]
    write(store, DETECTIONS, NOW.date(), "1", rows)
    old = NOW.date() - timedelta(days=7)
    write(store, DETECTIONS, old, "1", [detection(5, PORCH.name, 7 * 24)])
    with Warehouse(store, tmp_path, SMALL) as warehouse:
        feet = feet_of(warehouse, PORCH, NOW)
        assert feet == [Foot("person", 0.5, 0.2, True), Foot("person", 0.5, 0.1, False)]
        assert feet_of(warehouse, SHOP, NOW) == []
        monkeypatch.setattr(camera_feet, "MOST", 1)
        assert len(feet_of(warehouse, PORCH, NOW)) == 1
