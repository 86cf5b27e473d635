"""The pages over a year of a thousand cameras, ten million pictures: time and memory of the process that serves them.

Cold: nothing of the days that are asked for is on local disk. The pages are served as on Airflow's API server, without
its login.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar_local import seaweedfs
from nightjar_local.processes import free_ports
from nightjar_local.seaweedfs import S3Access
from tests.benchmarks.memory import peak_mib
from tests.benchmarks.rows import Asked, Row
from tests.benchmarks.year import CAMERAS, DAYS, PARTS_TODAY, PICTURES_A_DAY, fill, live_run

OVERVIEW_LIMIT, REVIEW_LIMIT = 1000.0, 500.0  # ms
MEMORY_LIMIT = 500.0  # MiB over what the process has before it looks at any day
_TIMES = 5
_AT_ONCE = 8
_START = 60.0  # seconds


@dataclass(frozen=True)
class Served:
    """The pages, served by the process `pid` at `url`."""

    url: str
    pid: int

    def ms(self, address: str) -> float:
        """Milliseconds until the page is there, which has to be a good one."""
        started = time.perf_counter()
        answer = httpx.get(f"{self.url}{address}", timeout=120)
        answer.raise_for_status()
        return (time.perf_counter() - started) * 1000


def rows(say: Callable[[str], None]) -> list[Row]:
    """Milliseconds of the overview and of the list of events, cold and warm, and the peak memory."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder, seaweedfs.running(Path(folder)) as access:
        os.environ.update(access.environment())
        started = time.perf_counter()
        fill(S3Store(load(StoreSettings)), today, say)
        say(f"pages: {DAYS} days of {PICTURES_A_DAY:,} pictures took {time.perf_counter() - started:.0f} s to write")
        with _serving(access, Path(folder) / "for-review") as served:
            say("pages: the list of events")
            review = _cold_and_warm(served, ["/review/"])
        with _serving(access, Path(folder) / "for-overview") as served:
            return [*_review(review), *_overview(served, today, say)]


def _review(measured: tuple[float, float]) -> Iterator[Row]:
    cold, warm = measured
    name = f"pages: events, {DAYS * PICTURES_A_DAY:,} pictures of {CAMERAS:,} cameras"
    yield _limited(f"{name}, cold", cold, REVIEW_LIMIT)
    yield _limited(f"{name}, warm", warm, REVIEW_LIMIT)


def _overview(served: Served, today: date, say: Callable[[str], None]) -> Iterator[Row]:
    before = peak_mib(served.pid)
    say("pages: the overview of a day")
    whole = _cold_and_warm(served, [_days(today - timedelta(days=n), 1) for n in (10, 20, 30)])
    say("pages: the overview of today")
    parts = _cold_and_warm(served, [_days(today, 1)])
    live_run(S3Store(load(StoreSettings)), today)
    one_more = served.ms(_days(today, 1))
    say("pages: the overview of 92 days")
    quarter, quarter_warm = _cold_and_warm(served, [_days(today - timedelta(days=91), 92)], times=1)
    say(f"pages: {_AT_ONCE} at once")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(served.ms, [_days(today - timedelta(days=7 * n), 7) for n in range(1, _AT_ONCE + 1)]))
    yield _limited("pages: overview of a day, cold", whole[0], OVERVIEW_LIMIT)
    yield _limited("pages: overview of a day, warm", whole[1], OVERVIEW_LIMIT)
    name = f"pages: overview of today out of {PARTS_TODAY} parts a table"
    yield Row(f"{name}, cold", parts[0], "ms")
    yield _limited(f"{name}, warm", parts[1], OVERVIEW_LIMIT)
    yield _limited(f"{name}, after one more live run", one_more, OVERVIEW_LIMIT)
    yield Row("pages: overview of 92 days, cold", quarter, "ms")
    yield Row("pages: overview of 92 days, warm", quarter_warm, "ms")
    grown = peak_mib(served.pid) - before
    name = f"pages: memory over the start, after 92 days and {_AT_ONCE} overviews at once"
    yield Row(name, grown, "MiB", MEMORY_LIMIT, "limit", 1.0, Asked.AT_MOST)


def _limited(name: str, measured: float, limit: float) -> Row:
    return Row(name, measured, "ms", limit, "limit", 1.0, Asked.AT_MOST)


def _days(first: date, number: int) -> str:
    return f"/overview/?from={first}&to={first + timedelta(days=number - 1)}"


def _cold_and_warm(served: Served, addresses: list[str], times: int = _TIMES) -> tuple[float, float]:
    """The medians of the first answers, and of those after them."""
    cold = statistics.median(served.ms(address) for address in addresses)
    return cold, statistics.median(served.ms(address) for address in addresses for _ in range(times))


@contextmanager
def _serving(access: S3Access, home: Path) -> Iterator[Served]:
    """The pages in a process of its own that has answered, and has looked at no day with records."""
    (port,) = free_ports(1)
    environment = {**os.environ, **access.environment(), "AIRFLOW_HOME": str(home)}
    command = [sys.executable, "-m", "tests.plugins.serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        served = Served(f"http://127.0.0.1:{port}/nightjar-ui", process.pid)
        deadline = time.monotonic() + _START
        while True:
            try:
                served.ms("/overview/?from=2001-01-01")
                served.ms("/review/?from=2001-01-01&to=2001-01-01")
                break
            except httpx.ConnectError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield served
    finally:
        process.terminate()
        process.wait(30)
