"""The things that the tasks of a run made, by their manifests: read as far as they are asked for."""

from collections.abc import Iterator
from contextlib import suppress

from nightjar.domain.detections import Detection, ListedPicture
from nightjar.domain.events import Event
from nightjar.domain.layout import PICTURES
from nightjar.domain.lineage.nodes import Kind
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.stages import SHARD_STAGES
from nightjar.errors import InputError
from nightjar.queries.lineage.finding import picture_of
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import (
    AlertOf,
    By,
    ComparedOf,
    DetectionOf,
    EventOf,
    OriginalOf,
    RefusalOf,
    ReportOf,
    RowsOf,
    Subject,
)
from nightjar.stores.key_kinds import day_of_report, kind_of
from nightjar.stores.ledger import Ledger
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.record_keys import day_of_part, table_of

_REASON = "/reason.json"


def things_made(reading: Reading, prefix: str, stage: str) -> Iterator[Subject]:
    """All that `stage` made in the run with the folder `prefix`, shard by shard."""
    shards = reading.shards(prefix) if stage in SHARD_STAGES else [""]
    for shard in shards or [""]:
        by = By(prefix, stage, shard)
        proof = reading.manifest(prefix, stage, shard or None)
        if proof is None:
            continue
        if stage == "validate":
            yield from _pictures(reading, by)
        for ref in proof[0].objects:
            yield from thing_at(reading, ref, by)


def _pictures(reading: Reading, by: By) -> Iterator[Subject]:
    """The pictures that validate passed on, which know their originals."""
    key = f"{reading.run(by.run).stage_prefix(by.stage, by.shard or None)}{PICTURES}"
    for line in reading.lines(key, ListedPicture):
        yield picture_of(reading, line, by)


def thing_at(reading: Reading, ref: ObjectRef, by: By) -> Iterator[Subject]:
    """The things in an object that the task `by` wrote: none for files of the run itself, several for one of lines."""
    match kind_of(ref.key):
        case Kind.EVENT:
            event = reading.document(ref.key, Event, ref.version_id) or reading.document(ref.key, Event)
            if event:
                yield EventOf(event, by, ref.version_id, ref.sha256)
        case Kind.ALERT | Kind.NOTICE:
            with suppress(InputError):
                if line := Ledger(reading.store).read(ref.key):
                    yield AlertOf(line)
        case Kind.DETECTION:
            lines: list[Detection] = reading.lines(ref.key, Detection, ref.version_id)
            yield from (DetectionOf(line, ref.key, by, ref.version_id, ref.sha256) for line in lines)
        case Kind.ORIGINAL:
            yield OriginalOf(ref.key, ref.version_id, ref.sha256)
        case Kind.REPORT | Kind.PLOT:
            if day := day_of_report(ref.key):
                yield ReportOf(day, ref.key, ref.version_id)
        case Kind.COMPARISON:
            yield ComparedOf(ref.key, ref.version_id, ref.sha256, by)
        case Kind.ROWS:
            with suppress(ValueError, IndexError):
                yield RowsOf(table_of(ref.key), day_of_part(ref.key), ref.key, ref.version_id, by)
        case Kind.REFUSAL if ref.key.endswith(_REASON):
            folder = ref.key.removesuffix(_REASON.lstrip("/"))
            with suppress(InputError):
                if entry := Quarantine(reading.store).at(folder):
                    yield RefusalOf(folder, entry)
