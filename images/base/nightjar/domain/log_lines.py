"""Lines of a task's log as people read them: time, level and text of what Airflow and a stage wrote as JSON."""

import json
from collections.abc import Iterator
from typing import Any

_HIDDEN = frozenset({"timestamp", "level", "event", "logger", "filename", "lineno", "error_detail", "loc", "time"})
_DETAIL = 200  # characters of a value


def readable(data: bytes) -> Iterator[str]:
    """Each line: JSON as a sentence with its details, anything else as it is."""
    for line in data.decode(errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            yield line
            continue
        if isinstance(value, dict) and "event" in value:
            yield from _lines_of(value)
        else:
            yield line


def _lines_of(value: dict[str, Any]) -> Iterator[str]:
    details = " ".join(
        f"{name}={text[:_DETAIL]}"
        for name, each in value.items()
        if name not in _HIDDEN and (text := each if isinstance(each, str) else json.dumps(each, default=str))
    )
    head = " ".join(filter(None, (str(value.get("timestamp", "")), str(value.get("level", "")).upper())))
    yield " ".join(filter(None, (head, str(value["event"]), details)))
    for error in value.get("error_detail") or ():
        if isinstance(error, dict):
            yield f"    {error.get('exc_type')}: {error.get('exc_value')}"
