"""Footage that is looked at again: what passes is no complaint any more, in the rows and in quarantine's listing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.batch import Kept, Outcome
from nightjar.domain.reasons import Reason
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.runtime.store import ObjectStore
from nightjar.stores.contents import Content
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import HISTORY
from nightjar.stores.tables import PICTURES
from nightjar_record.stage import work
from tests.bucket import NOON, PORCH, SHOP
from tests.images.record.warehouse import rows
from tests.images.record.world import DAY, World, history, person

FIRST, SECOND = "20261120T120000Z-000000000001", "20261120T130000Z-000000000002"
RETRY = "retry-20261120T140000Z-000000000003"


def refused(store: ObjectStore) -> list[str]:
    return sorted(str(entry.reason) for _, entry in Quarantine(store).of_day(DAY))


def outcomes(store: ObjectStore) -> list[tuple[str, str | None]]:
    return sorted((row["outcome"], row["reason"]) for row in rows(store)["pictures"])


def again(world: World, **line: Any) -> World:
    """Make the footage of `world` another version, or a retry: the batch lines change, and what names a version."""
    world.batch = [each.model_copy(update=line) for each in world.batch]
    version = line.get("footage_version")
    if version:
        world.validations = [v.model_copy(update={"footage_version": version}) for v in world.validations]
    return world


def retry(world: World) -> World:
    """Make the filed lines of `world` what a retry makes of refused footage: their source is the footage itself."""
    world.batch = [
        line.model_copy(
            update={
                "source": line.source.model_copy(update={"key": line.footage_key, "version_id": line.footage_version})
            }
        )
        for line in world.batch
    ]
    return world


def a_part(store: ObjectStore) -> World:
    """A clip that was cut after two frames."""
    world = World(store, FIRST)
    world.video(PORCH, NOON, [[], []], cut=True)
    run(work, world.close())
    assert outcomes(store) == [("detected", None), ("detected", None), ("quarantined", "truncated")]
    assert refused(store) == ["truncated"]
    return world


def the_whole(store: ObjectStore, name: str = SECOND, dag: str = "nightjar_live") -> World:
    world = World(store, name, dag)
    world.video(PORCH, NOON, [[], [], [], []])
    return again(world, footage_version="f2", first_version="f1")


@pytest.mark.parametrize("then_history", [False, True])
def test_the_whole_of_a_part_takes_its_place(then_history: bool) -> None:
    store = MemoryStore()
    a_part(store)
    run(work, the_whole(store).close())
    if then_history:
        run(work, history(store, the_whole(store)))
    assert outcomes(store) == [("detected", None)] * 4
    assert {row["footage_version"] for row in rows(store)["pictures"]} == {"f2"}
    assert len({row["trigger"] for row in rows(store)["pictures"]}) == 1
    assert refused(store) == []


def test_a_part_whose_run_ends_after_that_of_the_whole_is_no_complaint() -> None:
    store = MemoryStore()
    part = World(store, FIRST)
    [first, _] = part.video(PORCH, NOON, [[person()], []], cut=True)
    key = first.footage_key
    version = store.put(key, b"part").version_id
    again(part, footage_version=version)
    part.still(SHOP, NOON)
    run(work, part.close())
    assert ("quarantined", "truncated") in outcomes(store), "expected a part alone to be told"
    whole = World(store, SECOND)
    whole.video(PORCH, NOON, [[person()], [], [], []])
    again(whole, footage_version=store.put(key, b"the whole").version_id, first_version=version)
    run(work, whole.close())
    late = run(work, part.close())
    assert outcomes(store) == [("detected", None)] * 5
    assert refused(store) == []
    assert len(rows(store)["detections"]) == 1
    assert late.warnings == ()


def test_history_alone_takes_the_whole_for_the_part() -> None:
    """The run of the whole did not come to its end: history finds the footage as it is now."""
    store = MemoryStore()
    a_part(store)
    run(work, the_whole(store, DAY.isoformat(), HISTORY).close(day=DAY))
    assert outcomes(store) == [("detected", None)] * 4
    assert refused(store) == []


@pytest.mark.parametrize("by", ["a retry", "history"])
def test_what_was_refused_and_passes_is_no_complaint_any_more(by: str) -> None:
    store = MemoryStore()
    first = World(store, FIRST)
    first.refused(PORCH, NOON, Reason.UNKNOWN_CAMERA)
    first.refused(SHOP, NOON, Reason.VOID)
    run(work, first.close())
    healed = World(store, RETRY)
    healed.still(PORCH, NOON)
    if by == "a retry":
        run(work, retry(healed).close())
    else:
        healed.refused(SHOP, NOON, Reason.VOID)
        run(work, history(store, healed))
    assert outcomes(store) == [("detected", None), ("quarantined", "void")]
    assert refused(store) == ["void"]
    everything = [v.key for v in store.list_versions("quarantine/unknown-camera/") if not v.is_delete_marker]
    assert len(everything) == 2, "expected the evidence to stay as versions"


def test_what_is_refused_again_stays_as_it_was() -> None:
    store = MemoryStore()
    first = World(store, FIRST)
    first.refused(PORCH, NOON, Reason.GREY)
    run(work, first.close())
    before = [v.version_id for v in store.list_versions("quarantine/")]
    same = World(store, RETRY)
    same.refused(PORCH, NOON, Reason.GREY)
    run(work, retry(same).close())
    assert outcomes(store) == [("quarantined", "grey")]
    assert [v.version_id for v in store.list_versions("quarantine/")] == before


def test_what_failed_in_a_retry_keeps_its_refusal() -> None:
    store = MemoryStore()
    first = World(store, FIRST)
    first.refused(PORCH, NOON, Reason.GREY)
    run(work, first.close())
    failed = World(store, RETRY)
    failed.unread(PORCH, NOON, "footage-unreadable:InvalidObjectState")
    run(work, retry(failed).close())
    assert refused(store) == ["grey"]


def test_what_collect_refused_and_a_retry_files_is_a_duplicate_from_then_on() -> None:
    store = MemoryStore()
    first = World(store, FIRST)
    first.misnamed(f"{PORCH.name}-{int(NOON.timestamp())}.jpg", Reason.TOO_MANY_BYTES, NOON)
    run(work, first.close())
    assert refused(store) == ["too-many-bytes"]
    [line] = first.batch
    healed = World(store, RETRY)
    healed.still(PORCH, NOON)
    retry(healed)
    [filed] = healed.batch
    kept = Kept(key="quarantine/x/object", version_id="v")
    source = line.source.model_copy(update={"kept": kept})
    was = {"outcome": Outcome.DUPLICATE, "reason": None, "footage_key": filed.footage_key, "source": source}
    healed.batch.append(line.model_copy(update=was))
    run(work, healed.close())
    assert outcomes(store) == [("detected", None), ("duplicate", None)]
    assert refused(store) == []


def test_a_live_run_over_new_footage_reads_nothing_of_the_quarantine() -> None:
    class Watched(MemoryStore):
        listed: list[str] = []  # noqa: RUF012 - one store

        def list_objects(self, prefix: str) -> Iterator[Any]:
            self.listed.append(prefix)
            return super().list_objects(prefix)

    store = Watched()
    world = World(store, FIRST)
    world.still(PORCH, NOON)
    run(work, world.close())
    assert [prefix for prefix in store.listed if prefix.startswith("quarantine/")] == []


def test_a_part_that_tells_all_about_a_trigger_outdoes_older_parts() -> None:
    store = MemoryStore()
    world = World(store, FIRST)
    frames = world.video(PORCH, NOON, [[], [], []])
    still = world.still(SHOP, NOON + timedelta(minutes=1))
    run(work, world.close())
    lines = rows(store)["pictures"]
    older = Content.of(PICTURES, [PICTURES.row(**line) for line in lines])
    newer = older.where("standard_key", [frames[1].standard_key])
    assert sorted(Content.newest(PICTURES, [older, newer]).values("standard_key")) == sorted(
        [frames[1].standard_key, still.standard_key]
    )
    assert len(Content.newest(PICTURES, [newer, older])) == 4
    assert len(Content.newest(PICTURES, [newer])) == 1
