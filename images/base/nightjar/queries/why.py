"""Why a picture did or did not alert: condition by condition, by the rules that judged it and by those in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.events import Event
from nightjar.domain.explaining import Explanation, explain
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Rules, Safe
from nightjar.domain.sights import Sight
from nightjar.errors import InputError
from nightjar.queries.rules_now import rules_now
from nightjar.queries.runs_of import runs_that_saw
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Runs

_BEFORE, _AFTER = timedelta(hours=24), timedelta(hours=1)  # what static objects and agreement look at
_MOST_OBJECTS = 20  # of a picture, the most probable ones


@dataclass(frozen=True)
class ObjectJudged:
    """An object in the picture, with the verdict of each rule of the camera about it."""

    object: DetectedObject
    verdicts: tuple[Explanation, ...]


@dataclass(frozen=True)
class Judged:
    """The picture by one set of rules, which `name` tells in words.

    `local` is when it was taken by the user's clock; None where the rules do not know the camera. `objects` are the
    most probable ones; `left_out` counts the others.
    """

    name: str
    local: datetime | None = None
    has_rules: bool = False
    objects: tuple[ObjectJudged, ...] = ()
    left_out: int = 0
    reasons: tuple[Safe | None, ...] = ()


@dataclass(frozen=True)
class PictureWhy:
    """A picture as the detector saw it and as rules judge it.

    `judged` has the rules that judged it, if they are known, and those in force where they say otherwise; it is empty
    where there are no rules. `same_in_force` says that both are known and say the same.
    """

    seen: Detection
    detector: str
    judged: tuple[Judged, ...]
    same_in_force: bool


def why_of_picture(
    store: ObjectStore, camera: Camera, moment: datetime, events: Sequence[Event], folder: str
) -> PictureWhy:
    """Why the picture that `camera` took at `moment` is a threat or not, as the detector `folder` saw it.

    `events` are those that have the picture. Raises InputError when that detector saw no such picture.
    """
    seen = _detections(store, camera, moment, folder)
    own = next((each for each in seen if each.picture.taken_at == moment), None)
    if own is None:
        at = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        raise InputError(
            f"expected a picture of {camera.name} taken at {at} and seen by the detector {folder}, found none"
        )

    def judge(rules: Rules, name: str) -> Judged:
        return _judged(store, rules, name, camera, own, seen)

    in_force = rules_now(store, [camera]).rules
    judged = [judge(*then)] if (then := _rules_then(store, camera, moment, folder, events)) else []
    same = False
    if in_force is not None:
        now = judge(in_force, "the rules in force")
        same = bool(judged) and judged[0].reasons == now.reasons
        judged += [] if same else [now]
    return PictureWhy(own, folder, tuple(judged), same)


def _detections(store: ObjectStore, camera: Camera, moment: datetime, folder: str) -> list[Detection]:
    """The camera's detections that decide about the picture of this moment, by time."""
    first, last = moment - _BEFORE, moment + _AFTER
    detections = Detections(store)
    places = detections.places(folder, first.date(), last.date(), {camera})
    lines = (line for place in places for line in detections.read(place))
    return [line for line in lines if first <= line.picture.taken_at <= last]


def _rules_then(
    store: ObjectStore, camera: Camera, moment: datetime, folder: str, events: Sequence[Event]
) -> tuple[Rules, str] | None:
    """The rules that judged the picture, and their name in words: those of its event, or of the run that wrote its
    detection, if it is known."""
    rules = RulesStore(store)
    if events and (used := rules.used(events[0].rules_sha256)):
        return used, f"the rules that judged the event (SHA-256 {events[0].rules_sha256[:12]})"
    for run in runs_that_saw(store, folder, camera, moment):
        try:
            frozen = Runs(store).live(run).release()[0].rules
        except InputError:
            continue
        if used := rules.used(frozen.sha256):
            return used, f"the rules of run {run} (SHA-256 {frozen.sha256[:12]})"
    return None


def _judged(
    store: ObjectStore, rules: Rules, name: str, camera: Camera, own: Detection, seen: Sequence[Detection]
) -> Judged:
    settings = rules.device(camera)
    if settings is None:
        return Judged(name)
    verdicts = _explanations(store, settings, rules.event_gap, own.picture.taken_at, seen)
    shown = [
        ObjectJudged(one, tuple(each for each in verdicts if _is_about(each, one)))
        for one in own.objects[:_MOST_OBJECTS]
    ]
    return Judged(
        name,
        settings.local(own.picture.taken_at),
        bool(settings.rules),
        tuple(shown),
        len(own.objects) - len(shown),
        tuple(each.reason for each in verdicts),
    )


def _explanations(
    store: ObjectStore, settings: CameraRules, gap: timedelta, moment: datetime, seen: Sequence[Detection]
) -> list[Explanation]:
    sights = [Sight(line.picture.taken_at, line.objects, line.is_seen) for line in seen]
    return explain(sights, moment, settings, gap, FalseBoxes(store).of(settings.camera))


def _is_about(verdict: Explanation, one: DetectedObject) -> bool:
    return verdict.object is one or (verdict.object.label, verdict.object.box) == (one.label, one.box)
