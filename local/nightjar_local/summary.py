"""The outcome of the footage, counted from the objects that the runs left in the bucket."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightjar.domain.accounts import Account
from nightjar.domain.alerts import Alert, DigestLine
from nightjar.domain.batch import BatchLine
from nightjar.domain.events import Event, Suppressed
from nightjar.domain.layout import DIGEST
from nightjar.domain.manifest import Counts, add_counts
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.notices import NoticeKind
from nightjar.domain.rules import Safe
from nightjar.domain.tally import Tally, many
from nightjar.stores.event_keys import EVENTS, THREATS
from nightjar.stores.ledger import ALERTS
from nightjar.stores.runs import BATCH, LIVE, run_prefix
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access

ACCOUNT = "reconcile/account.json"
SUPPRESSED = "suppressed.jsonl"
_WORDS = {"nothing": "with nothing in them", "not-unsafe": "with nothing that a rule names"}
_NEAREST = list(map(str, Safe))  # why an object is no threat, from the nearest miss to the farthest


class Summary(BaseModel):
    """`summary.json` of the demo. Pictures are stills and frames; `seconds` is wall time by stage, and `total`.

    `harmless` are the pictures without a threat, by the nearest miss of what was seen in them ("nothing" was).
    `unalerted` are the events that nobody was alerted about, by user: they wait for the digest. `notices` are messages
    about cameras in trouble.
    """

    model_config = ConfigDict(frozen=True)

    state: str
    videos: int
    received: int
    duplicates: int
    quarantined: dict[str, int]
    detected: int
    failed: int
    threats: int
    threatened_pictures: int
    events: int
    alerts: dict[str, int]
    harmless: dict[str, int] = {}
    notices: dict[str, int] = {}
    unalerted: dict[str, int] = {}
    seconds: dict[str, float]
    report: str | None

    def problem(self) -> str | None:
        """Why this is no success, as a sentence; None if it is one."""
        ended = self.duplicates + sum(self.quarantined.values()) + self.detected + self.failed
        if self.state != "success":
            return f"the runs ended as {self.state}"
        if self.received != ended:
            return f"{self.received} pictures were received, and {ended} have an end"
        if self.failed or not self.detected:
            return f"{self.failed} pictures failed and {self.detected} were detected"
        if sum(self.alerts.values()) + sum(self.unalerted.values()) != self.events:
            told = f"{sum(self.alerts.values())} alerts and {sum(self.unalerted.values())} lines of digests"
            return f"{self.events} events made {told}"
        return None


def summarise(
    access: S3Access, batches: Sequence[str], state: str, seconds: dict[str, float], report: str | None
) -> Summary:
    """Count what came of these batches in a bucket that holds nothing else.

    Raises LocalError if a batch has no account: its run did not get as far as `reconcile`.
    """
    bucket = Bucket(access)
    counts = Counts()
    videos = 0
    held: dict[str, str] = {}
    misses: dict[str, str] = {}
    for batch in batches:
        prefix = run_prefix(LIVE, batch)
        counts = add_counts(counts, Account.model_validate_json(bucket.read(f"{prefix}{ACCOUNT}")).counts)
        lines = [BatchLine.model_validate_json(line) for line in bucket.read(f"{prefix}{BATCH}").splitlines()]
        videos += sum(line.outcome == "filed" and line.footage.name.is_video for line in lines)
        for body in bucket.read_all(prefix, DIGEST):
            held |= {(late := DigestLine.model_validate_json(line)).event_id: late.user for line in body.splitlines()}
        for body in bucket.read_all(prefix, SUPPRESSED):
            misses |= dict(_miss(Suppressed.model_validate_json(line)) for line in body.splitlines())
    events = [event for body in bucket.read_all(EVENTS) if (event := Event.model_validate_json(body)).is_current]
    minutes = [ThreatMinute.model_validate_json(body) for body in bucket.read_all(THREATS)]
    threats = [threat for minute in minutes for threat in minute.threats]
    sent = [Alert.model_validate_json(body) for body in bucket.read_all(ALERTS)]
    alerts = [each for each in sent if each.kind == NoticeKind.ALERT]
    notices = Counter(each.user for each in sent if each.kind != NoticeKind.ALERT)
    told = {alert.event_id for alert in alerts}
    threatened = {threat.shown.picture.standard_key for threat in threats}
    harmless = Counter(miss for key, miss in misses.items() if key not in threatened)
    harmless["nothing"] = counts.total("detected") - len(threatened) - harmless.total()
    return Summary(
        state=state,
        videos=videos,
        received=counts.received,
        duplicates=counts.total("duplicate"),
        quarantined=counts.by_reason("quarantined"),
        detected=counts.total("detected"),
        failed=counts.total("failed"),
        threats=sum(len(threat.shown.objects) for threat in threats),
        threatened_pictures=len(threatened),
        events=len(events),
        alerts=dict(sorted(Counter(alert.user for alert in alerts).items())),
        harmless=dict(harmless.most_common()),
        notices=dict(sorted(notices.items())),
        unalerted=dict(sorted(Counter(user for event, user in held.items() if event not in told).items())),
        seconds=seconds,
        report=report,
    )


def _miss(line: Suppressed) -> tuple[str, str]:
    """The picture, and why the object in it that came nearest to being a threat is none."""
    reasons = (str(each.reason) for each in line.objects)
    return line.standard_key, min(reasons, key=lambda r: _NEAREST.index(r) if r in _NEAREST else len(_NEAREST))


def headline(summary: Summary, triggers: int) -> str:
    """So many motion triggers in, so few alerts out, and why: sums in pictures, each with one outcome."""
    tally = Tally(
        triggers=triggers,
        videos=summary.videos,
        refused=sum(summary.quarantined.values()),
        duplicates=summary.duplicates,
        failed=summary.failed,
        harmless=summary.detected - summary.threatened_pictures,
        threats=summary.threatened_pictures,
        events=summary.events,
    )
    return (
        f"{tally}.\n"
        f"  {many(sum(summary.alerts.values()), 'alert')}, one an event: {_listed(summary.alerts)}\n"
        f"  {many(sum(summary.notices.values()), 'notice')} of cameras in trouble: {_listed(summary.notices)}\n"
        f"  not alerted, in the digest: {_listed(summary.unalerted)}\n"
        f"  harmless: {_listed({_WORDS.get(miss, miss): n for miss, n in summary.harmless.items() if n})}\n"
        f"  refused: {_listed(summary.quarantined)}"
    )


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items()) or "none"


class Bucket:
    """Reads the deployment's bucket."""

    def __init__(self, access: S3Access) -> None:
        self._client, self._name = access.client(), access.bucket

    def keys(self, prefix: str) -> list[str]:
        """Every key below `prefix`, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return sorted(each["Key"] for page in pages for each in page.get("Contents", []))

    def read(self, key: str) -> bytes:
        """The object at `key`; raises LocalError if there is none."""
        try:
            return bytes(self._client.get_object(Bucket=self._name, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            raise LocalError(f"expected {key} in the bucket; the run did not get that far") from None

    def read_all(self, prefix: str, suffix: str = ".json") -> Iterable[bytes]:
        """Every object below `prefix` whose key ends so, by key."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.read, [key for key in self.keys(prefix) if key.endswith(suffix)]))

    def download(self, prefix: str, target: Path) -> list[Path]:
        """Copy everything below `prefix` into the folder `target`, keeping the tree; returns the files."""
        files = []
        for key in self.keys(prefix):
            file = target / key.removeprefix(prefix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.read(key))
            files.append(file)
        return files


def to_json(summary: Summary) -> str:
    """The summary as the text of `summary.json`."""
    return json.dumps(summary.model_dump(mode="json"), indent=2) + "\n"


def as_table(summary: Summary) -> str:
    """The counts for a terminal, a line each."""
    rows = {
        "videos": summary.videos,
        "pictures received": summary.received,
        "duplicates": summary.duplicates,
        "quarantined": sum(summary.quarantined.values()),
        "detected": summary.detected,
        "failed": summary.failed,
        "threats": summary.threats,
        "events": summary.events,
        "alerts": _listed(summary.alerts),
        "seconds": ", ".join(f"{stage} {seconds:g}" for stage, seconds in summary.seconds.items()),
    }
    return "\n".join(f"  {name:18s} {value}" for name, value in rows.items())
