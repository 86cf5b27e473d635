"""The curves of detectors side by side as an SVG: sharp at any size, and it follows the reader's light or dark theme.

No library draws it: matplotlib and NumPy would be 80 MB on every API server and laptop for a dozen lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightjar.cli.evaluate_text import rounded_down
from nightjar.domain.evaluation.measure import Measured
from nightjar.domain.evaluation.scores import LabelScore, Point
from nightjar.errors import UsageError

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_LABELS = 8  # the most frequent; the document has all of them
_COLOURS = 6  # in the template; a seventh detector has the first one's again
# Pixels: the picture's width, a panel's height (the left one is a square), the right panel's width, a label's row, the
# head; and how far apart points of a curve have to be.
WIDTH, SIDE, _RIGHT, ROW, _TOP, _NEAREST = 760, 190, 290, 262, 74, 0.7


@dataclass(frozen=True)
class _Line:
    """A curve in a panel; `is_recall` curves are dashed."""

    colour: int
    points: str
    is_recall: bool = False


@dataclass(frozen=True)
class _Mark:
    """The best threshold of a detector, in both panels."""

    colour: int
    left: tuple[float, float]
    right_x: float
    head: str
    text: str


@dataclass(frozen=True)
class _Row:
    label: str
    objects: int
    top: int
    lines: Sequence[_Line]  # precision over recall
    thresholds: Sequence[_Line]  # precision and recall over the threshold
    marks: Sequence[_Mark]


def plot(measured: Sequence[Measured]) -> bytes:
    """The SVG in UTF-8. Raises UsageError where Jinja is not installed."""
    from nightjar.runtime.pages import page_templates

    try:
        template = page_templates(_TEMPLATES).get_template("evaluation.svg.j2")
    except ModuleNotFoundError as error:
        raise UsageError(f"a plot needs Jinja, which this installation lacks: {error}") from None
    objects = {label: found.objects for each in measured for label, found in each.scores.items() if found.objects}
    labels = sorted(objects, key=lambda label: (-objects[label], label))
    rows = [_row(label, objects[label], n, measured) for n, label in enumerate(labels[:_MOST_LABELS])]
    text = template.render(
        rows=rows,
        detectors=[(n % _COLOURS, each.detector, _figure(each.mean_ap50)) for n, each in enumerate(measured)],
        more=len(labels) - len(rows),
        width=WIDTH,
        height=_TOP + ROW * max(1, len(rows)) + 10,
        side=SIDE,
        right=_RIGHT,
        ticks=[(n / 5, f"{n / 5:g}") for n in range(6)],
    )
    return text.encode()


def _row(label: str, objects: int, number: int, measured: Sequence[Measured]) -> _Row:
    found = [(n % _COLOURS, each.scores[label]) for n, each in enumerate(measured) if label in each.scores]
    return _Row(
        label=label,
        objects=objects,
        top=_TOP + number * ROW,
        lines=[_Line(n, _path(_steps(each.curve), SIDE)) for n, each in found if each.curve],
        thresholds=[line for n, each in found if each.curve for line in _by_threshold(n, each)],
        marks=[mark for n, each in found if (mark := _mark(n, each))],
    )


def _steps(curve: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Recall and precision, as AP50 measures them: at each recall the best precision there or further right."""
    best, points = 0.0, []
    for point in reversed(curve):
        best = max(best, point.precision)
        points.append((point.recall, best))
    points.reverse()
    before = 0.0
    for recall, precision in points:
        yield before, precision
        yield recall, precision
        before = recall
    yield before, 0.0


def _by_threshold(colour: int, found: LabelScore) -> Iterator[_Line]:
    points = list(reversed(found.curve))
    yield _Line(colour, _path(((p.threshold, p.precision) for p in points), _RIGHT))
    yield _Line(colour, _path(((p.threshold, p.recall) for p in points), _RIGHT), is_recall=True)


def _mark(colour: int, found: LabelScore) -> _Mark | None:
    best = found.best
    if best is None:
        return None
    text = f"{rounded_down(best.threshold)}: {best.precision:.2f} / {best.recall:.2f}"
    places = _place(best.recall, best.precision, SIDE), _place(best.threshold, 0, _RIGHT)[0]
    return _Mark(colour, *places, f"AP50 {_figure(found.ap50)}", text)


def _path(points: Iterable[tuple[float, float]], width: int) -> str:
    """Points of a polyline; those that nobody could tell apart are one."""
    kept: list[tuple[float, float]] = []
    for x, y in (_place(*point, width) for point in points):
        if not kept or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= _NEAREST:
            kept.append((x, y))
    return " ".join(f"{x:g},{y:g}" for x, y in kept)


def _place(x: float, y: float, width: int) -> tuple[float, float]:
    """Where a pair of fractions is in a panel, in pixels from its left and top."""
    return round(x * width, 1), round((1 - y) * SIDE, 1)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
