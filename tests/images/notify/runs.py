"""Shared by the tests of notify: the types of the fixtures, and a look into the ledger."""

import json
from collections.abc import Callable

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Delivery
from nightjar.domain.manifest import Manifest
from nightjar.domain.names import Camera
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from tests.scenes import RULES

Assessed = Callable[..., StageContext]
Notify = Callable[..., Manifest]
PERSON = {"person": 0.9}


def ledger(store: ObjectStore) -> list[Alert]:
    """Every alert in the ledger, by key."""
    keys = sorted(info.key for info in store.list_objects("alerts/"))
    return [Alert.model_validate_json(store.get(key)[0]) for key in keys]


def change(store: ObjectStore, **values: object) -> None:
    """Write every line of the ledger, and its deliveries, with other values."""
    for info in list(store.list_objects("alerts/")):
        line = {**json.loads(store.get(info.key)[0]), **values}
        own = {name: value for name, value in values.items() if name in Delivery.model_fields}
        line["deliveries"] = [{**each, **own} for each in line["deliveries"]]
        store.put(info.key, json.dumps(line).encode())


def many_cameras(number: int) -> tuple[list[Camera], str]:
    """So many cameras of alice, and the rules that know them: each has its own message."""
    names = [f"camera{n:02}" for n in range(number)]
    devices = "".join(f"      {name}: {{rules: [300]}}\n" for name in names)
    rules = RULES.replace("    devices:\n      porch", f"    devices:\n{devices}      porch", 1)
    return [Camera("alice", name) for name in names], rules
