"""The sensor asks the S3 server that NIGHTJAR_S3_ENDPOINT names, at once and in the triggerer, and waits for room."""

import asyncio
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from nightjar.runtime.s3 import S3Store
from nightjar.stores.operator_signs import OperatorSigns
from operators.footage import FootageSensor, FootageTrigger
from tests.operators.conftest import make_context

PICTURE = "incoming/alice-porch-1763647500.jpg"


@pytest.fixture
def store(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket on a server that only Nightjar's own variable names; any other would be asked in vain."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return s3_store


def sensor() -> FootageSensor:
    return FootageSensor(
        task_id="wait_for_footage", prefix="incoming/", claims="claims/", dag_id="live", most_runs=2, poke_interval=0.2
    )


def runs(*states: str) -> Any:
    """The context of a sensor while `live` has runs in these states."""
    others = {("watch", "w1"): "running", ("watch", "w2"): "running"}
    return make_context(runs={("live", str(n)): state for n, state in enumerate(states)} | others)


class Trigger(FootageTrigger):
    """Asks a real bucket; the number of runs is told instead of asked, for each time."""

    counts: tuple[int, ...] = (0,)
    asked = 0

    async def runs_under_way(self) -> int:
        self.asked += 1
        return self.counts[min(self.asked, len(self.counts)) - 1]


async def first_event(trigger: Any, seconds: float = 30) -> dict[str, Any]:
    events = trigger.run()
    try:
        return dict((await asyncio.wait_for(anext(events), seconds)).payload)
    finally:
        await events.aclose()


def deferred_trigger(context: Any) -> Trigger:
    """The trigger that the sensor waits by, as the triggerer makes it."""
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute(context)
    assert deferred.value.trigger is not None
    name, arguments = deferred.value.trigger.serialize()
    assert pkgutil.resolve_name(name) is FootageTrigger
    return Trigger(**arguments)


@pytest.mark.parametrize("states", [(), ("running",), ("queued",), ("success", "failed", "running")])
def test_what_is_there_is_seen_at_once(store: S3Store, states: tuple[str, ...]) -> None:
    store.put(PICTURE, b"picture")
    sensor().execute(runs(*states))


@pytest.mark.parametrize("key", ["claims/w1.json", "claims/retry-20261126T041500Z-0123456789ab.json"])
def test_an_open_claim_is_work_too(store: S3Store, key: str) -> None:
    """A watch run that died once the drop zone was empty left it, or an operator who retries."""
    trigger = deferred_trigger(runs())
    store.put(key, b"{}")
    assert asyncio.run(first_event(trigger)) == {"status": "success"}
    sensor().execute(runs())


def test_what_lands_is_seen_by_the_triggerer(store: S3Store) -> None:
    store.put("incoming/", b"")  # what S3 browsers leave as a folder
    trigger = deferred_trigger(runs())
    store.put(PICTURE, b"picture")
    event = asyncio.run(first_event(trigger))
    sensor().execute_complete({}, event)


@pytest.mark.parametrize("states", [("running", "running"), ("queued", "running"), ("queued", "queued", "running")])
def test_it_holds_back_while_as_many_runs_as_are_allowed_are_under_way(store: S3Store, states: tuple[str, ...]) -> None:
    store.put(PICTURE, b"picture")
    trigger = deferred_trigger(runs(*states))
    trigger.counts = (3, 3, 2, 2, 1)
    assert asyncio.run(first_event(trigger)) == {"status": "success"}
    assert trigger.asked == len(trigger.counts)


def test_without_footage_room_alone_is_nothing(store: S3Store) -> None:
    trigger = deferred_trigger(runs())
    with pytest.raises(TimeoutError):
        asyncio.run(first_event(trigger, 1.5))
    assert trigger.asked == 0


@pytest.mark.parametrize("states", [(), ("running", "running")])
def test_while_it_looks_or_holds_back_it_leaves_a_sign(store: S3Store, states: tuple[str, ...]) -> None:
    trigger = deferred_trigger(runs(*states))
    trigger.counts = (len(states),)
    if states:
        store.put(PICTURE, b"picture")
    with pytest.raises(TimeoutError):
        asyncio.run(first_event(trigger, 2))
    last = OperatorSigns(store).last_beat()
    assert last is not None and datetime.now(UTC) - last < timedelta(seconds=30)


def test_a_sign_that_cannot_be_left_stops_no_footage(store: S3Store) -> None:
    tried = []

    class Dumb(Trigger):
        def _beat(self) -> NoReturn:
            tried.append(True)
            raise PermissionError("no writing below operator/")

    trigger = Dumb(**deferred_trigger(runs()).serialize()[1])
    store.put(PICTURE, b"picture")
    assert asyncio.run(first_event(trigger)) == {"status": "success"}
    assert tried == [True]


@pytest.mark.slow
def test_an_outage_in_the_triggerer_is_a_failure_that_is_tried_again(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = deferred_trigger(runs())
    monkeypatch.setenv("NIGHTJAR_S3_ENDPOINT", "http://127.0.0.1:9")
    event = asyncio.run(first_event(trigger, 60))
    assert event["status"] == "error"
    with pytest.raises(AirflowException, match=r"127\.0\.0\.1:9"):
        sensor().execute_complete({}, event)
