"""The overview as its templates show it: where each figure leads, how far each bar goes. Pure."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from nightjar.domain.probability import percent
from nightjar.queries.deployment import DeploymentState
from nightjar.queries.overview import Overview, Span
from nightjar.queries.period import MOST_DAYS, Period
from nightjar.stores.run_index import RunState

_LEVELS = 5


@dataclass(frozen=True)
class Step:
    """A step of the funnel: `href` leads to what it counts, `share` is of all triggers, in percent."""

    count: int
    name: str
    meaning: str
    href: str
    share: float
    of_before: str  # percent of the step before; empty where that has none, and for the first


@dataclass(frozen=True)
class Choice:
    """A link to another period."""

    name: str
    href: str
    is_current: bool = False


class OverviewView:
    """Answers to the templates about a period. Addresses are relative to the overview's own."""

    def __init__(self, seen: Overview, now: datetime) -> None:
        self._seen, self._period, self._today = seen, seen.period, now.date()

    @property
    def title(self) -> str:
        """The period in words."""
        first, last = self._period.first, self._period.last
        if first == last:
            return f"Today, {first}" if first == self._today else str(first)
        return f"{first} to {last}"

    @property
    def choices(self) -> Sequence[Choice]:
        """Other periods: before and after this one, and the usual ones."""
        usual = [("Today", 1), ("7 days", 7), ("30 days", 30), (f"{MOST_DAYS} days", MOST_DAYS)]
        periods = [(name, Period(self._today - timedelta(days=days - 1), self._today)) for name, days in usual]
        return [
            *([Choice("Earlier", self._of(self._period.back()))] if self._period.first > date(2001, 1, 1) else []),
            *([Choice("Later", self._of(self._period.on()))] if self._period.last < self._today else []),
            *(Choice(name, self._of(period), period == self._period) for name, period in periods),
        ]

    @property
    def steps(self) -> Sequence[Step]:
        """The funnel, from the first alarm to the alert."""
        funnel = self._seen.funnel
        listed = [
            (
                funnel.received,
                "received",
                "Triggers: each time that a camera's own motion alarm sent footage, a picture or a video.",
                "#over-time",
            ),
            (
                funnel.valid,
                "valid",
                "At least one picture of it could be looked at. The others were refused, known already, or failed.",
                "#over-time",
            ),
            (
                funnel.with_objects,
                "with objects",
                "The detector saw at least one object, at any probability.",
                "#over-time",
            ),
            (funnel.with_threat, "with a threat", "A rule of the camera calls something in it unsafe.", "#heat"),
            (funnel.in_event, "in an event", "Its threats belong to an event.", self.review()),
            (
                funnel.alerted,
                "alerted",
                "Somebody was told of an event that it belongs to.",
                self.review(told="alerted"),
            ),
        ]
        before = [0, *(count for count, *_ in listed)]
        return [
            Step(
                count,
                name,
                meaning,
                href,
                round(100 * count / funnel.received, 1) if funnel.received else 0,
                percent(count / last) if last else "",
            )
            for last, (count, name, meaning, href) in zip(before, listed, strict=False)
        ]

    def review(self, **filters: str) -> str:
        """The events of the period; `filters` are parameters of that page, empty ones are left out."""
        return f"../review/?{self._query(filters)}"

    def quarantine(self, **filters: str) -> str:
        """The refusals of the period."""
        return f"../quarantine/?{self._query(filters)}"

    def camera(self, name: str) -> str:
        """A camera among the cameras."""
        return f"../cameras/?{urlencode({'camera': name})}"

    def slowest(self) -> str:
        """The events of the camera and day of the slowest alert."""
        latency = self._seen.latency
        day = str(latency.slowest_day or self._period.last)
        return f"../review/?{urlencode({'camera': latency.slowest_camera, 'told': 'alerted', 'from': day, 'to': day})}"

    def span(self, span: Span) -> str:
        """An hour by its begin, a day by its date."""
        if span.start is None:
            return "not known"
        return f"{span.start:%H:%M}" if self._period.is_one_day else f"{span.start:%Y-%m-%d}"

    def span_href(self, span: Span) -> str:
        """Where a day leads: to its own overview; empty for an hour."""
        if span.start is None or self._period.is_one_day:
            return ""
        return self._of(Period(span.start.date(), span.start.date()))

    def counts(self, span: Span) -> Sequence[int]:
        """The funnel of a span, step by step."""
        return astuple(span.funnel)

    def hour(self, camera: str, hour: int) -> str:
        """The events of a camera that went on in an hour of the day; of a longer period, all of the camera's."""
        if not self._period.is_one_day:
            return self.review(camera=camera)
        asked = {"camera": camera, "hour": f"{self._period.first}T{hour:02}"}
        return f"../review/?{urlencode(asked)}"

    def level(self, number: int) -> int:
        """How dark a cell of the heat map is: 0 for none, up to 5."""
        highest = self._seen.heat.highest
        return -(-number * _LEVELS // highest) if highest else 0

    def _query(self, filters: dict[str, str]) -> str:
        given = {name: value for name, value in filters.items() if value}
        return urlencode({**given, "from": str(self._period.first), "to": str(self._period.last)})

    @staticmethod
    def _of(period: Period) -> str:
        return f"?{urlencode({'from': str(period.first), 'to': str(period.last)})}"


class StateView:
    """Answers to the template about the state of the deployment."""

    def __init__(self, state: DeploymentState) -> None:
        self._state = state

    @property
    def failed(self) -> Sequence[RunState]:
        """Of the last runs, those that failed."""
        return [run for run in self._state.runs if run.state == "failed"]

    @property
    def runs(self) -> Sequence[tuple[RunState, str]]:
        """The last runs, failed ones first, each with the kind of its chip."""
        kinds = {"failed": "bad", "success": "ok"}
        ordered = sorted(self._state.runs, key=lambda run: run.state != "failed")
        return [(run, kinds.get(run.state, "")) for run in ordered]
