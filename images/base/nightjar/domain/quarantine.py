"""`reason.json`, which is written beside each object in quarantine."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from nightjar.domain.model import Stored
from nightjar.domain.reasons import Reason

# A reason that only a later release knows is kept as text.
StoredReason = Annotated[Reason | str, Field(union_mode="left_to_right")]


class QuarantineEntry(Stored):
    """Why `object` beside it was refused, and where it came from.

    `found` says in plain words what came, with the number that was measured and the number that was needed; `expected`
    says in short what would have been good. `detail` tells apart several refused parts of one source, such as frames of
    a video; empty for the whole. `received_at` is when the source's version was written; `sha256` is empty for what was
    refused unread. `run` is the run that first refused it so, a folder below `runs/`; empty up to release 0.2.
    `preview_sha256` is that of `preview.jpg` beside it; empty where there is none, as up to release 0.2.
    """

    reason: StoredReason
    meaning: str
    expected: str
    found: str
    source_key: str
    source_version: str
    detail: str
    received_at: datetime
    taken_at: datetime | None
    sha256: str
    size: int
    stage: str
    image: str
    run: str = ""
    preview_sha256: str = ""


def expected_and_found(sentence: str) -> tuple[str, str]:
    """Both halves of "expected …, got …", the form of every refusal; a sentence of another form is all "found"."""
    head, got, found = sentence.rpartition(", got ")
    if got and head.startswith("expected "):
        return head.removeprefix("expected "), found
    return "", sentence
