"""Small pictures for the report: what was seen, with its box."""

from collections.abc import Iterable, Mapping

from nightjar.runtime.store import ObjectStore
from nightjar_report.summary import AlertedEvent


def thumbnails(store: ObjectStore, alerted: Iterable[AlertedEvent], most: int) -> Mapping[str, bytes]:
    """JPEG by event id, of the first `most`; without those whose picture is gone."""
    return {}
