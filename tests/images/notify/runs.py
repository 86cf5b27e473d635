"""Shared by the tests of notify: the types of the fixtures, and a look into the ledger."""

import json
from collections.abc import Callable

from nightjar.domain.alerts import Alert
from nightjar.domain.manifest import Manifest
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore

Assessed = Callable[..., StageContext]
Notify = Callable[..., Manifest]
PERSON = {"person": 0.9}


def ledger(store: ObjectStore) -> list[Alert]:
    """Every alert in the ledger, by key."""
    keys = sorted(info.key for info in store.list_objects("alerts/"))
    return [Alert.model_validate_json(store.get(key)[0]) for key in keys]


def change(store: ObjectStore, **values: object) -> None:
    """Write every line of the ledger with other values."""
    for info in list(store.list_objects("alerts/")):
        line = {**json.loads(store.get(info.key)[0]), **values}
        store.put(info.key, json.dumps(line).encode())
