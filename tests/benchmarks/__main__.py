"""`python -m tests.benchmarks [NAME…] [--write]`: run the benchmarks (all, or those named) and print one table.

With --write the figures that the README has are written into it.

A benchmark is a module in this folder with a function `rows(say)`: it returns its Row objects and tells its progress
through `say`. Exits 1 when a required ratio is missed. Progress goes to standard error.
"""

import argparse
import importlib
import os
import signal
import sys
import time
from datetime import UTC, datetime

from nightjar_local.layout import ROOT
from tests.benchmarks.figures import write
from tests.benchmarks.rows import Row, table

BENCHMARKS = (
    "validate",
    "video",
    "detect",
    "known",
    "notify",
    "record",
    "grown",
    "linear",
    "live",
    "chain",
    "requests",
    "rules",
    "trial",
    "pages",
    "detectors",
    "gate",
)


def say(message: str) -> None:
    """Tell how far the benchmarks are."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Nightjar's benchmarks.")
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="|".join(BENCHMARKS))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave through the clean-up: servers are running
    parser.add_argument("--write", action="store_true", help="write the figures into the README")
    asked = parser.parse_args()
    names = asked.names or BENCHMARKS
    if (load := os.getloadavg()[0]) > 0.5:
        say(f"the machine is busy (load {load:.1f}): ratios within one run hold better than figures, but not quite")
    rows: list[Row] = []
    for name in names:
        say(f"{name}: begins")
        rows += importlib.import_module(f"tests.benchmarks.{name}").rows(say)
    print(table(rows))
    if asked.write:
        write(ROOT / "README.md", rows, datetime.now(UTC).date())
    missed = [row.name for row in rows if not row.met]
    if missed:
        say(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
