"""The numbers of a day that its page and plots show, from the rows of the day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nightjar.domain.alerts import AlertState
from nightjar.domain.events import EventState
from nightjar.domain.tally import Tally
from nightjar.stores.contents import Content
from nightjar.stores.records import Provenance
from nightjar.stores.tables import AlertRow, EventRow, PictureOutcome, PictureRow, Unalerted, Verdict

# The columns of `pictures` that a summary is made of.
PICTURE_COLUMNS = (
    *("run", "trigger", "outcome", "reason", "user", "camera", "taken_at", "video"),
    *("detector", "model", "model_sha256", "objects", "verdict", "suppressed_by"),
)
# A state that only a later release knows counts as delivered, as it does when alerts are sent.
_NOT_DELIVERED = frozenset({AlertState.CLAIMED, AlertState.FAILED})
# Causes for which the owner's rules, or the owner, asked.
_WISHED = frozenset(
    {
        *(Unalerted.ALERTS_OFF, Unalerted.MUTED, Unalerted.QUIET_HOURS, Unalerted.COOL_DOWN),
        *(Unalerted.CAP, Unalerted.NO_CHANNEL),
    }
)
_NOT_CURRENT = frozenset({EventState.ABSORBED, EventState.WITHDRAWN})


@dataclass(frozen=True)
class AlertedEvent:
    """An event and the deliveries of its alert; none when nobody was to be told, such as about one that was too old."""

    event: EventRow
    deliveries: tuple[AlertRow, ...] = ()

    @property
    def alert(self) -> AlertRow | None:
        """The delivery that counts: one that reached somebody, if there is one."""
        told = (each for each in self.deliveries if each.state not in _NOT_DELIVERED)
        return next(told, self.deliveries[0] if self.deliveries else None)

    @property
    def delivered(self) -> bool:
        """Whether somebody was told: the mail API took it, or it was rendered to the outbox for want of a key."""
        return self.alert is not None and self.alert.state not in _NOT_DELIVERED

    @property
    def in_outbox(self) -> bool:
        """Whether the alert was rendered and not sent, for want of a mail API's key."""
        return self.alert is not None and self.alert.state == AlertState.OUTBOX


@dataclass(frozen=True)
class Summary:
    """The numbers of one UTC day. Counts are of pictures unless the name says otherwise."""

    day: date
    triggers: int  # footage objects: a camera's own motion alarm would have sent so many alerts
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
    told_otherwise: frozenset[str]  # ids of events that absorbed another event that was alerted
    detectors: tuple[tuple[str, str, str], ...]  # tag, model, SHA-256
    runs: int
    provenances: tuple[Provenance, ...]  # the last run of each release

    @property
    def threats(self) -> int:
        """Pictures in which a rule saw a threat."""
        return self.verdicts.get(Verdict.THREAT, 0)

    @property
    def unjudged(self) -> int:
        """Pictures that were looked at, but whose shard was not assessed."""
        return self.detected - sum(self.verdicts.values())

    @property
    def alerts(self) -> tuple[AlertedEvent, ...]:
        """Events that somebody was told about."""
        return tuple(e for e in self.events if e.delivered)

    @property
    def unfinished(self) -> tuple[AlertedEvent, ...]:
        """Events whose alert was tried and did not get through."""
        return tuple(e for e in self.events if e.alert is not None and not e.delivered)

    @property
    def refused(self) -> tuple[AlertedEvent, ...]:
        """Events whose alert the mail API refused for good."""
        return tuple(e for e in self.events if e.alert is not None and e.alert.state == AlertState.FAILED)

    @property
    def unalerted(self) -> tuple[AlertedEvent, ...]:
        """Events that nobody was told about, nor about a part of them; why is in the account of the run's notify."""
        return tuple(e for e in self.events if e.alert is None and e.event.id not in self.told_otherwise)

    @property
    def held(self) -> tuple[AlertedEvent, ...]:
        """Those that nobody was told about since their owners' rules ask for it."""
        return tuple(e for e in self.unalerted if e.event.unalerted in _WISHED)

    @property
    def missed(self) -> tuple[AlertedEvent, ...]:
        """Those that somebody should have been told about."""
        return tuple(e for e in self.unalerted if e.event.unalerted not in _WISHED)

    @property
    def alert_count(self) -> int:
        """Messages, to however many recipients: what happened at the same time was told in one."""
        return len(_messages(self.alerts))

    @property
    def tally(self) -> Tally:
        """The day's sum; the picture of a threat counts once, however many events it belongs to."""
        harmless = sum(number for verdict, number in self.verdicts.items() if verdict != Verdict.THREAT)
        return Tally(
            triggers=self.triggers,
            videos=self.videos,
            refused=sum(self.quarantined.values()),
            duplicates=self.duplicates,
            harmless=harmless,
            threats=self.threats,
            events=len(self.events),
            failed=sum(self.failed.values()),
            unjudged=self.unjudged,
        )

    @property
    def alerts_by_camera(self) -> Mapping[str, int]:
        """Alerts by camera, the most first."""
        return most_first(Counter(_messages(self.alerts).values()))

    @property
    def funnel(self) -> Mapping[str, int]:
        """From the alarms that cameras would have sent by themselves to the alerts; a video gives many pictures."""
        return {
            "motion triggers": self.triggers,
            "pictures in them": self.received,
            "pictures looked at": self.detected,
            "pictures with objects": self.with_objects,
            "pictures with a threat": self.threats,
            "events": len(self.events),
            "alerts": self.alert_count,
        }


def summarise(
    day: date,
    pictures: Content[PictureRow],
    events: Sequence[EventRow],
    alerts: Sequence[AlertRow],
    provenances: Sequence[Provenance] = (),
) -> Summary:
    """The numbers of a day, from at least PICTURE_COLUMNS of its pictures; all zero for a day without rows.

    An event that was withdrawn, or absorbed by another one, counts only if it was alerted: somebody was told about it.
    """
    outcomes = pictures.counts("outcome")
    threats = pictures.where("verdict", [Verdict.THREAT])
    suppressed = pictures.where("verdict", [Verdict.SUPPRESSED])
    hours = Counter(moment.hour for moment in threats.values("taken_at") if moment)
    alert_of: dict[str, tuple[AlertRow, ...]] = {}
    for alert in sorted(alerts, key=lambda a: (a.event, a.id)):
        alert_of[alert.event] = (*alert_of.get(alert.event, ()), alert)
    shown = [event for event in events if event.state not in _NOT_CURRENT or event.id in alert_of]
    return Summary(
        day=day,
        triggers=pictures.distinct("trigger"),
        videos=pictures.where("video", [True]).distinct("trigger"),
        cameras=pictures.distinct("camera"),
        received=len(pictures),
        duplicates=outcomes.get(PictureOutcome.DUPLICATE, 0),
        quarantined=_reasons(pictures, PictureOutcome.QUARANTINED),
        failed=_reasons(pictures, PictureOutcome.FAILED),
        detected=outcomes.get(PictureOutcome.DETECTED, 0),
        with_objects=sum(1 for number in pictures.values("objects") if number),
        verdicts=most_first(pictures.counts("verdict")),
        suppressed=most_first(Counter(reasons[0] for reasons in suppressed.values("suppressed_by") if reasons)),
        threats_by_user=most_first(threats.counts("user")),
        threats_by_camera=most_first(threats.counts("camera")),
        threats_by_hour=tuple(hours[hour] for hour in range(24)),
        events=tuple(
            AlertedEvent(event, alert_of.get(event.id, ()))
            for event in sorted(shown, key=lambda e: (e.started_at, e.camera, e.id))
        ),
        told_otherwise=frozenset(
            event.id for event in events if any(other in alert_of for other in event.absorbed or ())
        ),
        detectors=_detectors(pictures),
        runs=pictures.distinct("run"),
        provenances=tuple(provenances),
    )


def _messages(told: Sequence[AlertedEvent]) -> dict[str, str]:
    """The events that the messages are filed under, each with its camera."""
    return {(e.alert.told_with if e.alert else None) or e.event.id: e.event.camera for e in told}


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


def _reasons(pictures: Content[PictureRow], outcome: PictureOutcome) -> dict[str, int]:
    return most_first(pictures.where("outcome", [outcome]).counts("reason"))


def _detectors(pictures: Content[PictureRow]) -> tuple[tuple[str, str, str], ...]:
    known = pictures.combinations("detector", "model", "model_sha256")
    return tuple(sorted((tag, model or "", sha256 or "") for tag, model, sha256 in known if tag))
