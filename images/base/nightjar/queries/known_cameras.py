"""Which cameras a person means: those of the rules, and those that left pictures; any other name is a mistake."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from nightjar.errors import UsageError

if TYPE_CHECKING:
    from nightjar.domain.names import Camera
    from nightjar.runtime.store import ObjectStore


def cameras_named(store: "ObjectStore", names: Sequence[str]) -> "frozenset[Camera]":
    """The cameras called `names`; none for none. Raises UsageError that proposes near names for one that is not known.

    What is not in the rules is looked for in all detections: a camera that was taken out of the rules has some.
    """
    from nightjar.domain.names import Camera, NameRefused
    from nightjar.stores.rules import RulesStore

    if not names:
        return frozenset()
    in_force = RulesStore(store).in_force()
    known = set(in_force.rules.cameras) if in_force.rules else set()
    cameras, problems = set(), []
    for name in names:
        try:
            cameras.add(Camera.parse(name))
        except NameRefused as error:
            problems.append(f"{error}{_near(name, known)}")
    if cameras - known:
        known |= _with_detections(store)
    problems += [
        f"expected a camera of the rules, or one that has detections, got {camera.name}{_near(camera.name, known)}"
        for camera in sorted(cameras - known)
    ]
    if problems:
        raise UsageError(f"--camera: {'; '.join(problems)}")
    return frozenset(cameras)


def check_user(store: "ObjectStore", name: str) -> None:
    """Raise UsageError that proposes near names for a user whom neither the rules nor any detections know."""
    from nightjar.domain.near import near_names
    from nightjar.stores.rules import RulesStore

    in_force = RulesStore(store).in_force()
    known = set(in_force.rules.users) if in_force.rules else set()
    if name in known:
        return
    known |= {camera.user for camera in _with_detections(store)}
    if name not in known:
        near = near_names(name, {user: (user,) for user in known})
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"--user: expected a user of the rules, or one with detections, got {name!r}{hint}")


def _near(name: str, known: "Iterable[Camera]") -> str:
    from nightjar.domain.near import near_names

    near = near_names(name, {camera.name: (camera.name, camera.device) for camera in known})
    return f": did you mean {' or '.join(near)}?" if near else ""


def _with_detections(store: "ObjectStore") -> "set[Camera]":
    from nightjar.stores.detections import Detections

    detections = Detections(store)
    places = (place for maker in detections.makers() for place in detections.places(maker, date.min, date.max))
    return {place.camera for place in places}
