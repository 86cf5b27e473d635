"""Stops what waits in a task when Airflow sends SIGTERM, and tells why it came.

Airflow 3.3 calls `on_kill` in the signal handler of the task's process, and the task goes on after it. The signal
comes for two reasons, which only the state of the task tells apart:

* The task is not to run any more: a person marked or cleared it, or its run was ended. Its supervisor learned that from
  a heartbeat, and kills it 5 seconds after the signal. The state is anything but running.
* Airflow itself is stopped: a worker's supervisor passes the signal on, or it has lost the API server. The state is
  running, or nobody can say.

A task that takes too long is no signal: Airflow raises AirflowTaskTimeout in it.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from airflow.sdk import Context

log = logging.getLogger(__name__)

T = TypeVar("T")
_RUNNING = "running"


class StoppedError(Exception):
    """SIGTERM came while a task waited."""


class Stop:
    """Runs coroutines until it is asked to stop, from a signal handler."""

    def __init__(self) -> None:
        self._asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def ask(self) -> None:
        """Stop what runs, and whatever would run later."""
        self._asked = True
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end; raises StoppedError when it is, or was, asked to stop."""
        if self._asked:
            work.close()
            raise StoppedError
        try:
            return asyncio.run(self._run(work))
        except asyncio.CancelledError:
            if self._asked:
                raise StoppedError from None
            raise
        finally:
            self._loop = self._task = None

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        if self._asked:  # since the look at it above
            work.close()
            raise asyncio.CancelledError
        return await work


def is_still_wanted(context: Context) -> bool:
    """Whether the task is to run, as far as Airflow knows; it is when Airflow, being stopped itself, says nothing."""
    ti: Any = context["ti"]
    try:
        states = ti.get_task_states(
            dag_id=ti.dag_id,
            task_ids=[ti.task_id],
            run_ids=[context["run_id"]],
            map_index=ti.map_index if ti.map_index >= 0 else None,
        )
    except Exception as error:  # of whatever kind: there is no answer then
        log.warning("Airflow does not say whether this task is to run: %s", error)
        return True
    of_run = states.get(context["run_id"]) or {}
    key = f"{ti.task_id}_{ti.map_index}" if ti.map_index >= 0 else ti.task_id
    return bool(of_run.get(key) == _RUNNING)
