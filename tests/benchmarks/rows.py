"""A row of the benchmarks' table: two things measured in one run, and the ratio that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Asked(StrEnum):
    """Which way a ratio may differ from the required one."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True)
class Row:
    """`measured` against `baseline` (a limit, or another thing measured in the same run), both in `unit`.

    Without `required` the row is for information. With `figure` it is one of the README's, by this label.
    """

    name: str
    measured: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    required: float | None = None
    asked: Asked = Asked.AT_LEAST
    figure: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured over baseline."""
        return None if self.baseline is None else self.measured / self.baseline

    @property
    def met(self) -> bool:
        """Whether the ratio is as required; always, where nothing is."""
        if self.required is None or self.ratio is None:
            return True
        return self.ratio >= self.required if self.asked is Asked.AT_LEAST else self.ratio <= self.required


HEAD = ("benchmark", "measured", "against", "ratio", "required", "")


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table with aligned columns."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    against = "" if row.baseline is None else f"{row.baseline_name} {row.baseline:,.1f} {row.unit}"
    return (
        row.name,
        f"{row.measured:,.1f} {row.unit}",
        against,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        "" if row.required is None else f"{row.asked} {row.required:g}",
        "" if row.required is None else ("ok" if row.met else "MISSED"),
    )
