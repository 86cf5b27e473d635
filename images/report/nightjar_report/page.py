"""The HTML report of a day: one file that needs no other, so that it can be read from a mail or a copy."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nightjar.domain.alerts import AlertState
from nightjar.domain.probability import percent
from nightjar.domain.reasons import Reason
from nightjar.domain.tally import many
from nightjar.domain.zones import zone
from nightjar.runtime.pages import data_uri, page_templates
from nightjar.stores.records import Provenance
from nightjar_report.account import account, as_words, notices
from nightjar_report.summary import AlertedEvent, Summary, Top, top

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_BARS = 10
_MOST_EVENTS = 50  # of a list: the rest is in the records

_FAILURES = {
    "validate": "Validation did not get through: see the run's `validate` task, then clear it.",
    "detect": "Detection did not get through: see the run's `detect` task, then clear it.",
    "picture-missing": "The standardised picture is gone: clear the run's `validate` task, which makes it anew.",
    "picture-altered": "The standardised picture is not the one that validation made: find out who wrote below "
    "`standard/`, then clear the run's `validate` task, which makes it anew.",
    "footage-missing": "The original is gone since it was filed: erased, or expired.",
    "footage-unreadable": "S3 does not give this original, but gives others; behind the colon is its code. Restore an "
    "archived object (`InvalidObjectState`), give access to its key, then clear the shard's `validate` task.",
    "picture-unreadable": "S3 does not give this standardised picture, but gives others; behind the colon is its code. "
    "Restore an archived object (`InvalidObjectState`), give access to its key, then clear the shard's `detect` task.",
    "picture-undecodable": "The detector cannot decode what validation made: keep the picture for a bug report.",
}
_STATES: Mapping[str, str] = {
    AlertState.SENT: "sent",
    AlertState.OUTBOX: "in the outbox",
    AlertState.FAILED: "failed",
    AlertState.CLAIMED: "sending was interrupted",
}


@dataclass(frozen=True)
class Chart:
    """Bars of a chart, the highest first, and the unit that all of them count; `alarming` is drawn in red."""

    title: str
    unit: str
    bars: Top
    alarming: str = ""

    @property
    def highest(self) -> int:
        """The longest bar."""
        return max(self.bars.counts.values(), default=0)


def render(summary: Summary, thumbnails: Mapping[str, bytes]) -> bytes:
    """The page in UTF-8. `thumbnails` are JPEG by event id, and are put into the page."""
    # Loaded on first use: without news there is no page to make.
    from markupsafe import Markup, escape

    def code(text: str) -> Markup:
        """Escaped text in which `x` is set as code."""
        return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before

    environment = page_templates(_TEMPLATES)
    environment.filters.update(
        code=code, number=lambda n: f"{n:,}", many=many, local=_local, state=_state, percent=percent, seen=_seen
    )
    told = [*summary.unfinished, *summary.alerts]
    page = environment.get_template("report.html.j2").render(
        day=summary,
        headline=headline(summary),
        notices=notices(summary),
        account=account(summary),
        told=by_owner(told[:_MOST_EVENTS]),
        told_more=max(0, len(told) - _MOST_EVENTS),
        unalerted=by_owner(summary.unalerted[:_MOST_EVENTS]),
        unalerted_more=max(0, len(summary.unalerted) - _MOST_EVENTS),
        charts=charts(summary),
        hours=list(enumerate(summary.threats_by_hour)) if summary.threats else [],
        thumbnails={event: data_uri(jpeg, "image/jpeg") for event, jpeg in thumbnails.items()},
        reasons={reason: _meaning(reason) for reason in summary.quarantined},
        failures=_FAILURES,
        releases=releases(summary.provenances),
        why=as_words,
    )
    return page.encode()


def headline(summary: Summary) -> str:
    """The day in a line: the alarms that cameras would have sent, the alerts, and whether somebody was not told."""
    told = f"{many(summary.triggers, 'motion trigger')}, {many(summary.alert_count, 'alert')}"
    missed = len(summary.missed) + len(summary.refused)
    return f"{told}, {many(missed, 'event')} nobody was told about" if missed else told


def charts(summary: Summary) -> list[Chart]:
    """The charts that have something to show."""
    all_charts = [
        Chart("From motion trigger to alert", "count", Top(summary.funnel), alarming="alerts"),
        Chart("Alerts by camera", "alerts", top(summary.alerts_by_camera, _MOST_BARS)),
        Chart("Threats by camera", "pictures with a threat", top(summary.threats_by_camera, _MOST_BARS)),
        Chart("Threats by owner", "pictures with a threat", top(summary.threats_by_user, _MOST_BARS)),
    ]
    return [chart for chart in all_charts if chart.highest]


def by_owner(events: Iterable[AlertedEvent]) -> dict[str, list[AlertedEvent]]:
    """`events` by their owner, each owner's by time: all are in the same zone."""
    groups = defaultdict[str, list[AlertedEvent]](list)
    for each in sorted(events, key=lambda e: (e.event.user, e.event.started_at, e.event.camera, e.event.id)):
        groups[each.event.user].append(each)
    return dict(groups)


def releases(provenances: Sequence[Provenance]) -> list[tuple[str, Provenance]]:
    """Each release, the newest first: its tags as a line, in which stages of one tag are together, and its last run."""
    lines = []
    for made in reversed(provenances):
        tags = defaultdict[str, list[str]](list)
        for stage, image in made.images.items():
            tags[image.rpartition(":")[2]].append(stage)
        same = len(tags) == 1
        line = "; ".join(f"{'all stages' if same else ', '.join(stages)} {tag}" for tag, stages in tags.items())
        lines.append((line, made))
    return lines


def _meaning(reason: str) -> str:
    return Reason(reason).meaning if reason in set(Reason) else ""


def _seen(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "something that a rule calls unsafe"


def _state(event: AlertedEvent) -> str:
    if event.alert is None:
        return "not alerted"
    states = [_STATES.get(each.state, each.state) for each in event.deliveries]
    repeated = ", possibly repeated" if any(each.possibly_repeated for each in event.deliveries) else ""
    if len(set(states)) == 1:
        return states[0] + repeated
    named = [f"{each.channel}: {state}" for each, state in zip(event.deliveries, states, strict=True)]
    return "; ".join(dict.fromkeys(named)) + repeated


def _local(moment: datetime, name: str) -> str:
    """`moment` on the clock of the zone called `name`; in UTC, and said so, if there is no such zone."""
    try:
        local: Any = moment.astimezone(zone(name))
    except ValueError:
        return f"{moment:%d %b %H:%M} UTC"
    return f"{local:%d %b %H:%M} {local.tzname()}"
