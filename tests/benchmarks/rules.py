"""The rules of a million users: checked, frozen, and read by a run of one camera."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import check_rules
from nightjar.stores.rules import RulesStore
from tests.benchmarks.counting import CountingStore
from tests.benchmarks.memory import peak_mib
from tests.benchmarks.rows import Asked, Row

USERS = 1_000_000
SECONDS, MEBIBYTES = 60.0, 2048.0
RUN = 1_000.0  # milliseconds
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
_HEAD = """\
version: 1
rules:
  100: {name: animals, unsafe: [dog, cat, bird], min_probability: 80%}
  200: {name: intruder, unsafe: [person], min_probability: 60%, hours: "22:00-06:00", severity: critical}
  300: {name: anybody, unsafe: [person], min_probability: 50%}
groups: {shop: [100, 300]}
users:
"""


def text_of(users: int) -> str:
    """A file of so many users, each with an address, a zone, rules, and one or two devices."""
    return _HEAD + "".join(map(_user, range(users)))


def _user(n: int) -> str:
    rules = ("[200]", "[shop]", "[200, 300]")[n % 3]
    second = "      yard: {rules: [100, 200], allow_grey: true}\n" if n % 2 else ""
    return (
        f"  user{n}:\n    email: user{n}@example.com\n    timezone: {_ZONES[n % len(_ZONES)]}\n    rules: {rules}\n"
        f"    devices:\n      porch: {{site: home}}\n{second}"
    )


def rows(say: Callable[[str], None]) -> list[Row]:
    """Seconds and memory as ratios to their limits; each step in a process of its own, so that its peak is its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        say(f"rules: a file of {USERS:,} users")
        file.write_text(text_of(USERS))
        say("rules: checked")
        check = _cost("check", file)
        say("rules: frozen")
        freeze = _cost("freeze", file)
    name = f"rules: {USERS:,} users"
    return [
        Row(f"{name} loaded and checked", check["seconds"], "s", SECONDS, "limit", 1, Asked.AT_MOST),
        Row(f"{name} loaded and checked", check["processor"], "s of processor time"),
        Row(f"{name} loaded and checked, memory", check["mebibytes"], "MiB", MEBIBYTES, "limit", 1, Asked.AT_MOST),
        Row(f"{name} checked, and kept in parts", freeze["seconds"], "s", SECONDS, "limit", 1, Asked.AT_MOST),
        # Two copies of all objects are those of the store in memory.
        Row(f"{name} checked, and kept in parts, memory", freeze["mebibytes"], "MiB"),
        Row("rules: a run of one camera reads them", freeze["run_ms"], "ms", RUN, "limit", 1, Asked.AT_MOST),
        Row("rules: a run of one camera, requests", freeze["run_requests"], "requests"),
        Row("rules: a run of one camera, bytes", freeze["run_kib"], "KiB"),
        Row("rules: frozen again, unchanged", freeze["again_ms"], "ms"),
    ]


def _cost(step: str, file: Path) -> dict[str, float]:
    program = [sys.executable, "-m", "tests.benchmarks.rules", step, str(file)]
    cost: dict[str, float] = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    return cost


def _check(data: bytes) -> dict[str, float]:
    began, worked = time.monotonic(), time.process_time()
    checked = check_rules(data, ["person", "dog", "cat", "bird"])
    assert checked.rules is not None and len(checked.rules.users) == USERS
    return {"seconds": time.monotonic() - began, "processor": time.process_time() - worked}


def _freeze(data: bytes) -> dict[str, float]:
    store = CountingStore(MemoryStore())
    rules = RulesStore(store)
    rules.put(data)
    began = time.monotonic()
    frozen = rules.freeze()
    seconds = time.monotonic() - began
    began, before = time.monotonic(), store.counted
    known, _ = rules.load(frozen, [Camera("user123457", "yard")])
    run = time.monotonic() - began
    assert known.camera_count == 2
    requests, kib = store.counted.requests - before.requests, (store.counted.read - before.read) / 1024
    began = time.monotonic()
    assert rules.freeze() == frozen
    again = time.monotonic() - began
    return {
        "seconds": seconds,
        "run_ms": run * 1000,
        "run_requests": requests,
        "run_kib": kib,
        "again_ms": again * 1000,
    }


def main() -> None:
    """One step in this process: prints what it cost as JSON."""
    step, file = sys.argv[1:]
    cost = {"check": _check, "freeze": _freeze}[step](Path(file).read_bytes())
    print(json.dumps({**cost, "mebibytes": peak_mib(os.getpid())}))


if __name__ == "__main__":
    main()
