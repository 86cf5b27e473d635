"""The figures in the README: the rows that have a label for it, with the date and the machine.

They stand between two marks. Rows that were not measured this time stay as they are, under the date of the newest ones.
"""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from tests.benchmarks.rows import Asked, Row

BEGIN, END = "<!-- figures of make bench -->", "<!-- end of the figures -->"
_HEAD = "| what | figure |\n|---|---|"


def written(page: str, rows: Sequence[Row], today: date, machine: str) -> str:
    """`page` with the figures of `rows`; raises ValueError for a page without the marks."""
    found = re.search(rf"{re.escape(BEGIN)}\n(.*?){re.escape(END)}", page, re.DOTALL)
    if not found:
        raise ValueError(f"expected a page with {BEGIN} and {END}, got one without")
    lines = dict(re.findall(r"^\| (.+?) \| (.+) \|$", found[1], re.MULTILINE))
    lines.pop("what", None)
    lines |= {row.figure: figure(row) for row in rows if row.figure}
    table = "\n".join(f"| {label} | {cell} |" for label, cell in lines.items())
    said = f"`make bench` on {today:%Y-%m-%d}: {machine}. Figures vary with the machine and the hour, ratios less."
    block = f"{BEGIN}\n{said}\n\n{_HEAD}\n{table}\n{END}"
    return page[: found.start()] + block + page[found.end() :]


def figure(row: Row) -> str:
    """The figure of a row in words: measured, and against its baseline, if that is no limit."""
    digits = 0 if abs(row.measured) >= 100 else 1 if abs(row.measured) >= 10 else 2
    text = f"{row.measured:,.{digits}f} {row.unit}"
    if row.ratio is None or row.baseline_name in ("limit", "asked"):
        return text
    times = f"{row.ratio:,.0f} times" if row.ratio >= 10 else f"{row.ratio:.2f} of"
    return f"{text}, {times} {row.baseline_name.rstrip(':')}" + (
        " (less is better)" if row.asked is Asked.AT_MOST else ""
    )


def machine(cpuinfo: Iterable[str], cores: int, memory_bytes: int) -> str:
    """The machine in words, from the lines of /proc/cpuinfo."""
    models = {line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")}
    flags = {flag for line in cpuinfo if line.startswith("flags") for flag in line.split()}
    int8 = " with VNNI" if flags & {"avx512_vnni", "avx_vnni"} else " without VNNI"
    model = " and ".join(sorted(models)) or "an unknown processor"
    return f"{cores} cores of {model}{int8}, {memory_bytes / (1 << 30):.0f} GiB, SeaweedFS on the same"


def write(page: Path, rows: Sequence[Row], today: date) -> None:
    """Write the figures into `page`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    page.write_text(written(page.read_text(), rows, today, machine(lines, os.cpu_count() or 1, memory)))
