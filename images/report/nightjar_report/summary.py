"""What a day comes to: the numbers that the plots and the report show, from the records of the day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.domain.alerts import AlertState
from nightjar_report.tables import ALERTS, EVENTS, AlertRow, EventRow, PictureOutcome, Verdict
from nightjar_report.warehouse import DayRecords


@dataclass(frozen=True)
class AlertedEvent:
    """An event and the alert about it; none when nobody was to be told, such as about what was old when it was seen."""

    event: EventRow
    alert: AlertRow | None

    @property
    def delivered(self) -> bool:
        """Whether somebody was told: the mail API took it, or it was rendered to the outbox for want of a key."""
        return self.alert is not None and self.alert.state in (AlertState.SENT, AlertState.OUTBOX)


@dataclass(frozen=True)
class Summary:
    """The numbers of one UTC day. Counts are of pictures unless the name says otherwise."""

    day: date
    triggers: int  # footage objects: what a camera's own motion alarm would have sent
    videos: int  # footage objects
    cameras: int
    received: int
    duplicates: int
    quarantined: Mapping[str, int]  # by reason
    failed: Mapping[str, int]  # by reason
    detected: int
    with_objects: int
    verdicts: Mapping[str, int]
    suppressed: Mapping[str, int]  # by the first reason
    threats_by_user: Mapping[str, int]
    threats_by_camera: Mapping[str, int]
    threats_by_hour: tuple[int, ...]  # 24, UTC
    events: tuple[AlertedEvent, ...]  # by start
    validators: tuple[str, ...]
    detectors: tuple[tuple[str, str, str], ...]  # tag, model, SHA-256
    provenance: tuple[Mapping[str, Any], ...]

    @property
    def threats(self) -> int:
        """Pictures in which a rule found a threat."""
        return self.verdicts.get(Verdict.THREAT, 0)

    @property
    def alerts(self) -> tuple[AlertedEvent, ...]:
        """Events that somebody was told about."""
        return tuple(e for e in self.events if e.delivered)

    @property
    def unfinished(self) -> tuple[AlertedEvent, ...]:
        """Events whose alert was tried and did not get through."""
        return tuple(e for e in self.events if e.alert is not None and not e.delivered)

    @property
    def unalerted(self) -> tuple[AlertedEvent, ...]:
        """Events without an alert; why is in the account of the run's notify."""
        return tuple(e for e in self.events if e.alert is None)

    @property
    def alerts_by_camera(self) -> Mapping[str, int]:
        """Alerts by camera, the most first."""
        return most_first(Counter(e.event.camera for e in self.alerts))


def summarise(records: DayRecords) -> Summary:
    """The numbers of a day; all zero for a day without records."""
    pictures = records["pictures"]
    outcomes = _counts(pictures, "outcome")
    threats = pictures.filter(pc.equal(pictures["verdict"], Verdict.THREAT.value))
    suppressed = pictures.filter(pc.equal(pictures["verdict"], Verdict.SUPPRESSED.value))
    # Without a zone, as UTC is meant: with one Arrow asks for the system's zone files, which a base image may not have.
    hours = Counter(pc.hour(threats["taken_at"].cast(pa.timestamp("ms"))).to_pylist())
    return Summary(
        day=records.day,
        triggers=pc.count_distinct(pictures["trigger"]).as_py(),
        videos=pc.count_distinct(pictures.filter(pictures["video"])["trigger"]).as_py(),
        cameras=pc.count_distinct(pictures["camera"], mode="only_valid").as_py(),
        received=len(pictures),
        duplicates=outcomes.get(PictureOutcome.DUPLICATE, 0),
        quarantined=_reasons(pictures, PictureOutcome.QUARANTINED),
        failed=_reasons(pictures, PictureOutcome.FAILED),
        detected=outcomes.get(PictureOutcome.DETECTED, 0),
        with_objects=len(pictures.filter(pc.greater(pictures["objects"], 0))),
        verdicts=_counts(pictures, "verdict"),
        suppressed=most_first(Counter(reasons[0] for reasons in suppressed["suppressed_by"].to_pylist())),
        threats_by_user=_counts(threats, "user"),
        threats_by_camera=_counts(threats, "camera"),
        threats_by_hour=tuple(hours[hour] for hour in range(24)),
        events=_alerted(EVENTS.rows(records["events"]), ALERTS.rows(records["alerts"])),
        validators=tuple(sorted(_counts(pictures, "validator"))),
        detectors=_detectors(pictures),
        provenance=records.provenance,
    )


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """`counts` from the highest, equals by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Top:
    """The highest of some counts, most first, and how many others there are with which sum."""

    counts: Mapping[str, int]
    others: int = 0
    others_sum: int = 0


def top(counts: Mapping[str, int], most: int) -> Top:
    """The `most` highest of `counts`."""
    ordered = most_first(counts)
    kept = dict(list(ordered.items())[:most])
    return Top(kept, len(ordered) - len(kept), sum(ordered.values()) - sum(kept.values()))


def _counts(table: Any, column: str) -> dict[str, int]:
    """How often each value of `column` stands in `table`, most first; missing ones do not count."""
    counted = pc.value_counts(table[column].combine_chunks().drop_null()).to_pylist()
    return most_first({str(one["values"]): int(one["counts"]) for one in counted})


def _reasons(pictures: Any, outcome: PictureOutcome) -> dict[str, int]:
    return _counts(pictures.filter(pc.equal(pictures["outcome"], outcome.value)), "reason")


def _detectors(pictures: Any) -> tuple[tuple[str, str, str], ...]:
    names = ["detector", "model", "model_sha256"]
    found = pictures.filter(pc.is_valid(pictures["detector"])).group_by(names).aggregate([]).to_pylist()
    return tuple(sorted((one["detector"], one["model"], one["model_sha256"]) for one in found))


def _alerted(events: list[EventRow], alerts: list[AlertRow]) -> tuple[AlertedEvent, ...]:
    told = {alert.event: alert for alert in alerts}
    ordered = sorted(events, key=lambda e: (e.started_at, e.camera, e.id))
    return tuple(AlertedEvent(event, told.get(event.id)) for event in ordered)
