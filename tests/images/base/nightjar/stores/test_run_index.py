"""Runs between two times, by their names alone: nothing outside of the period is listed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.run_index import runs_between
from nightjar.stores.runs import HISTORY, LIVE, REPORT, WATCH, run_prefix

LIVE_RUNS = (
    *("20261119T235959Z-000000000001", "20261120T120000Z-000000000002", "20261120T120500Z-000000000003"),
    *("retry-20261120T121000Z-000000000004", "20261121T000000Z-000000000005", "not-a-time"),
)
SCHEDULED = ("scheduled__2026-11-20T12-00-00-00-00-01234567", "manual__2026-11-20T13-00-00-00-00-01234567")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bucket() -> MemoryStore:
    store = MemoryStore()
    runs = [(LIVE, LIVE_RUNS), (WATCH, SCHEDULED), (REPORT, SCHEDULED), (HISTORY, ("2026-11-19", "2026-11-20"))]
    for dag, names in runs:
        for name in names:
            store.put(f"{run_prefix(dag, name)}started.json", b"{}")
    return store


@pytest.mark.parametrize(
    ("dag", "first", "last", "numbers"),
    [
        (LIVE, "2026-11-20T12:00", "2026-11-20T12:05", [3, 2]),  # to the second
        (LIVE, "2026-11-20T12:00", "2026-11-20T12:04:59", [2]),
        (LIVE, "2026-11-20", "2026-11-20T23:59:59", [4, 3, 2]),
        (LIVE, "2026-11-01", "2026-11-30", [5, 4, 3, 2, 1]),  # day by day
        (LIVE, "2026-11-20T12:06", "2026-11-20T12:07", []),
        (LIVE, "2026-11-20T12:07", "2026-11-20T12:06", []),
    ],
)
def test_live_runs(dag: str, first: str, last: str, numbers: list[int]) -> None:
    found = runs_between(bucket(), dag, moment(first), moment(last))
    assert [int(name[-1]) for name in found] == numbers


@pytest.mark.parametrize("dag", [WATCH, REPORT])
def test_runs_that_airflow_named(dag: str) -> None:
    assert runs_between(bucket(), dag, moment("2026-11-20T11:30"), moment("2026-11-20T13:00")) == [*reversed(SCHEDULED)]
    assert runs_between(bucket(), dag, moment("2026-11-20T12:30"), moment("2026-11-20T13:30")) == [SCHEDULED[1]]


def test_history_runs_are_named_by_their_day() -> None:
    assert runs_between(bucket(), HISTORY, moment("2026-11-19T12:00"), moment("2026-11-19T13:00")) == ["2026-11-19"]
    assert runs_between(bucket(), HISTORY, moment("2026-10-01"), moment("2026-11-30")) == ["2026-11-20", "2026-11-19"]


def test_only_the_period_is_listed() -> None:
    store, listed = bucket(), list[str]()

    class Noting:
        def list_folders(self, prefix: str) -> list[str]:
            listed.append(prefix)
            return store.list_folders(prefix)

    noting: Any = Noting()
    runs_between(noting, LIVE, moment("2026-11-20T12:00"), moment("2026-11-20T12:05"))
    assert listed == [f"runs/nightjar_live/{kind}20261120T12" for kind in ("", "retry-")]
