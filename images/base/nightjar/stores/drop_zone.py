"""The drop zone, where uploaders put footage: `incoming/<name>`."""

from collections.abc import Iterator

from nightjar.domain.names import Camera, NameRefused, parse_footage_name
from nightjar.runtime.store import ObjectStore, VersionInfo
from nightjar.stores.erasure import erase_versions, is_of

INCOMING = "incoming/"


class DropZone:
    """What has landed below `prefix` and is not collected yet."""

    def __init__(self, store: ObjectStore, prefix: str = INCOMING) -> None:
        self._store, self.prefix = store, prefix

    def versions(self) -> Iterator[VersionInfo]:
        """Every version and delete marker, in no promised order; not the key of the drop zone itself."""
        return (version for version in self._store.list_versions(self.prefix) if version.key != self.prefix)

    def name(self, key: str) -> str:
        """The name under which the object at `key` was dropped."""
        return key.removeprefix(self.prefix)

    def remove(self, key: str, version_id: str) -> None:
        """Remove one version for good. Fine when it is already gone."""
        self._store.delete(key, version_id)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of what a user (or one camera) dropped and is still here; how many those were."""
        return erase_versions(self._store, self.prefix, lambda key: is_of(self._camera(key), user, device))

    def _camera(self, key: str) -> Camera | None:
        try:
            return parse_footage_name(self.name(key)).camera
        except NameRefused:
            return None
