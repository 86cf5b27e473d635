"""The drop zone, where uploaders put footage: `incoming/<name>`. Names are parsed here, once."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nightjar.domain.batch import NameFields, ReceivedVersion
from nightjar.domain.names import Camera, NameRefused, parse_footage_name
from nightjar.runtime.store import ObjectStore, VersionInfo
from nightjar.stores.erasure import erase_versions, was_dropped_by

INCOMING = "incoming/"


@dataclass(frozen=True)
class Landed:
    """Keys in the drop zone that were taken back (their current version is a delete marker), and folder markers."""

    withdrawn: frozenset[str]
    folder_markers: tuple[VersionInfo, ...]


class DropZone:
    """The objects that have landed below `prefix` and are not collected yet."""

    def __init__(self, store: ObjectStore, prefix: str = INCOMING) -> None:
        self._store, self._prefix = store, prefix

    def survey(self) -> Landed:
        """List once, to learn which versions not to take."""
        withdrawn, markers = set[str](), list[VersionInfo]()
        for version in self._store.list_versions(self._prefix):
            if version.is_delete_marker and version.is_latest:
                withdrawn.add(version.key)
            elif _is_folder_marker(version) and version.key != self._prefix:
                markers.append(version)
        return Landed(frozenset(withdrawn), tuple(markers))

    def waiting(self, withdrawn: frozenset[str]) -> Iterator[ReceivedVersion]:
        """Every version that waits to be collected, in no promised order; not those of keys that are `withdrawn`."""
        for version in self._store.list_versions(self._prefix):
            if not (version.is_delete_marker or version.key in withdrawn or _is_folder_marker(version)):
                yield ReceivedVersion(
                    key=version.key,
                    version_id=version.version_id,
                    size=version.size,
                    received_at=version.modified_at,
                    named=self._parsed(version.key),
                )

    def name(self, key: str) -> str:
        """The name under which the object at `key` was dropped."""
        return key.removeprefix(self._prefix)

    def remove(self, key: str, version_id: str) -> None:
        """Remove one version for good. Fine when it is already gone, and when it is not of the drop zone."""
        if key.startswith(self._prefix):
            self._store.delete(key, version_id)

    def hide(self, key: str, version_ids: Collection[str]) -> None:
        """Put a delete marker over versions that nobody can read or copy: they stay, and are not collected again.

        Not while another version of the key waits: once that is collected, these come up again.
        """
        before = self._versions(key)
        if any(v.version_id not in version_ids and not v.is_delete_marker for v in before):
            return
        if not any(v.is_latest and v.is_delete_marker for v in before):
            self._store.delete(key)
        after = self._versions(key)
        if any(v.version_id not in version_ids and not v.is_delete_marker for v in after):  # it came in between
            for marker in (v for v in after if v.is_delete_marker):
                self._store.delete(key, marker.version_id)

    def _versions(self, key: str) -> list[VersionInfo]:
        return [version for version in self._store.list_versions(key) if version.key == key]

    def has_of(self, camera: Camera) -> bool:
        """Whether anything of `camera` waits."""
        return any(True for _ in self._store.list_objects(f"{self._prefix}{camera.name}-"))

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version that a user (or one camera) dropped and that is still here; returns their number."""
        return erase_versions(self._store, self._prefix, lambda key: was_dropped_by(self.name(key), user, device))

    def _parsed(self, key: str) -> NameFields | None:
        """None for a name that breaks the contract, such as one in a further folder."""
        try:
            return NameFields.of(parse_footage_name(self.name(key)))
        except NameRefused:
            return None


def _is_folder_marker(version: VersionInfo) -> bool:
    """Whether this is an object that S3 browsers leave as a folder."""
    return version.key.endswith("/") and version.size == 0 and not version.is_delete_marker
