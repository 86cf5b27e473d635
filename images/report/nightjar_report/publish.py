"""The report of a day in the bucket: the page and, beside it, its plots."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.domain.layout import day_path, last_segment, report_prefix
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.store import ObjectStore
from nightjar_report import page, plots
from nightjar_report.summary import summarise
from nightjar_report.thumbnails import thumbnails
from nightjar_report.warehouse import DayRecords, Warehouse, around

PAGE = "report.html"
_TRIES = 10


def publish(store: ObjectStore, warehouse: Warehouse, day: date, most_thumbnails: int) -> list[ObjectRef]:
    """Make the report of `day` from its records; the page comes first in what is returned.

    Runs side by side touch the same day: the report is made again until it shows what is there when it is written, so
    that the last one to finish shows all. The same records give the same bytes and no new version.
    """
    for _ in range(_TRIES):
        state = warehouse.state(day)
        summary = summarise(_without_withdrawn(store, warehouse.read_reported(day)))
        drawn = plots.draw(summary)
        pictures = thumbnails(store, summary.unfinished + summary.alerts, most_thumbnails)
        written = _write(store, day, page.render(summary, drawn, pictures), drawn)
        if warehouse.state(day) == state:
            return written
    raise TryAgainError(f"expected the records of {day} to hold still, they changed {_TRIES} times meanwhile")


def _without_withdrawn(store: ObjectStore, records: DayRecords) -> DayRecords:
    """The records without events that have moved to another day since they were recorded, or that assess took back.

    One that was taken back, or merged into another, stays when it was alerted: somebody was told about it.
    """
    events, alerted = records["events"], records["alerts"]["event"].combine_chunks()
    if not len(events):
        return records
    keys = [info.key for near in around(records.day) for info in store.list_objects(f"events/{day_path(near)}/")]
    ids = [last_segment(key).removesuffix(".json") for key in keys]
    there = pc.is_in(events["event_key"], pa.array(keys, pa.string()))
    taken_back = pc.invert(pc.is_in(events["id"], pa.array(ids, pa.string())))
    kept = pc.or_(there, pc.and_(taken_back, pc.is_in(events["id"], alerted)))
    return replace(records, tables={**records.tables, "events": events.filter(kept)})


def _write(store: ObjectStore, day: date, html: bytes, drawn: Mapping[str, bytes]) -> list[ObjectRef]:
    prefix = report_prefix(day)
    shown = write_bytes(store, f"{prefix}{PAGE}", html, content_type="text/html; charset=utf-8")
    beside = [write_bytes(store, f"{prefix}{name}", png, content_type="image/png") for name, png in drawn.items()]
    return [shown, *beside]
