"""The record stage of a day's 2,000th live run, inside an event of 20,000 pictures, against that of its first run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar_record.stage import work
from nightjar_report.stage import report_day
from tests.benchmarks.counting import Counted, CountingStore
from tests.benchmarks.rows import Asked, Row
from tests.bucket import NOON, PORCH
from tests.images.record.warehouse import keys
from tests.images.record.world import DAY, World, person

RUNS = 2000
PICTURES = 20_000  # of the event
LIMIT = 1.2
ROUNDS = 15


@dataclass(frozen=True)
class Cost:
    """Of one record stage."""

    counted: Counted
    seconds: float  # of processor time


def rows(say: Callable[[str], None]) -> list[Row]:
    """Requests, bytes and processor time; and the page of such a day."""
    store = MemoryStore()
    say("record: the first live run of a day")
    context = _live_run(store, 0)
    first = _cost(context)
    say(f"record: {RUNS - 2} more runs")
    _more_parts(store)
    say("record: the last one")
    last = _cost(_live_run(store, RUNS - 1))
    name = f"record: 1 picture, live run {RUNS:,} of its day"
    counting = CountingStore(store)
    started = time.process_time()
    report_day(counting, DAY, most_thumbnails=0)
    page = time.process_time() - started
    return [
        _row(f"{name}, requests", last.counted.requests, first.counted.requests, "requests"),
        _row(f"{name}, bytes", last.counted.moved / 1024, first.counted.moved / 1024, "KiB"),
        _row(f"{name}, processor time", last.seconds * 1000, first.seconds * 1000, "ms"),
        Row(f"report: a page out of {RUNS:,} parts a table, merged on the way", page, "s of processor time"),
        *_page_again(store),
    ]


def _row(name: str, last: float, first: float, unit: str) -> Row:
    return Row(name, last, unit, first, "run 1", LIMIT, Asked.AT_MOST)


def _page_again(store: MemoryStore) -> list[Row]:
    counting = CountingStore(store)
    started = time.process_time()
    report_day(counting, DAY, most_thumbnails=0)
    seconds = time.process_time() - started
    return [
        Row(f"report: a page out of {RUNS:,} runs", seconds, "s of processor time"),
        Row(f"report: a page out of {RUNS:,} runs, requests", counting.counted.requests, "requests"),
    ]


def _live_run(store: MemoryStore, number: int) -> StageContext:
    """A run of one picture in the same event, so far as its stages before record go."""
    world = World(store, f"20261120T120000Z-{number:012x}")
    moment = NOON + timedelta(seconds=number)
    event = world.event([world.still(PORCH, moment, person())])
    if number:
        grown = event.model_copy(
            update={"picture_count": PICTURES, "started_at": NOON - timedelta(hours=11), "revision": number + 1}
        )
        world.events = [grown]
        world.store_event(grown)
    else:
        world.alert(event)
    return world.close()


def _more_parts(store: MemoryStore) -> None:
    """The parts and news of the runs in between: copies of those of the first run, under the names of others."""
    own = {key: store.get(key)[0] for key in keys(store, "records/")}
    for number in range(1, RUNS - 1):
        for key, data in own.items():
            store.put(key.replace(f"{0:012x}", f"{number:012x}"), data)


def _cost(context: StageContext) -> Cost:
    """Of the first time that it runs, in requests and bytes; the least of several times in processor time."""
    counting = CountingStore(context.store)
    run(work, replace(context, store=counting))
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        run(work, context)
        seconds.append(time.process_time() - started)
    return Cost(counting.counted, min(seconds))
