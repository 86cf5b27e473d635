"""The plots of a day, each a PNG that says what it counts, in which unit and in which time zone.

One size, one typeface, colours that colour-blind people can tell apart.
"""

import io
from collections.abc import Mapping
from typing import Any

from nightjar.domain.tally import many
from nightjar_report.summary import Summary, Top, top

# Okabe and Ito's palette, https://jfly.uni-koeln.de/color/
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
INK, MUTED, RULE = "#1b2733", "#5b6b7a", "#dde3e9"

WIDTH = 6.0  # inches: at 100 dots an inch a point of type is legible at a width of 600 pixels
DPI = 150
_FEWEST_ROWS = 3  # room for: a single bar is no block
_NO_COLOURS: Mapping[str, str] = {}
_LABEL = 26  # characters of a name beside an axis
_MOST = 15  # bars in one plot: more are not read

_RC: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 10,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "text.color": INK,
    "text.parse_math": False,  # names come from outside
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
}


def draw(summary: Summary) -> Mapping[str, bytes]:
    """File name to PNG, in the order in which the report shows them."""
    day = f"{summary.day:%Y-%m-%d} (UTC day)"
    return {
        "funnel.png": bars(
            f"From motion trigger to alert, {day}",
            Top(summary.funnel),
            "count",
            "no footage was received on this day",
            colours={"alerts": VERMILION},
        ),
        "threats_by_hour.png": hours(
            f"Threats by hour, {day}",
            summary.threats_by_hour,
            "pictures with a threat",
            "UTC",
            "no threats on this day",
        ),
        "threats_by_user.png": bars(
            f"Threats by user, {day}",
            top(summary.threats_by_user, _MOST),
            "pictures with a threat",
            "no threats on this day",
            noun="user",
        ),
        "threats_by_camera.png": bars(
            f"Threats by camera, {day}",
            top(summary.threats_by_camera, _MOST),
            "pictures with a threat",
            "no threats on this day",
            noun="camera",
        ),
        "quarantine_by_reason.png": bars(
            f"Quarantine by reason, {day}",
            Top(summary.quarantined),
            "pictures refused (a refused video counts as one)",
            "nothing was quarantined on this day",
            colour=ORANGE,
        ),
    }


def bars(
    title: str,
    values: Top,
    unit: str,
    nothing: str,
    noun: str = "other",
    colour: str = BLUE,
    colours: Mapping[str, str] = _NO_COLOURS,
) -> bytes:
    """A PNG of horizontal bars, one a name, the number beside each; `nothing` in place of bars when all are zero.

    The others, each a `noun`, get a line and no bar: the sum of hundreds would dwarf those that are shown.
    """
    with _style():
        counts = values.counts
        if not any(counts.values()):
            return _nothing(title, nothing)
        names = [shortened(name) for name in counts] + ([_more(values, noun)] if values.others else [])
        rows = max(len(names), _FEWEST_ROWS)
        figure, axes = _figure(title, 1.15 + 0.29 * rows)
        drawn = axes.barh(range(len(counts)), list(counts.values()), height=0.66)
        for bar, name in zip(drawn, counts, strict=True):
            bar.set_color(colours.get(name, colour))
        axes.bar_label(drawn, [f"{number:,}" for number in counts.values()], padding=4, fontsize=9.5, color=INK)
        if values.others:
            axes.annotate(
                f"{values.others_sum:,} together",
                (0, len(counts)),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9.5,
                color=MUTED,
            )
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(rows - 0.5, -0.5)  # the first at the top
        axes.margins(x=0.12)
        axes.grid(axis="x")
        axes.spines[["left", "bottom"]].set_visible(False)
        _whole_numbers(axes.xaxis)
        axes.set_xlabel(unit)
        return _png(figure)


def hours(title: str, values: tuple[int, ...], unit: str, zone: str, nothing: str) -> bytes:
    """A PNG of 24 bars, one an hour of the day in `zone`."""
    with _style():
        if not any(values):
            return _nothing(title, nothing)
        figure, axes = _figure(title, 3.1)
        drawn = axes.bar(range(24), values, width=0.8, color=BLUE, align="edge")
        axes.bar_label(drawn, [f"{v:,}" if v else "" for v in values], padding=2, fontsize=8, color=INK)
        axes.set_xticks(range(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
        axes.set_xlim(-0.2, 24.2)
        axes.margins(y=0.12)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        _whole_numbers(axes.yaxis)
        axes.set_xlabel(f"hour of the day ({zone})")
        axes.set_ylabel(unit)
        return _png(figure)


def _more(values: Top, noun: str) -> str:
    return f"and {many(values.others, f'more {noun}')}"


def shortened(name: str) -> str:
    """`name` cut in the middle to what fits beside an axis: both ends tell names apart."""
    if len(name) <= _LABEL:
        return name
    head = _LABEL // 2
    return f"{name[:head]}…{name[-(_LABEL - head - 1) :]}"


def _style() -> Any:
    # Loaded on first use: half the start-up time of the stage, and reading records needs none of it.
    import matplotlib

    matplotlib.use("agg")
    return matplotlib.rc_context(_RC)


def _figure(title: str, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", facecolor="white")
    # Of the figure and not of the axes, so that it has the whole width however long the names beside the axis are.
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")
    return figure, figure.subplots()


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _nothing(title: str, message: str) -> bytes:
    figure, axes = _figure(title, 1.4)
    axes.set_axis_off()
    axes.text(0.5, 0.5, message, ha="center", va="center", fontsize=11, color=MUTED, transform=axes.transAxes)
    return _png(figure)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", metadata={"Software": None}
    )  # no version, no date: the same plot, the same bytes
    return buffer.getvalue()
