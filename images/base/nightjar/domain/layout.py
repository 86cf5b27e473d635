"""Words that keys of several stores are made of. Hours and days are UTC. Each store builds its own keys."""

import hashlib
from datetime import date

# Files below the prefix that a stage writes to; the stage after it reads them.
MANIFEST = "_manifest.json"
REFS = "_refs.jsonl"
PICTURES = "pictures.jsonl"
FAILURES = "failures.jsonl"
DIGEST = "digest.jsonl"


def digest(text: str, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of `text`: how untrusted text becomes a label or a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def day_path(day: date) -> str:
    """2026/11/20; a datetime must already be in UTC."""
    return f"{day:%Y/%m/%d}"


def last_segment(prefix: str) -> str:
    """The last folder of a prefix: `runs/x/y/shards/alice-porch/` gives `alice-porch`."""
    return prefix.rstrip("/").rsplit("/", 1)[-1]
