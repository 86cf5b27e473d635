"""The logs of tasks, where Airflow keeps them in the bucket: `airflow-logs/dag_id=…/run_id=…/task_id=…/attempt=1.log`.

The names below the prefix are Airflow's (its option `log_filename_template`), on a disk as in a bucket.
"""

import gzip
import re
import zlib

from nightjar.domain.manifest import TaskRef
from nightjar.runtime.store import ObjectMissingError, ObjectStore

_ATTEMPT = re.compile(r"attempt=([0-9]{1,4})\.log(?:\.gz)?")
_MAPPED = re.compile(r"map_index=([0-9]{1,6})")


def folder_of_task(task: TaskRef) -> str:
    """Where the logs of the tries of a task are, below the place of all logs."""
    mapped = f"map_index={task.map_index}/" if task.map_index >= 0 else ""
    return f"dag_id={task.dag_id}/run_id={task.run_id}/task_id={task.task_id}/{mapped}"


class TaskLogs:
    """Reads logs below `prefix`."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store, self._prefix = store, f"{prefix.strip('/')}/"

    def tries(self, task: TaskRef) -> list[int]:
        """The tries of which there is a log, the first one first."""
        folder = f"{self._prefix}{folder_of_task(task)}"
        names = (info.key.removeprefix(folder) for info in self._store.list_objects(folder))
        return sorted({int(match[1]) for name in names if (match := _ATTEMPT.fullmatch(name))})

    def mapped(self, task: TaskRef) -> list[int]:
        """The map indexes of which there is a log of the task."""
        folder = f"{self._prefix}{folder_of_task(task.model_copy(update={'map_index': -1}))}"
        names = (each.removeprefix(folder).rstrip("/") for each in self._store.list_folders(folder))
        return sorted(int(match[1]) for name in names if (match := _MAPPED.fullmatch(name)))

    def read(self, task: TaskRef, try_number: int) -> bytes | None:
        """The log of a try, as it was written; None where there is none."""
        key = f"{self._prefix}{folder_of_task(task)}attempt={try_number}.log"
        for name in (key, f"{key}.gz"):
            try:
                data, _ = self._store.get(name)
            except ObjectMissingError:
                continue
            try:
                return gzip.decompress(data) if name.endswith(".gz") else data
            except (OSError, EOFError, zlib.error):
                return data
        return None
