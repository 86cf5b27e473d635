"""The time zones of cameras, so that a moment is told in the camera's own time, too."""

from collections.abc import Iterable

from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.queries.rules_now import rules_now
from nightjar.runtime.store import ObjectStore


def zones_of(store: ObjectStore, cameras: Iterable[Camera]) -> dict[str, str]:
    """The zone of each camera that the rules in force know, by the camera's name; none where they cannot be read."""
    asked = sorted(set(cameras))
    if not asked:
        return {}
    try:
        rules = rules_now(store, asked)
    except InputError:
        return {}
    known = ((camera, rules.of(camera)) for camera in asked)
    return {camera.name: each.timezone.key for camera, each in known if each}
