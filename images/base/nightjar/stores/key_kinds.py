"""The kind of thing that is at a key of the bucket, by the key alone."""

import re
from datetime import date

from nightjar.domain.lineage.nodes import Kind
from nightjar.stores.detections import DETECTIONS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.event_keys import EVENTS
from nightjar.stores.footage import FOOTAGE
from nightjar.stores.ledger import ALERTS, NOTICES
from nightjar.stores.made_of_others import COMPARISONS, REPRODUCTIONS
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.record_keys import NEWS, RECORDS
from nightjar.stores.reports import REPORTS
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RULES_KEY
from nightjar.stores.standard import STANDARD

_RULES = re.compile(r"rules/([0-9a-f]{64})(\.yaml|/parts\.json)", re.ASCII)
_REPORT = re.compile(rf"{REPORTS}([0-9]{{4}})/([0-9]{{2}})/([0-9]{{2}})/([A-Za-z0-9_.-]{{1,100}})", re.ASCII)
_COMPARISON = re.compile(rf"{COMPARISONS}[0-9a-f]+/[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}/[^/]+\.json", re.ASCII)
_REPRODUCTION = re.compile(rf"{REPRODUCTIONS}([A-Za-z0-9_][A-Za-z0-9._-]{{0,119}})/(?:run|answer)\.json", re.ASCII)
_RUN = re.compile(r"(?:runs/)?(nightjar_[a-z]+)/([A-Za-z0-9._-]{1,200})(?:/.*)?", re.ASCII)
_FOLDERS = (
    (NOTICES, Kind.NOTICE, ".json"),
    (ALERTS, Kind.ALERT, ".json"),
    (EVENTS, Kind.EVENT, ".json"),
    (DETECTIONS, Kind.DETECTION, ".jsonl"),
    (STANDARD, Kind.PICTURE, ".jpg"),
    (FOOTAGE, Kind.ORIGINAL, ""),
    (INCOMING, Kind.UPLOAD, ""),
    (QUARANTINE, Kind.REFUSAL, ""),
    (OUTBOX, Kind.MESSAGE, ".eml"),
)


def kind_of(key: str) -> Kind:
    """The kind of the object at `key`, which may be anything; Kind.OBJECT for one that no store of these has."""
    if day_of_report(key):
        return Kind.REPORT if key.endswith(".html") else Kind.PLOT
    if key.startswith(RECORDS) and not key.startswith(NEWS) and key.endswith(".parquet"):
        return Kind.ROWS
    if rules_of(key):
        return Kind.RULES
    if key in (RULES_KEY, LAST_GOOD_RULES_KEY):
        return Kind.RULES_FILE
    if _COMPARISON.fullmatch(key):
        return Kind.COMPARISON
    if reproduction_of(key):
        return Kind.REPRODUCTION
    return next((kind for folder, kind, end in _FOLDERS if key.startswith(folder) and key.endswith(end)), Kind.OBJECT)


def rules_of(key: str) -> str:
    """The SHA-256 of the rules that are kept at `key`, by content; empty for any other key."""
    match = _RULES.fullmatch(key)
    return match[1] if match else ""


def reproduction_of(key: str) -> str:
    """The id of the reproduction whose request or answer is at `key`; empty for any other key."""
    match = _REPRODUCTION.fullmatch(key)
    return match[1] if match else ""


def rules_key(sha256: str) -> str:
    """Where the rules with this SHA-256 are kept, once a run has used them."""
    return f"rules/{sha256}.yaml"


def day_of_report(key: str) -> date | None:
    """The UTC day of the report that the page or plot at `key` belongs to; None for any other key."""
    match = _REPORT.fullmatch(key)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def run_of(key: str) -> tuple[str, str] | None:
    """DAG and name of the run in whose folder `key` is, written with or without the folder of all runs."""
    match = _RUN.fullmatch(key)
    return (match[1], match[2]) if match and match[2].strip(".") else None
