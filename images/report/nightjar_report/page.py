"""The HTML report of a day: one file that needs no other, so that it can be read from a mail or a copy."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nightjar.domain.alerts import AlertState
from nightjar.domain.probability import percent
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.stores.tables import Verdict
from nightjar_report.summary import AlertedEvent, Summary, top

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_CAMERAS = 10
_MOST_EVENTS = 50  # rows of a table: the rest is in the records

_PLOTS = {
    "funnel.png": "The way from motion trigger to alert",
    "threats_by_hour.png": "Threats by hour of the day in UTC",
    "threats_by_user.png": "Threats by user",
    "threats_by_camera.png": "Threats by camera",
    "quarantine_by_reason.png": "Quarantined pictures by reason",
}
_MISSES: Mapping[str, str] = {
    Safe.BELOW_PROBABILITY: "less probable than the rule asks",
    Safe.OUT_OF_HOURS: "outside the rule's hours",
}
_FAILURES = {
    "validate": "Validation did not get through: see the run's `validate` task, then clear it.",
    "detect": "Detection did not get through: see the run's `detect` task, then clear it.",
    "picture-missing": "The standardised picture is gone: clear the run's `validate` task, which makes it anew.",
    "picture-altered": "The standardised picture is not the one that validation made: find out who wrote below "
    "`standard/`, then clear the run's `validate` task, which makes it anew.",
    "picture-undecodable": "The detector cannot decode what validation made: keep the picture for a bug report.",
}
_STATES: Mapping[str, str] = {
    AlertState.SENT: "sent",
    AlertState.OUTBOX: "in the outbox, no mail key set",
    AlertState.FAILED: "failed",
    AlertState.CLAIMED: "sending was interrupted",
}


def render(summary: Summary, plots: Mapping[str, bytes], thumbnails: Mapping[str, bytes]) -> bytes:
    """The page in UTF-8. `plots` are PNG by file name, `thumbnails` JPEG by event id; both are put into the page."""
    # Loaded on first use: without news there is no page to make.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def code(text: str) -> Markup:
        """Escaped text in which `x` is set as code."""
        return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(code=code, number=lambda n: f"{n:,}", local=_local, state=_state, percent=percent)
    page = environment.get_template("report.html.j2").render(
        day=summary,
        headline=headline(summary),
        account=account(summary),
        cameras=top(summary.alerts_by_camera, _MOST_CAMERAS),
        plots={_PLOTS[name]: data_uri(png, "image/png") for name, png in plots.items() if _says(summary, name)},
        thumbnails={event: data_uri(jpeg, "image/jpeg") for event, jpeg in thumbnails.items()},
        most=_MOST_EVENTS,
        reasons={reason: _meaning(reason) for reason in summary.quarantined},
        failures=_FAILURES,
    )
    return page.encode()


def headline(summary: Summary) -> str:
    """The day in one line: the alarms that cameras would have sent, and the alerts that were sent."""
    return f"{_many(summary.triggers, 'motion trigger')}, {_many(len(summary.alerts), 'alert')}"


def account(summary: Summary) -> list[tuple[str, int, str]]:
    """Every picture received, by what became of it: name, number, what it means. The numbers add up to all received."""
    seen = summary.verdicts
    lines = [
        ("threats", summary.threats, _threats(summary)),
        ("near misses", seen.get(Verdict.SUPPRESSED, 0), _by_reason(_named(summary.suppressed))),
        ("seen, but safe", seen.get(Verdict.SAFE, 0), "Something that no rule of its camera calls unsafe."),
        ("nothing to see", seen.get(Verdict.NOTHING, 0), "The detector found no object: wind, light, an insect."),
        ("not judged", summary.unjudged, "Judging them did not get through: see the run's assess task, then clear it."),
        ("quarantined", sum(summary.quarantined.values()), _by_reason(summary.quarantined)),
        ("duplicates", summary.duplicates, "The same picture had been received before."),
        ("failed", sum(summary.failed.values()), _by_reason(summary.failed)),
    ]
    others = summary.received - sum(number for _, number, _ in lines)
    return [*lines, ("others", others, "A later release of Nightjar recorded them, and can tell.")]


def data_uri(data: bytes, kind: str) -> str:
    """`data` as a URI that holds it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _says(summary: Summary, plot: str) -> bool:
    """Whether the page shows the plot: a plot that says "nothing" is only kept beside it."""
    if plot == "funnel.png":
        return summary.received > 0
    return bool(summary.quarantined if plot == "quarantine_by_reason.png" else summary.threats)


def _threats(summary: Summary) -> str:
    if not summary.threats:
        return "Nothing that a rule calls unsafe."
    parts = [
        f"{_many(len(summary.events), 'event')}: {_many(len(summary.alerts), 'alert')}",
        f"{len(summary.unalerted):,} not alerted" if summary.unalerted else "",
        f"{len(summary.unfinished):,} not delivered" if summary.unfinished else "",
    ]
    return ", ".join(filter(None, parts)) + "."


def _named(misses: Mapping[str, int]) -> dict[str, int]:
    return {_MISSES.get(reason, reason): number for reason, number in misses.items()}


def _by_reason(counts: Mapping[str, int]) -> str:
    shown = top(counts, 6)
    named = [f"{name}: {number:,}" for name, number in shown.counts.items()]
    return ", ".join([*named, f"{shown.others:,} others: {shown.others_sum:,}"] if shown.others else named)


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _meaning(reason: str) -> str:
    return Reason(reason).meaning if reason in set(Reason) else ""


def _state(event: AlertedEvent) -> str:
    alert = event.alert
    if alert is None:
        return "not alerted"
    return _STATES.get(alert.state, alert.state) + (", possibly repeated" if alert.possibly_repeated else "")


def _local(moment: datetime, zone: str) -> str:
    """`moment` on the clock of `zone`; in UTC, and said so, where this machine does not know the zone."""
    try:
        local: Any = moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return f"{moment:%d %b %H:%M} UTC"
    return f"{local:%d %b %H:%M} {local.tzname()}"
