"""The plots of a day, each a PNG that says what it counts, in which unit and in which time zone."""

from collections.abc import Mapping

from nightjar_report import style
from nightjar_report.summary import Summary, Top, top

_MOST = 15  # bars in one plot: more are not read


def draw(summary: Summary) -> Mapping[str, bytes]:
    """File name to PNG, in the order in which the report shows them."""
    day = f"{summary.day:%Y-%m-%d} (UTC day)"
    return {
        "funnel.png": style.bars(
            f"From motion trigger to alert, {day}",
            Top(funnel(summary)),
            "number of what the bar names",
            "no footage was received on this day",
            colours={"alerts": style.VERMILION},
        ),
        "threats_by_hour.png": style.hours(
            f"Threats by hour, {day}",
            summary.threats_by_hour,
            "pictures with a threat",
            "UTC",
            "no threats on this day",
        ),
        "threats_by_user.png": style.bars(
            f"Threats by user, {day}",
            top(summary.threats_by_user, _MOST),
            "pictures with a threat",
            "no threats on this day",
        ),
        "threats_by_camera.png": style.bars(
            f"Threats by camera, {day}",
            top(summary.threats_by_camera, _MOST),
            "pictures with a threat",
            "no threats on this day",
        ),
        "quarantine_by_reason.png": style.bars(
            f"Quarantine by reason, {day}",
            Top(summary.quarantined),
            "pictures refused (a refused video counts as one)",
            "nothing was quarantined on this day",
            colour=style.ORANGE,
        ),
    }


def funnel(summary: Summary) -> dict[str, int]:
    """From what a camera's own alarm would have sent to what was sent; a video gives many pictures."""
    return {
        "motion triggers (footage)": summary.triggers,
        "pictures": summary.received,
        "pictures detected in": summary.detected,
        "pictures with objects": summary.with_objects,
        "pictures with a threat": summary.threats,
        "events": len(summary.events),
        "alerts": len(summary.alerts),
    }
