"""The executor of a local deployment: that of `operators.executor`, for the only scheduler, with the journal.

The scheduler waits in it. Airflow's scheduler sleeps for a fixed time when there is nothing to do: if that is short, an
idle scheduler uses a sixth of a core; if it is long, each task of a chain starts late. This executor knows when a task
has ended: the scheduler goes on at once, and looks less often while nothing happens.
"""

import gc
import os
import time
from pathlib import Path

from airflow.jobs.job import Job, JobState
from airflow.utils.session import create_session
from sqlalchemy import update

from nightjar_local import journal
from operators import executor

SCHEDULER = "scheduler"
# Seconds between two looks of the scheduler. Short after a task has ended, since one look often leads to the next:
# tasks are skipped one after the other. Then longer each time up to the longest, within which the scheduler sees what
# other processes have done: a trigger has found footage, somebody has started a run.
SHORTEST, LONGEST = 0.1, 0.6
_LONGER = 2.5  # times
_EVERY = 0.02  # seconds between two looks for the result of a task


# The name is one that Airflow knows as that of an executor on one machine.
class LocalExecutor(executor.LocalExecutor):
    """For the only scheduler of a deployment, which a supervisor starts again."""

    def start(self) -> None:
        """Start as usual; the tasks of a killed scheduler are scheduled again at once."""
        super().start()
        _end_other_schedulers(self.job_id)
        gc.freeze()  # what the scheduler has imported stays; it has forked its workers
        self._pause = SHORTEST
        self._known = set(self.running)

    def sync(self) -> None:
        """Wait for the end of a task, for a while; then take the results, as usual."""
        has_ended = bool(self._known - self.running)
        self._pause = SHORTEST if has_ended else min(_LONGER * self._pause, LONGEST)
        self._known = set(self.running)
        until = time.monotonic() + self._pause
        while self.result_queue.empty() and time.monotonic() < until:
            time.sleep(_EVERY)
        super().sync()

    def tell(self, text: str) -> None:
        """Write it into the journal, where the keeper finds why the scheduler ended."""
        if path := os.environ.get(journal.JOURNAL_VARIABLE):
            journal.append(Path(path), SCHEDULER, "explains", text)


def _end_other_schedulers(own_job: int | str | None) -> None:
    """Tell the database that the schedulers before this one have ended.

    There is one scheduler at a time, so one that still counts as running was killed. Without this, nobody would take up
    its tasks before its heartbeat is 30 s old, and only at the next look, after 5 minutes.
    """
    others = update(Job).where(Job.job_type == "SchedulerJob", Job.state == JobState.RUNNING, Job.id != own_job)
    with create_session() as session:
        session.execute(others.values(state=JobState.FAILED))
