"""The events and alerts that runs give one after the other, to compare with what they gave at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from nightjar.domain.events import Event
from nightjar.domain.layout import last_segment
from nightjar.runtime.manifests import read_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.runs import Run
from nightjar_assess.stage import assess
from nightjar_notify.stage import notify

_GIVEN = ("runs/", "detections/", "detectors/", "rules/")


@dataclass(frozen=True)
class Outcome:
    """Of one camera: every event as it is stored, by id, and the ids that somebody was alerted about."""

    events: Mapping[str, Mapping[str, Any]]
    alerted: frozenset[str]

    @property
    def current(self) -> list[Event]:
        """The events that are neither absorbed nor withdrawn."""
        return [event for event in map(Event.model_validate, self.events.values()) if event.is_current]


def outcome(store: ObjectStore, cameras: Sequence[str]) -> dict[str, Outcome]:
    """The stored events and alerts of `cameras`."""
    keys = [info.key for info in store.list_objects("events/")]
    events = [read_record(store, key, Event)[0] for key in keys]
    alerted = frozenset(last_segment(info.key).removesuffix(".json") for info in store.list_objects("alerts/"))
    outcomes = {}
    for camera in cameras:
        # `made_by` names the image and the run, which are others where the runs go one after the other.
        own = {
            event.id: event.model_dump(mode="json", by_alias=True, exclude={"made_by"})
            for event in events
            if event.camera.name == camera
        }
        outcomes[camera] = Outcome(own, alerted & own.keys())
    return outcomes


def outcomes_in_any_order(store: ObjectStore, runs: Sequence[Run], cameras: Sequence[str]) -> list[dict[str, Outcome]]:
    """The outcomes of assess and notify when the runs, whose detections are in `store`, go one after the other."""
    return [_outcome_of(store, order, cameras) for order in permutations(runs)]


def _outcome_of(store: ObjectStore, runs: Sequence[Run], cameras: Sequence[str]) -> dict[str, Outcome]:
    beside = Beside(store)
    for each in runs:
        for shard in map(last_segment, store.list_folders(f"{each.prefix}shards/")):
            for stage, before, work in (("assess", "detect", assess), ("notify", "assess", notify)):
                context = StageContext(
                    stage=stage,
                    image="registry.example.com/nightjar/x:1",
                    run=each.name,
                    input_prefix=each.stage_prefix(before, shard),
                    output_prefix=each.stage_prefix(stage, shard),
                    store=beside,
                    release_key=each.release_key,
                )
                run(work, context)
    return outcome(beside, cameras)


class Beside(MemoryStore):
    """A bucket of its own for events and alerts, beside another one that has the runs and their detections."""

    def __init__(self, given: ObjectStore) -> None:
        super().__init__()
        self._given = given
        self._written: set[str] = set()

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        self._written.add(key)
        return super().put(
            key, data, content_type=content_type, metadata=metadata, if_absent=if_absent, if_match=if_match
        )

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        return self._given.head(key, version_id) if self._is_given(key) else super().head(key, version_id)

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        return self._given.get(key, version_id) if self._is_given(key) else super().get(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._given.list_objects(prefix) if self._is_given(prefix) else super().list_objects(prefix)

    def _is_given(self, key: str) -> bool:
        return key.startswith(_GIVEN) and key not in self._written
