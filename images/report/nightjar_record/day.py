"""History: a whole day recorded anew, in place of the parts of the runs that touched it, and its stores compacted."""

import logging
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.errors import TryAgainError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectInfo, ObjectStore
from nightjar.stores.contents import Content
from nightjar.stores.detections import Detections
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger
from nightjar.stores.line_store import LineStore
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.records import Records
from nightjar.stores.tables import ALERTS, DETECTIONS, EVENTS, PICTURES, TABLES, PictureOutcome
from nightjar.stores.validations import Validations
from nightjar_record.inputs import READERS, RunOutputs, event_lines
from nightjar_record.outcomes import alert_rows, event_row
from nightjar_record.partitions import Partitions, counts_of
from nightjar_record.pictures import NOT_DETECTED, NOT_VALIDATED, ShardOutputs

log = logging.getLogger(__name__)

_TRIES = 3
_NOT_LOOKED_AT = (NOT_VALIDATED, NOT_DETECTED, "footage-unreadable", "picture-unreadable")
_LOOK = ("model_sha256", "settings")

Contents = Mapping[str, Content[Any]]


def record_day(
    store: ObjectStore, run: RunOutputs, day: date, rows: Partitions
) -> tuple[list[ObjectRef], Counts, list[date]]:
    """Write `day` whole, in place of the parts that were there, and a part for each other day that has `rows`.

    `rows` are those of the run's shards; the rest of the day is added here. Returns what was written, the counts of all
    that, and the days. Raises TryAgainError when others keep rewriting the day.
    """
    records = Records(store)
    written: list[ObjectRef] = []
    recorded: list[Content[Any]] = []
    for _ in range(_TRIES):
        # Listed before the stores are read: a live run that ends later adds a part that is not removed.
        parts = {table.name: records.parts(table, day) for table in TABLES}
        try:
            contents = _whole_day(store, run, day, rows, parts)
            for table in TABLES:
                ref = records.replace(day, contents[table.name], parts[table.name], run.provenance)
                written += [ref] if ref else []
        except (ObjectChangedError, ObjectExistsError) as error:
            log.info("the day is recorded again: %s", error)
            written = []
            continue
        recorded += contents.values()
        break
    else:
        raise TryAgainError(f"expected the records of {day} to stay, others rewrote them {_TRIES} times meanwhile")
    others = [other for other in rows.days if other != day]
    for other in others:
        for table in TABLES:
            content = rows.content(table, other)
            recorded.append(content)
            new = records.new_rows(other, run.name, content)
            ref = records.write(other, run.name, new, run.provenance)
            written += [ref] if ref else []
    return written, counts_of(recorded), sorted({day, *others})


def compact_day(store: ObjectStore, run: RunOutputs, day: date) -> list[ObjectRef]:
    """Make one file of all files that a camera has for `day` in the stores that this run's shards wrote to."""
    written: list[ObjectRef] = []
    stores: tuple[tuple[LineStore[Any], str], ...] = (
        (Validations(store), "validate"),
        (Detections(store), "detect"),
    )
    for lines, stage in stores:
        refs = [ref for shard in run.shards for ref in lines.objects_among(shard.objects(stage))]
        places = sorted({place for place in (lines.place(ref.key) for ref in refs) if place.day == day})
        progress = Progress(f"places of {stage} compacted", len(places))
        for ref in in_parallel(lines.compact, places, READERS):
            written += [ref] if ref else []
            progress.add()
    return written


def _whole_day(
    store: ObjectStore, run: RunOutputs, day: date, rows: Partitions, parts: Mapping[str, tuple[ObjectInfo, ...]]
) -> Contents:
    """All rows of `day`: of the run's shards, of the stores, and of earlier records of what neither of them has."""
    refused = Partitions()
    refused.add_shard(ShardOutputs(run.name, list(_refused_by_collect(store, day))))
    events = list(Events(store).of_day(day))
    not_alerted = {event.id: why for event, why in event_lines(store, run)}
    alerts = list(Ledger(store).lines_of_day(day))
    fresh = {
        table.name: Content.together(table, [rows.content(table, day), refused.content(table, day)]) for table in TABLES
    }
    fresh[EVENTS.name] = Content.of(
        EVENTS,
        (
            event_row(event, key, run.name, run.timezone, not_alerted.get(event.id), run.version_of(key))
            for event in events
            for key in [Events(store).key(event)]
        ),
    )
    fresh[ALERTS.name] = Content.of(
        ALERTS, (row for line in alerts for row in alert_rows(line.alert, line.key, run.name, line.ref.version_id))
    )
    return _with_earlier(Records(store), day, fresh, parts)


def _with_earlier(
    records: Records, day: date, fresh: Contents, parts: Mapping[str, tuple[ObjectInfo, ...]]
) -> Contents:
    """`fresh`, and what earlier records say of footage that this run did not look at, or did not get through with.

    Such footage is what collect knew for duplicates, which no store holds, what was filed after this run began, videos
    that began the day before (history of that day records all of them, also what they saw after midnight), and what is
    in a shard that failed. Of events that release 0.1 removed, those stay that somebody was alerted about.
    """
    pictures, objects = fresh[PICTURES.name], fresh[DETECTIONS.name]
    earlier = records.read(PICTURES, day, parts=parts[PICTURES.name]).content
    given_up = _unfinished(pictures) & set(earlier.values("trigger"))
    if given_up:
        objects = objects.without("picture", pictures.where("trigger", given_up).values("id"))
        pictures = pictures.without("trigger", given_up)
    kept = earlier.without("trigger", set(pictures.values("trigger")))
    if len(kept):
        seen = records.read(DETECTIONS, day, parts=parts[DETECTIONS.name]).content
        # Only of the newest look at each picture: an older look by another detector gives way.
        seen = seen.matching(("picture", *_LOOK), kept, ("id", *_LOOK))
        pictures, objects = Content.together(PICTURES, [pictures, kept]), Content.together(DETECTIONS, [objects, seen])
    gone = set(fresh[ALERTS.name].values("event")) - set(fresh[EVENTS.name].values("id"))
    events = fresh[EVENTS.name]
    if gone:
        before = records.read(EVENTS, day, parts=parts[EVENTS.name]).content
        events = Content.together(EVENTS, [events, before.where("id", gone)])
    return {**fresh, PICTURES.name: pictures, DETECTIONS.name: objects, EVENTS.name: events}


def _unfinished(pictures: Content[Any]) -> set[str]:
    """The triggers of which a shard failed to validate, detect or assess something, or S3 did not give something."""
    columns = zip(*(pictures.values(name) for name in ("trigger", "outcome", "reason", "verdict")), strict=True)
    return {
        trigger
        for trigger, outcome, reason, verdict in columns
        if (outcome == PictureOutcome.FAILED and str(reason).partition(":")[0] in _NOT_LOOKED_AT)
        or (outcome == PictureOutcome.DETECTED and verdict is None)
    }


def _refused_by_collect(store: ObjectStore, day: date) -> Iterable[BatchLine]:
    """The versions that collect refused for `day`, which are in no batch of history."""
    return (_as_line(entry) for _, entry in Quarantine(store).of_day(day) if entry.stage == "collect")


def _as_line(entry: QuarantineEntry) -> BatchLine:
    received = ReceivedVersion(
        key=entry.source_key, version_id=entry.source_version, size=entry.size, received_at=entry.received_at
    )
    return BatchLine(source=received, outcome=Outcome.QUARANTINED, reason=entry.reason)
