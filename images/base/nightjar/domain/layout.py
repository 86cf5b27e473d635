"""Where things are in the bucket: every key that Nightjar writes is made here. Hours and days are UTC."""

import hashlib
import re
from datetime import date, datetime

from nightjar.domain.names import Camera

INCOMING = "incoming/"
RULES_KEY = "config/rules.yaml"
LAST_GOOD_RULES_KEY = "config/rules.last-good.yaml"
MANIFEST = "_manifest.json"
RELEASE = "release.json"
STARTED = "started.json"  # what a live run writes first: its batch has been handed over
BATCH = "batch.jsonl"
SHARD = "shard.jsonl"
PICTURES = "pictures.jsonl"
FAILURES = "failures.jsonl"
RUN_RULES = "rules.yaml"

LIVE, HISTORY, WATCH = "nightjar_live", "nightjar_history", "nightjar_watch"


def digest(text: str, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of `text`: how untrusted text becomes a label or a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def day_path(day: date) -> str:
    """2026/11/20; a datetime must already be in UTC."""
    return f"{day:%Y/%m/%d}"


def events_prefix(day: date, camera: Camera) -> str:
    """Where the events of one camera that began on `day` are."""
    return f"events/{day_path(day)}/{camera.name}/"


def event_key(started_at: datetime, camera: Camera, event_id: str) -> str:
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`, by the event's start in UTC."""
    return f"{events_prefix(started_at.date(), camera)}{event_id}.json"


def run_prefix(dag_id: str, run: str) -> str:
    """`runs/<dag>/<run>/`, where `run` is a batch id (live), a day (history) or a run id made safe (watch)."""
    return f"runs/{dag_id}/{run_name(run)}/"


def run_name(run_id: str) -> str:
    """A run id as one safe key segment: as it is when it already is one, else cleaned and told apart by a hash."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id)[:100]
    safe = clean == run_id and clean.strip(".") != ""
    return clean if safe else f"{clean.strip('.')}-{digest(run_id, 8)}"


def shard_prefix(run: str, shard: str) -> str:
    """Where the shard called `shard` of the run with prefix `run` is."""
    return f"{run}shards/{shard}/"


def stage_prefix(run: str, stage: str, shard: str | None = None) -> str:
    """Where `stage` writes its output in the run with prefix `run`: `<run>/<stage>/` or `<run>/<stage>/<shard>/`."""
    return f"{run}{stage}/{shard}/" if shard else f"{run}{stage}/"


def last_segment(prefix: str) -> str:
    """The last folder of a prefix: `runs/x/y/shards/alice-porch/` gives `alice-porch`."""
    return prefix.rstrip("/").rsplit("/", 1)[-1]
