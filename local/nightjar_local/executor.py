"""The executor of a local deployment: that of `operators.executor`, for the only scheduler, with the journal."""

import os
from pathlib import Path

from airflow.jobs.job import Job, JobState
from airflow.utils.session import create_session
from sqlalchemy import update

from nightjar_local import journal
from operators import executor

SCHEDULER = "scheduler"


# The name is one that Airflow knows as that of an executor on one machine.
class LocalExecutor(executor.LocalExecutor):
    """For the only scheduler of a deployment, which a supervisor starts again."""

    def start(self) -> None:
        """Start as usual; the tasks of a killed scheduler are scheduled again at once."""
        super().start()
        _end_other_schedulers(self.job_id)

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
