"""The sensor asks the S3 server that NIGHTJAR_S3_ENDPOINT names, at once and in the triggerer."""

import asyncio
import pkgutil
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from nightjar.runtime.s3 import S3Store
from operators.footage import FootageSensor


@pytest.fixture
def store(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket on a server that only Nightjar's own variable names; any other would be asked in vain."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return s3_store


def sensor() -> FootageSensor:
    return FootageSensor(task_id="wait_for_footage", prefix="incoming/", poke_interval=0.2)


async def first_event(trigger: Any) -> dict[str, Any]:
    events = trigger.run()
    try:
        return dict((await asyncio.wait_for(anext(events), 30)).payload)
    finally:
        await events.aclose()


def test_what_is_there_is_seen_at_once(store: S3Store) -> None:
    store.put("incoming/alice-porch-1763647500.jpg", b"picture")
    sensor().execute({})


def test_what_lands_is_seen_by_the_triggerer(store: S3Store) -> None:
    store.put("incoming/", b"")  # what S3 browsers leave as a folder
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute({})
    assert deferred.value.trigger is not None
    name, arguments = deferred.value.trigger.serialize()
    store.put("incoming/alice-porch-1763647500.jpg", b"picture")
    event = asyncio.run(first_event(pkgutil.resolve_name(name)(**arguments)))
    sensor().execute_complete({}, event)
