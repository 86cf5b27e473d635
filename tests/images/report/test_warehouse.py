"""Parts of the warehouse: the same bytes for the same rows, and each row once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nightjar.domain.layout import records_prefix
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar_report.outcomes import event_row
from nightjar_report.tables import EVENTS, EventRow
from nightjar_report.warehouse import WHOLE_DAY, Warehouse, news
from tests.images.report.world import DAY, NOON, PORCH, World, person

PREFIX = records_prefix("events", DAY)


def an_event(number: int = 1, run: str = "nightjar_live/1", pictures: int = 1) -> EventRow:
    world = World(MemoryStore())
    event = world.event([world.still(PORCH, NOON, person())], number)
    return replace(event_row(event, run, lambda _: "UTC"), pictures=pictures)


def ticking() -> MemoryStore:
    moments = iter(NOON + timedelta(seconds=n) for n in range(1000))
    return MemoryStore(clock=lambda: next(moments))


def write(store: MemoryStore, name: str, *rows: EventRow, run: str = "r") -> None:
    Warehouse(store).write(EVENTS, DAY, name, EVENTS.ordered(EVENTS.arrow(rows)), {"run": run})


def test_rows_come_back_with_who_wrote_them() -> None:
    store = ticking()
    rows = [an_event(2), an_event(1)]
    write(store, "a.parquet", *rows, run="r1")
    write(store, "b.parquet", an_event(3), run="r2")
    found = Warehouse(store).read(DAY)
    assert sorted(r.id for r in EVENTS.rows(found["events"])) == sorted(an_event(n).id for n in (1, 2, 3))
    assert found.provenance == ({"run": "r1"}, {"run": "r2"})
    assert {t: len(found[t]) for t in ("pictures", "detections", "alerts")} == dict.fromkeys(
        ("pictures", "detections", "alerts"), 0
    )


def test_who_wrote_last_comes_last_whatever_its_images_and_its_dag() -> None:
    store = ticking()
    notes = [
        {"images": {"detect": "detect:1.9.0"}, "run": "nightjar_live/20261120T100000Z-2"},
        {"images": {"detect": "detect:1.10.0"}, "run": "nightjar_live/20261120T110000Z-1"},
        {"images": {"detect": "detect:1.10.0"}, "run": "nightjar_history/2026-11-20"},
    ]
    for number, note in enumerate(notes):
        Warehouse(store).write(EVENTS, DAY, f"{9 - number}.parquet", EVENTS.arrow([an_event(number)]), note)
    assert Warehouse(store).read(DAY).provenance == tuple(notes)


def test_the_order_of_rows_does_not_change_the_bytes_nor_make_a_new_version() -> None:
    store = ticking()
    write(store, "a.parquet", an_event(1), an_event(2))
    write(store, "a.parquet", an_event(2), an_event(1))
    assert len(list(store.list_versions(PREFIX))) == 1


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], 2),  # the newest part counts, whatever it is called
        (["b", "a"], 2),
        (["day", "a"], 2),
        (["a", "day"], 2),
    ],
)
def test_of_a_row_in_several_parts_the_newest_counts(names: list[str], expected: int) -> None:
    store = ticking()
    for pictures, name in enumerate(names, 1):
        write(store, f"{name}.parquet", an_event(1, pictures=pictures))
    assert [r.pictures for r in EVENTS.rows(Warehouse(store).read(DAY)["events"])] == [expected]


def test_of_parts_of_the_same_second_the_whole_day_is_the_older() -> None:
    store = MemoryStore(clock=lambda: NOON)
    write(store, "2.parquet", an_event(1, pictures=2))
    write(store, WHOLE_DAY, an_event(1, pictures=1))
    assert [r.pictures for r in EVENTS.rows(Warehouse(store).read(DAY)["events"])] == [2]


def test_a_part_without_rows_is_not_there() -> None:
    store = ticking()
    write(store, "a.parquet")
    assert list(store.list_objects("records/")) == []
    write(store, "a.parquet", an_event())
    write(store, "a.parquet")
    assert list(store.list_objects("records/")) == []
    assert len(list(store.list_versions("records/"))) == 2  # the delete marker, and what it hides


def test_what_is_no_parquet_is_named() -> None:
    store = MemoryStore()
    store.put(f"{PREFIX}a.parquet", b"PAR1 but not really")
    with pytest.raises(InputError, match=r"a\.parquet"):
        Warehouse(store).read(DAY)


@pytest.mark.parametrize(
    ("content", "others", "expected"),
    [
        ([], [], 0),
        ([an_event(1)], [], 1),
        ([an_event(1)], [an_event(2)], 1),
        ([an_event(1, run="x")], [an_event(1, run="y")], 0),
        ([an_event(1, pictures=2)], [an_event(1, pictures=1)], 1),
        ([an_event(1), an_event(2)], [an_event(2), an_event(3)], 1),
    ],
)
def test_news_are_rows_that_others_do_not_hold(content: list[EventRow], others: list[EventRow], expected: int) -> None:
    assert len(news(EVENTS.arrow(content), EVENTS.arrow(others))) == expected


def test_a_part_that_goes_while_the_day_is_read_is_left_out() -> None:
    class Vanishing(MemoryStore):
        def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
            if key.endswith("b.parquet"):
                self.delete(key)
            return super().get(key, version_id)

    store = Vanishing()
    write(store, "a.parquet", an_event(1))
    write(store, "b.parquet", an_event(2))
    assert len(Warehouse(store).read(DAY)["events"]) == 1
