"""At which cameras looks are spared: as set, and never where a rule asks that several pictures agree."""

from collections.abc import Callable, Iterable

from nightjar.domain.detections import Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules
from nightjar.runtime.store import ObjectStore
from nightjar.settings.detect import DetectSettings, Look
from nightjar_detect.frames import Sparing

SparingOf = Callable[[Camera], Sparing | None]


def sparing_of(
    settings: DetectSettings, store: ObjectStore, rules: FrozenRules, pictures: Iterable[Picture]
) -> tuple[SparingOf, list[ObjectRef]]:
    """How looks are spared at each camera of `pictures` (None: not at all), and the rules object that was read for it.

    Rules are read only where there are looks to be spared: a picture that is alone is looked at whatever they say.
    Raises InputError when the rules of the run are gone.
    """
    alone, several = set[Camera](), set[Camera]()
    for picture in pictures:
        (several if picture.camera in alone else alone).add(picture.camera)
    spared = {camera for camera in several if camera.name not in settings.cameras_looked_at_wholly}
    inputs: list[ObjectRef] = []
    if settings.look == Look.EVERYTHING:
        spared = set()
    if spared:
        spared, ref = _without_agreement(store, rules, spared)
        inputs.append(ref)
    sparing = Sparing(
        seconds=settings.burst_seconds,
        unmatched=settings.burst_unmatched,
        carry_seconds=settings.carry_seconds,
        min_probability=settings.min_probability,
    )
    return lambda camera: sparing if camera in spared else None, inputs


def _without_agreement(store: ObjectStore, frozen: FrozenRules, cameras: set[Camera]) -> tuple[set[Camera], ObjectRef]:
    """Those of the cameras for which no rule counts pictures: that count is to be of looks."""
    from nightjar.stores.rules import RulesStore  # a quarter of a second, which a single picture need not wait for

    rules, ref = RulesStore(store).load(frozen, cameras)
    devices = {camera: rules.device(camera) for camera in cameras}
    return {c for c, device in devices.items() if not device or not any(r.agree for r in device.rules.values())}, ref
