"""Logs of tasks on this machine's disk, as Airflow leaves them where it keeps none in the bucket."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nightjar.domain.forgetting import Subject, lines_without

# A task that is running appends to its log; Airflow's heartbeats and the stages' progress come more often.
_AT_REST = timedelta(minutes=5)


@dataclass(frozen=True)
class ScrubbedFiles:
    """How many files lost lines, and how many mention the user still, since they are being written."""

    changed: int
    busy: int


def scrub_files(folder: Path, subject: Subject, now: datetime, *, dry_run: bool = False) -> ScrubbedFiles:
    """Take the lines that mention `subject` out of every log below `folder`; the other lines stay byte for byte."""
    changed = busy = 0
    for file in _logs(folder):
        try:
            data, about = file.read_bytes(), file.stat()
        except OSError:  # Airflow has removed it
            continue
        left = lines_without(subject, data)
        if left == data:
            continue
        if now.timestamp() - about.st_mtime < _AT_REST.total_seconds():
            busy += 1
            continue
        changed += 1
        if not dry_run:
            _replace(file, left, about)
    return ScrubbedFiles(changed, busy)


def _logs(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.log")) if path.is_file() and not path.is_symlink())


def _replace(file: Path, data: bytes, about: os.stat_result) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".nightjar-", delete=False) as new:
        new.write(data)
    Path(new.name).chmod(about.st_mode)
    os.utime(new.name, ns=(about.st_atime_ns, about.st_mtime_ns))
    Path(new.name).replace(file)
