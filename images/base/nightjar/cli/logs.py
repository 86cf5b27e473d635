"""`nightjar logs`: what the tasks logged that worked on an alert, an event, a picture, a camera or a run."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.domain.stages import STAGES
from nightjar.errors import NightjarError

if TYPE_CHECKING:
    from nightjar.domain.manifest import TaskRef
    from nightjar.queries.tasks_of import StageTask
    from nightjar.runtime.airflow_api import AirflowApi
    from nightjar.runtime.store import ObjectStore

# Where Airflow says that it puts the logs of tasks: in a bucket, and on this machine's disk.
REMOTE_LOGS, LOCAL_LOGS = "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER", "AIRFLOW__LOGGING__BASE_LOG_FOLDER"

# The lines of a try's log and where they came from; None where that place has none.
Source = Callable[["TaskRef", int], "tuple[list[str], str] | None"]


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `logs` to the command line."""
    logs = commands.add_parser(
        "logs",
        help="what the tasks logged that worked on an alert, a camera or a run",
        description="Print what the tasks logged that worked on an alert, a picture, a camera or a run. Which "
        "run, task, map index, try and pod it was is in the manifests. The log comes from Airflow, if it can be "
        "reached and has it; else from the bucket or this machine's disk, where Airflow keeps logs.",
    )
    logs.add_argument(
        "name",
        metavar="NAME",
        help="an event's or a message's id, a picture like alice-porch-1763647500, a camera like alice-porch, or a run "
        "like nightjar_live/20261120T120000Z-0123456789ab",
    )
    logs.add_argument("--stage", choices=sorted(STAGES), help="the tasks of this stage only")
    logs.add_argument("--runs", type=_count, default=1, metavar="N", help="of at most so many runs (by default 1)")
    logs.add_argument("--tail", type=_count, metavar="N", help="the last N lines of each log only")
    logs.add_argument("--log-prefix", metavar="PREFIX", help="where the bucket has logs, if not where Airflow says")
    logs.set_defaults(run=run_logs)


def run_logs(given: argparse.Namespace) -> int:
    """Print them; returns 0. Raises InputError when there is no such thing."""
    from nightjar.queries.tasks_of import tasks_of
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.settings.airflow import connect, is_reachable

    settings = load(StoreSettings)
    store = S3Store(settings)
    runs = tasks_of(store, given.name, given.stage, datetime.now(UTC), given.runs)
    prefix = given.log_prefix or log_prefix(settings.bucket)
    airflow = connect() if is_reachable() else None
    try:
        sources = [*([_airflow(airflow)] if airflow else []), _bucket(store, prefix), _disk()]
        for run in runs:
            for task in run.tasks:
                for line in told(run.run, task, sources, given.tail):
                    sys.stdout.write(f"{line}\n")
    finally:
        if airflow:
            airflow.__exit__()
    return 0


def told(run: str, task: "StageTask", sources: list[Source], tail: int | None) -> Iterator[str]:
    """The task, and the log of its last try, from the first of `sources` that has it."""
    about = task.task
    of_shard = f" of shard {task.shard}" if task.shard else ""
    pod = f", pod {about.pod}" if about.pod else ""
    index = f" map index {about.map_index}," if about.map_index >= 0 else ""
    attempt = f" try {about.try_number}" if about.try_number else " its last try"
    yield f"=== {task.stage}{of_shard}: run {run}, task {about.task_id},{index}{attempt}{pod}"
    if not task.is_recorded:
        yield "which of the mapped tasks it was is not recorded: no stage of this shard left a manifest with it"
        return
    for source in sources:
        log = source(about, about.try_number)
        if log is not None:
            lines, where = log
            yield f"--- {where}"
            yield from lines[-tail:] if tail else lines
            return
    yield "no log of it is kept: neither Airflow, nor the bucket, nor this machine has one"


def log_prefix(bucket: str) -> str:
    """Where in the bucket Airflow keeps logs of tasks: as its settings in the environment say, or the chart does."""
    from nightjar.stores.lifecycle import LOGS

    place, head = os.environ.get(REMOTE_LOGS, ""), f"s3://{bucket}/"
    return place.removeprefix(head).strip("/") if place.startswith(head) else LOGS


def _airflow(api: "AirflowApi") -> Source:
    def read(task: "TaskRef", number: int) -> "tuple[list[str], str] | None":
        about = {
            "dag_id": task.dag_id,
            "dag_run_id": task.run_id,
            "task_id": task.task_id,
            "map_index": task.map_index,
        }
        try:
            number = number or max((int(each["try_number"]) for each in api.tries(about)), default=1)
            lines = api.log(about, number).splitlines()
        except NightjarError:  # the run was removed from Airflow, or Airflow is away: the next place may have it
            return None
        return (lines, f"try {number}, from Airflow") if lines else None

    return read


def _bucket(store: "ObjectStore", prefix: str) -> Source:
    def read(task: "TaskRef", number: int) -> "tuple[list[str], str] | None":
        from nightjar.domain.log_lines import readable
        from nightjar.stores.task_logs import TaskLogs

        logs = TaskLogs(store, prefix)
        number = number or max(logs.tries(task), default=1)
        data = logs.read(task, number)
        return None if data is None else (list(readable(data)), f"try {number}, from {prefix}/ in the bucket")

    return read


def _disk() -> Source:
    def read(task: "TaskRef", number: int) -> "tuple[list[str], str] | None":
        from nightjar.domain.log_lines import readable
        from nightjar.stores.task_logs import folder_of_task

        folder = Path(os.environ.get(LOCAL_LOGS, "")) / folder_of_task(task)
        file = folder / f"attempt={number or 1}.log"
        if LOCAL_LOGS not in os.environ or not file.is_file():
            return None
        return list(readable(file.read_bytes())), f"try {number or 1}, from {file}"

    return read


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 100,000, got {text!r}")
    return int(text)
