"""The scheduler waits in the executor of a local deployment: until a task has ended, or for a while."""

from collections.abc import Callable
from multiprocessing import SimpleQueue

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

from nightjar_local import executor as module
from nightjar_local.executor import LONGEST, SHORTEST, LocalExecutor
from operators import executor as on_one_machine

KEY = TaskInstanceKey("dag", "task", "run", 1, -1)
ENDED = (KEY, TaskInstanceState.SUCCESS, None)


class Clock:
    """Sleeping takes no time, and is when something else happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> LocalExecutor:
    """One that has started, without workers and without a database of schedulers."""

    def start(self: on_one_machine.LocalExecutor) -> None:
        self.result_queue = SimpleQueue()
        self.workers = {}

    monkeypatch.setattr(on_one_machine.LocalExecutor, "start", start)
    monkeypatch.setattr(on_one_machine.LocalExecutor, "_check_workers", lambda _: None)
    monkeypatch.setattr(module, "_end_other_schedulers", lambda _: None)
    make: Callable[..., LocalExecutor] = LocalExecutor  # Airflow has not typed it
    executor = make(parallelism=1)
    executor.start()
    return executor


def waited(executor: LocalExecutor, clock: Clock) -> float:
    begun = clock.now
    executor.sync()
    return clock.now - begun


def test_it_waits_longer_while_nothing_happens(executor: LocalExecutor, clock: Clock) -> None:
    waits = [round(waited(executor, clock), 3) for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[0] < LONGEST / 2
    assert waits[-1] == pytest.approx(LONGEST, abs=0.05)


def test_it_waits_shortly_after_an_end_and_not_while_there_is_a_result(executor: LocalExecutor, clock: Clock) -> None:
    executor.running.add(KEY)
    for _ in range(8):
        executor.sync()
    executor.result_queue.put(ENDED)
    assert waited(executor, clock) == 0
    assert executor.running == set()
    assert executor.get_event_buffer() == {KEY: (TaskInstanceState.SUCCESS, None)}
    assert waited(executor, clock) == pytest.approx(SHORTEST, abs=0.03)
    assert waited(executor, clock) > 2 * SHORTEST


def test_the_end_of_a_task_ends_the_wait(executor: LocalExecutor, clock: Clock) -> None:
    executor.running.add(KEY)
    for _ in range(8):
        executor.sync()
    end = clock.now + 0.1

    def end_the_task() -> None:
        if clock.now >= end and executor.result_queue.empty():
            executor.result_queue.put(ENDED)

    clock.meanwhile = end_the_task
    assert waited(executor, clock) == pytest.approx(0.1, abs=0.05)
    assert executor.running == set()
