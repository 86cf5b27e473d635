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
from collections.abc import Callable, Iterable, Iterator
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
class Cost:
    """Of one answer, in milliseconds: until it is there, and of the serving process's processor time."""

    ms: float
    processor_ms: float

    @classmethod
    def median(cls, costs: Iterable["Cost"]) -> "Cost":
        """The medians of both."""
        listed = list(costs)
        return cls(statistics.median(c.ms for c in listed), statistics.median(c.processor_ms for c in listed))


@dataclass(frozen=True)
class Served:
    """The pages, served by the process `pid` at `url`."""

    url: str
    pid: int

    def get(self, address: str) -> Cost:
        """Ask for a page, which has to be a good one."""
        before, started = self._processor_ms(), time.perf_counter()
        answer = httpx.get(f"{self.url}{address}", timeout=120)
        answer.raise_for_status()
        return Cost((time.perf_counter() - started) * 1000, self._processor_ms() - before)

    def cold_and_warm(self, *addresses: str, times: int = _TIMES) -> tuple[Cost, Cost]:
        """The medians of the first answers, and of those after them."""
        cold = Cost.median([self.get(address) for address in addresses])
        return cold, Cost.median([self.get(address) for address in addresses for _ in range(times)])

    def _processor_ms(self) -> float:
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def rows(say: Callable[[str], None]) -> list[Row]:
    """Milliseconds of the overview and of the list of events, cold and warm, and the peak memory."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder, seaweedfs.running(Path(folder)) as access:
        os.environ.update(access.environment())
        started = time.perf_counter()
        fill(S3Store(load(StoreSettings)), today, say)
        say(f"pages: {DAYS} days of {PICTURES_A_DAY:,} pictures took {time.perf_counter() - started:.0f} s to write")
        with _serving(access, Path(folder) / "for-review") as served:
            review = list(_review(served, today, say))
        with _serving(access, Path(folder) / "for-overview") as served:
            return [*review, *_overview(served, today, say)]


def _review(served: Served, today: date, say: Callable[[str], None]) -> Iterator[Row]:
    say("pages: the list of events")
    cold, warm = served.cold_and_warm(*(f"/review/?{_days(today - timedelta(days=n), 1)}" for n in (10, 20, 30)))
    today_cold, today_warm = served.cold_and_warm("/review/")
    name = f"pages: events, out of {DAYS * PICTURES_A_DAY:,} pictures of {CAMERAS:,} cameras"
    yield from _limited(f"{name}, cold", cold, REVIEW_LIMIT)
    yield from _limited(f"{name}, warm", warm, REVIEW_LIMIT)
    yield from _told(f"{name}, today out of {PARTS_TODAY} parts a table, cold", today_cold)
    yield from _limited(f"{name}, today out of {PARTS_TODAY} parts a table, warm", today_warm, REVIEW_LIMIT)


def _overview(served: Served, today: date, say: Callable[[str], None]) -> Iterator[Row]:
    before = peak_mib(served.pid)
    say("pages: the overview of a day")
    cold, warm = served.cold_and_warm(*(f"/overview/?{_days(today - timedelta(days=n), 1)}" for n in (10, 20, 30)))
    say("pages: the overview of today")
    address = f"/overview/?{_days(today, 1)}"
    today_cold, today_warm = served.cold_and_warm(address)
    live_run(S3Store(load(StoreSettings)), today)
    one_more = served.get(address)
    say("pages: the overview of 92 days")
    long_cold, long_warm = served.cold_and_warm(f"/overview/?{_days(today - timedelta(days=91), 92)}", times=1)
    say(f"pages: {_AT_ONCE} at once")
    weeks = [f"/overview/?{_days(today - timedelta(days=7 * n), 7)}" for n in range(1, _AT_ONCE + 1)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(served.get, weeks))
    yield from _limited("pages: overview of a day, cold", cold, OVERVIEW_LIMIT)
    yield from _limited("pages: overview of a day, warm", warm, OVERVIEW_LIMIT)
    name = f"pages: overview of today out of {PARTS_TODAY} parts a table"
    yield from _told(f"{name}, cold", today_cold)
    yield from _limited(f"{name}, warm", today_warm, OVERVIEW_LIMIT)
    yield from _limited(f"{name}, after one more live run", one_more, OVERVIEW_LIMIT)
    yield from _told("pages: overview of 92 days, cold", long_cold)
    yield from _told("pages: overview of 92 days, warm", long_warm)
    grown = peak_mib(served.pid) - before
    name = f"pages: memory over the start, after 92 days and {_AT_ONCE} overviews at once"
    yield Row(name, grown, "MiB", MEMORY_LIMIT, "limit", 1.0, Asked.AT_MOST)


def _limited(name: str, cost: Cost, limit: float) -> Iterator[Row]:
    """The time until the answer has the limit; the processor time says what it would be on a quiet machine."""
    yield Row(name, cost.ms, "ms", limit, "limit", 1.0, Asked.AT_MOST)
    yield Row(f"{name}: processor time", cost.processor_ms, "ms")


def _told(name: str, cost: Cost) -> Iterator[Row]:
    yield Row(name, cost.ms, "ms")
    yield Row(f"{name}: processor time", cost.processor_ms, "ms")


def _days(first: date, number: int) -> str:
    return f"from={first}&to={first + timedelta(days=number - 1)}"


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
                served.get("/overview/?from=2001-01-01")
                served.get("/review/?from=2001-01-01&to=2001-01-01")
                break
            except httpx.ConnectError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield served
    finally:
        process.terminate()
        process.wait(30)
