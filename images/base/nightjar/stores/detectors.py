"""Which detector a release deploys: `detectors/<identity>.json`, by the identity of detect's part of the release.

Beside its detections a detector leaves its model card, `detections/<detector id>/model_card.json`, for people.
"""

from nightjar.domain.detectors import PublishedDetector
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_record, write_bytes, write_record
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import DETECTIONS

DETECTORS = "detectors/"


class Detectors:
    """Publishes detectors and finds them again. `identity` is `StageRelease.identity` of detect in a release."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def publish(self, identity: str, detector: PublishedDetector, card: bytes) -> None:
        """Say that the release's detector is `detector`, with this model card; doing it again changes nothing.

        Raises UsageError when the same image and settings were another detector before: a tag was used twice.
        """
        before = self.find(identity)
        if before is not None and before.id != detector.id:
            raise UsageError(
                f"expected tag {detector.tag} to be detector {before.id} ({before.model}), as it was before, got "
                f"{detector.id} ({detector.model}): give the new image a new tag"
            )
        key = f"{DETECTIONS}{detector.id}/model_card.json"
        write_bytes(self._store, key, card, content_type="application/json")
        if before is None:
            write_record(self._store, _key(identity), detector)

    def find(self, identity: str) -> PublishedDetector | None:
        """The detector of a release; None when its detect stage has never started."""
        if self._store.head(_key(identity)) is None:
            return None
        return read_record(self._store, _key(identity), PublishedDetector)[0]

    def published(self) -> list[PublishedDetector]:
        """The detector of every release. Several tags may be the same one, and one tag several, by its settings."""
        keys = sorted(info.key for info in self._store.list_objects(DETECTORS))
        return [read_record(self._store, key, PublishedDetector)[0] for key in keys]

    def get(self, identity: str) -> PublishedDetector:
        """The detector of a release; raises InputError when its detect stage has never started."""
        detector = self.find(identity)
        if detector is None:
            raise InputError(f"expected the detector of a release at {_key(identity)!r}, which detect writes, got none")
        return detector

    def labels(self, identity: str) -> frozenset[str] | None:
        """The labels that the detector of a release can see; None when its detect stage has never started."""
        detector = self.find(identity)
        return frozenset(detector.labels) if detector else None


def is_of_detectors(key: str) -> bool:
    """Whether `key` is of what a detector says of itself: which one a release is, and its model card."""
    return key.startswith(DETECTORS) or (key.startswith(DETECTIONS) and key.endswith("/model_card.json"))


def _key(identity: str) -> str:
    return f"{DETECTORS}{identity}.json"
