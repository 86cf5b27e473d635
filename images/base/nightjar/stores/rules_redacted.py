"""Rules that runs are pinned to by SHA-256, after a user was taken out of them (`nightjar.stores.rules_erasure`)."""

from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.store import ObjectInfo

# Metadata: the SHA-256 of the text before a user was taken out of it.
FROM = "forgotten-from"


def is_text(info: ObjectInfo | None, ref: ObjectRef, sha256: str) -> bool:
    """Whether the object `info`, read as `ref`, is the text with this SHA-256, or what forgetting left of it."""
    return info is not None and sha256 in (ref.sha256, info.metadata.get(FROM))


def is_whole(info: ObjectInfo | None) -> bool:
    """Whether the object is there, and nobody was taken out of it."""
    return info is not None and FROM not in info.metadata
