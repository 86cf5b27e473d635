"""Record and report on one bucket with a later release, forward and back."""

import io
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from nightjar.runtime.stage import run
from nightjar.stores.records import Records
from nightjar.stores.tables import TABLES
from nightjar_record.stage import work as record
from nightjar_report.stage import work as report
from tests.bucket import NOON, PORCH
from tests.images.record.warehouse import keys, rows
from tests.images.record.world import DAY, World, history, person
from tests.images.report.test_stage import PAGE, reporting
from tests.later_release import COLUMN, TwoReleases


def a_run(store: TwoReleases, number: int) -> World:
    """A run whose stages, but for record, are of the release that writes now."""
    world = World(store, f"20261120T12000{number}Z-000000000001")
    world.alert(world.event([world.still(PORCH, NOON + timedelta(hours=number), person())], number))
    world.duplicate(world.still(PORCH, NOON + timedelta(hours=number, seconds=1)), f"in{number}")
    return world


@pytest.mark.parametrize("of_later", [(False, True, False), (True, False, True), (True, True, True)])
@pytest.mark.parametrize("history_is_later", [False, True])
def test_runs_of_two_releases_are_recorded_and_reported_together(
    of_later: tuple[bool, ...], history_is_later: bool
) -> None:
    store = TwoReleases()
    worlds = []
    for number, store.is_later in enumerate(of_later):
        worlds.append(a_run(store, number))
        context = worlds[-1].close()
        assert run(record, context).warnings == ()
        store.is_later = not store.is_later  # the page is made by the other one
        run(report, reporting(store))
        assert f"{3 * number + 3} motion triggers, {number + 1} alert" in store.get(PAGE)[0].decode()
    assert [len(rows(store)[table.name]) for table in TABLES] == [9, 3, 3, 3]
    store.is_later = history_is_later
    run(record, history(store, *worlds))
    assert [len(rows(store)[table.name]) for table in TABLES] == [9, 3, 3, 3]
    kept = column_of(store, "pictures")
    # Of the duplicates history knows nothing: their rows stay, with the column that a later release gave them.
    assert sum(value is not None for value in kept) == (9 if history_is_later else sum(of_later))
    run(report, reporting(store))
    assert "9 motion triggers, 3 alerts" in store.get(PAGE)[0].decode()


def test_a_merge_keeps_the_column_of_the_later_release() -> None:
    store = TwoReleases()
    for number, store.is_later in enumerate((False, True)):
        run(record, a_run(store, number).close())
    store.is_later = False
    for table in TABLES:
        assert Records(store).merge(table, DAY, most=1)
        assert {value is None for value in column_of(store, table.name)} == {True, False}


def column_of(store: TwoReleases, table: str) -> list[object]:
    """The later release's column of the whole day."""
    [key] = keys(store, f"records/{table}/date={DAY}/")
    content = pq.read_table(io.BytesIO(store.get(key)[0]))
    values: list[object] = content[COLUMN].to_pylist() if COLUMN in content.column_names else [None] * len(content)
    return values
