"""A bucket into which a later release writes, too: a field more in every document, a column more in every table."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo

KEY = "a_later_key"
VALUE = {"of": ["a", "later", "release"]}
COLUMN = "a_later_column"


class TwoReleases(MemoryStore):
    """While `is_later`, an object is stored as a release after this one would write it."""

    is_later = False

    def put(self, key: str, data: bytes, **kwargs: Any) -> ObjectInfo:
        return super().put(key, as_later(key, data) if self.is_later else data, **kwargs)


def as_later(key: str, data: bytes) -> bytes:
    """The content of an object with what a later release adds; pictures and rules stay as they are."""
    if key.endswith(".json"):
        return json.dumps(_more(json.loads(data))).encode()
    if key.endswith(".jsonl"):
        return b"".join(json.dumps(_more(json.loads(line))).encode() + b"\n" for line in data.splitlines())
    if key.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(data))
        known = table[COLUMN].to_pylist() if COLUMN in table.column_names else [None] * len(table)
        table = table.drop_columns([COLUMN]) if COLUMN in table.column_names else table
        values = pa.array([value or f"of row {number}" for number, value in enumerate(known)], pa.string())
        table = table.append_column(COLUMN, values)
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        return buffer.getvalue()
    return data


# Under these names the keys are data: labels, reasons, stages, settings. In the second set, the values are documents.
_DATA = {"labels", "counts", "outcomes", "details", "settings", "failures", "result", "request"}
_BY_NAME = {"stages", "best", "shards"}


def _more(value: Any) -> Any:
    """`value` with one key more in every object whose keys are names of fields."""
    if isinstance(value, list):
        return [_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {**{name: _field(name, each) for name, each in value.items()}, KEY: VALUE}


def _field(name: str, value: Any) -> Any:
    if name in _DATA:
        return value
    if name in _BY_NAME and isinstance(value, dict):
        return {key: _more(each) for key, each in value.items()}
    return _more(value)
