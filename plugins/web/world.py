"""The world outside that the pages reach: the bucket, the warehouse, the clock. One World for each process."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from nightjar.runtime.links import utc_now
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectStore
from nightjar.stores.warehouse import Warehouse, WarehouseSettings

_PATIENCE = 10  # seconds for an answer of S3, of which a person waits for several
# What the pages, and those behind links in messages, need of the bucket: the folders that they read, lists included,
# and those that they write, delete markers included. The tests let them do nothing else; docs/operate.md says the same.
READS = (
    *("alerts", "claims", "comparisons", "config", "detections", "detectors", "digests", "events", "footage"),
    *(
        "health",
        "incoming",
        "mutes",
        "operator",
        "quarantine",
        "records",
        "releases",
        "reports",
        "reproductions",
        "reviews",
    ),
    *("rules", "runs", "standard", "threats", "troubles", "validations"),
)
WRITES = ("claims", "config/false-boxes", "mutes", "releases/bumps", "reviews")


@dataclass(frozen=True)
class World:
    """`clock` gives the present, aware and in UTC."""

    store: ObjectStore
    warehouse: Warehouse
    clock: Callable[[], datetime]


class WorldOnce:
    """Makes the world when it is first asked for, once; a wrong environment is tried again with the next request."""

    def __init__(self, make: Callable[[], World]) -> None:
        self._make = make
        self._world: World | None = None
        self._lock = threading.Lock()

    def __call__(self) -> World:
        """The world; raises what making it raises."""
        with self._lock:
            if self._world is None:
                self._world = self._make()
            return self._world


def world_of_environment() -> World:
    """The world that the environment names; raises UsageError.

    Parts of the warehouse are kept below Airflow's home, which is Airflow's alone, for all processes of the API server.
    """
    store = S3Store(load(StoreSettings), read_seconds=_PATIENCE, tries=2)
    folder = Path(os.environ.get("AIRFLOW_HOME", Path.home() / "airflow")) / "nightjar-parts"
    return World(store, Warehouse(store, folder, load(WarehouseSettings)), utc_now)


def world(request: Request) -> World:
    """The world of the app that was asked; a dependency."""
    made: World = request.app.state.world()
    return made


WorldDep = Annotated[World, Depends(world)]
