"""When each component of a deployment started and ended, and why: a line each, kept from one `make up` to the next.

The supervisor's own log tells the same to people; this is for `make status`.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

SUPERVISOR = "supervisor"
# A component may say why it is about to end; its keeper tells it where.
JOURNAL_VARIABLE = "KEEPER_JOURNAL"
# The text of a death that is no doing of the component's. With the supervisor, the pipe ends that all log to; a worker
# of the scheduler that logs something then ends before the scheduler does, and the scheduler explains just that.
WITHOUT_SUPERVISOR = "its supervisor was killed"

Kind = Literal["started", "explains", "died", "stopped"]


@dataclass(frozen=True)
class Entry:
    """A line: `component` started, explains why it is going to end, died by itself, or stopped as it was told to."""

    at: str
    component: str
    kind: Kind
    text: str = ""


@dataclass(frozen=True)
class History:
    """A component's past: when it started last, how often it was started again since `make up`, its last death."""

    since: str | None = None
    restarts: int = 0
    last_death: str | None = None


def journal_file(directory: Path) -> Path:
    """The journal of the deployment in `directory`."""
    return directory / "logs" / "components.jsonl"


def append(journal: Path, component: str, kind: Kind, text: str = "") -> None:
    """Add a line, in one write, so that several processes may do so at once."""
    entry = Entry(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), component, kind, text)
    journal.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{json.dumps(asdict(entry))}\n".encode())
    finally:
        os.close(descriptor)


def read(journal: Path) -> list[Entry]:
    """Every line, oldest first; a line that was cut short is left out."""
    if not journal.exists():
        return []
    entries = []
    for line in journal.read_text(errors="replace").splitlines():
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def history(entries: Iterable[Entry], component: str) -> History:
    """The past of one component."""
    since, restarts, death, explanation = None, 0, None, ""
    fresh = True
    for entry in entries:
        if entry.component == SUPERVISOR and entry.kind == "started":
            restarts, fresh = 0, True
        if entry.component != component:
            continue
        if entry.kind == "started":
            restarts, fresh = (0 if fresh else restarts + 1), False
            since, explanation = entry.at, ""
        elif entry.kind == "explains":
            explanation = f": {entry.text}"
        elif entry.kind == "died":
            cause = "" if entry.text == WITHOUT_SUPERVISOR else explanation
            since, death, explanation = entry.at, f"{entry.at} {entry.text}{cause}", ""
        else:
            since, explanation, fresh = entry.at, "", True
    return History(since, restarts, death)


def is_open(entries: Sequence[Entry], component: str) -> bool:
    """Whether the component started and, by the journal, has not ended: its keeper was killed, or it still runs."""
    kinds = [entry.kind for entry in entries if entry.component == component and entry.kind != "explains"]
    return bool(kinds) and kinds[-1] == "started"
