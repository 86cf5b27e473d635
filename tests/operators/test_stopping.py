"""A task that waits is stopped, and why SIGTERM came; and what the tries of a task leave for each other."""

import asyncio
import threading
from typing import Any

import pytest

from operators.attempts import Notes, keep, notes_of
from operators.stopping import Stop, StoppedError, is_still_wanted
from tests.operators.conftest import TaskStates, make_context


async def answer() -> str:
    return "done"


def test_work_that_nobody_stops_ends() -> None:
    stop = Stop()
    assert [stop.run(answer()), stop.run(answer())] == ["done", "done"]


def test_work_is_stopped_at_once_and_for_good() -> None:
    stop, began = Stop(), threading.Event()

    async def wait() -> None:
        began.set()
        await asyncio.Event().wait()

    def ask() -> None:
        began.wait()
        stop.ask()

    threading.Thread(target=ask).start()
    with pytest.raises(StoppedError):
        stop.run(wait())
    with pytest.raises(StoppedError):
        stop.run(answer())


def test_a_cancellation_of_another_kind_is_no_stop() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        Stop().run(cancelled())


@pytest.mark.parametrize(
    ("map_index", "states", "wanted"),
    [
        (-1, {"r": {"task": "running"}}, True),
        (3, {"r": {"task_3": "running"}}, True),
        (-1, {"r": {"task": "failed"}}, False),
        (-1, {"r": {"task": "success"}}, False),
        (-1, {"r": {"task": "restarting"}}, False),  # cleared
        (-1, {"r": {"task": None}}, False),
        (3, {"r": {}}, False),  # the run was deleted
        (-1, {}, False),
        (-1, ConnectionError("Airflow is away"), True),
    ],
)
def test_why_sigterm_came(map_index: int, states: Any, wanted: bool) -> None:
    def get_task_states(**asked: Any) -> Any:
        assert asked["map_index"] == (map_index if map_index >= 0 else None)
        if isinstance(states, Exception):
            raise states
        return states

    context = make_context(map_index=map_index, get_task_states=get_task_states)
    context["run_id"] = "r"
    assert is_still_wanted(context) is wanted


def test_notes_are_those_of_one_start() -> None:
    states = TaskStates()
    first = make_context(states)
    assert notes_of(first) == Notes(start=1)
    keep(first, Notes(start=1, pods=2, waited=1.5, memory="2Gi", late=True))
    assert notes_of(make_context(states, try_number=2)) == Notes(start=1, pods=2, waited=1.5, memory="2Gi", late=True)
    assert notes_of(make_context(states, try_number=3, max_tries=7)) == Notes(start=3)  # it was cleared


@pytest.mark.parametrize("stored", [None, 7, "x", [], {}, {"start": 9}])
def test_notes_of_another_kind_are_none(stored: Any) -> None:
    assert notes_of(make_context(TaskStates(nightjar=stored))) == Notes(start=1)
