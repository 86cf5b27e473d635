"""The stage: counts what ended live runs saw of each camera, and looks at the cameras that have become silent.

Its cost follows what is new: one listing finds the runs that ended, another the cameras that are due.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zlib import crc32

from nightjar.domain.equipment import Limits
from nightjar.domain.health import Surveyed
from nightjar.domain.manifest import Counts
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules
from nightjar.domain.rules import CameraRules, Rules
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar.settings.survey import SurveySettings
from nightjar.stores.health import DueList, DueTimes, EndedRun, EndedRuns, HealthStore
from nightjar.stores.rules import RulesStore
from nightjar_survey.cameras import Change, Surveyor
from nightjar_survey.sent import Evidence, evidence_of

_THREADS = 16  # cameras at a time; each mostly waits for S3
_RUNS_AT_ONCE = 50  # runs whose evidence is in memory together
_MOST_DUE = 20_000  # cameras that one survey looks at because they are due; the rest wait for the next
_SPREAD = 60  # minutes over which new cameras are spread, so that no list grows large


def survey(context: StageContext) -> StageResult:
    """Survey the cameras of the rules that the run is pinned to."""
    settings = load(SurveySettings)
    limits = Limits(**settings.model_dump(exclude={"survey_runs"}))
    store, now = context.store, context.clock()
    release, release_ref = context.release()
    rules = RulesOfCameras(store, release.rules)
    awaited = await_new_cameras(store, rules, now + timedelta(seconds=limits.silent_first_seconds), now)
    HealthStore(store).note(Surveyed(at=now, rules_key=release.rules.key, rules_sha256=release.rules.sha256))
    surveyor = Surveyor(store, limits, now)
    waiting = EndedRuns(store).waiting(settings.survey_runs)
    counted = list(_count(store, surveyor, rules, waiting))
    checked = list(_check(store, surveyor, rules, now))
    changes = [*counted, *checked]
    return StageResult(
        counts=Counts(
            received=len(changes),
            outcomes={"counted": len(counted), "checked": len(checked)},
            details={
                "runs": len(waiting),
                "new_cameras": awaited,
                "troubles_opened": sum(len(each.opened) for each in changes),
                "troubles_ended": sum(len(each.ended) for each in changes),
            },
        ),
        inputs=(release_ref,),
    )


class RulesOfCameras:
    """The rules of the run, of which a large file is not read as a whole for a few cameras."""

    def __init__(self, store: ObjectStore, frozen: FrozenRules) -> None:
        self._store, self.frozen = RulesStore(store), frozen
        self._whole: Rules | None = None

    def whole(self) -> Rules:
        """All of them."""
        if self._whole is None:
            self._whole = self._store.load(self.frozen)[0]
        return self._whole

    def of(self, cameras: Iterable[Camera]) -> Rules:
        """Those of these cameras, at least."""
        return self.whole() if self.frozen.parts is None else self._store.load(self.frozen, cameras)[0]


def await_new_cameras(store: ObjectStore, rules: RulesOfCameras, due: datetime, now: datetime) -> int:
    """Put the cameras that the last survey's rules did not know into a list, due at `due`; how many those are.

    A camera that never sends anything would not be heard of otherwise.
    """
    known, frozen = frozenset[Camera](), rules.frozen
    before = HealthStore(store).surveyed()
    if before is not None and before.rules_sha256 == frozen.sha256:
        return 0
    if before is not None:
        try:
            earlier = frozen.model_copy(update={"key": before.rules_key, "sha256": before.rules_sha256, "parts": None})
            known = frozenset(RulesStore(store).load(earlier)[0].cameras)
        except InputError:  # its text is gone: all cameras are new, and those that send are not due
            known = frozenset()
    minutes: dict[datetime, dict[Camera, datetime]] = defaultdict(dict)
    new = [camera for camera in rules.whole().cameras if camera not in known]
    for camera in new:
        spread = timedelta(minutes=crc32(camera.name.encode()) % _SPREAD if len(new) > _SPREAD else 0)
        minutes[DueTimes.minute(due + spread)][camera] = now
    for minute, cameras in sorted(minutes.items()):
        DueTimes(store).add(minute, cameras)
    return len(new)


def _count(store: ObjectStore, surveyor: Surveyor, rules: RulesOfCameras, runs: Sequence[EndedRun]) -> Iterator[Change]:
    """Count `runs`; only when all cameras of some are counted, these leave the list."""
    progress = Progress("runs counted", len(runs))
    ended, rest = EndedRuns(store), iter(runs)
    while some := list(islice(rest, _RUNS_AT_ONCE)):
        cameras = _by_camera(store, some)
        known = rules.of(cameras)
        # Anybody may send footage of a camera that the rules do not know: nothing is remembered of it.
        settings = [each for camera in sorted(cameras) if (each := known.device(camera))]

        def work(each: CameraRules, cameras: Mapping[Camera, Mapping[str, Evidence]] = cameras) -> Change:
            stop_if_asked()
            return surveyor.count(each, cameras[each.camera])

        yield from in_parallel(work, settings, _THREADS)
        for run in some:
            ended.counted(run)
            progress.add()


def _by_camera(store: ObjectStore, runs: Iterable[EndedRun]) -> Mapping[Camera, Mapping[str, Evidence]]:
    cameras: dict[Camera, dict[str, Evidence]] = defaultdict(dict)
    names = [run.name for run in runs]

    def read(name: str) -> Mapping[Camera, Evidence]:
        stop_if_asked()
        return evidence_of(store, name)

    for name, evidence in zip(names, in_parallel(read, names, _THREADS), strict=True):
        for camera, seen in evidence.items():
            cameras[camera][name] = seen
    return cameras


def _check(store: ObjectStore, surveyor: Surveyor, rules: RulesOfCameras, now: datetime) -> Iterator[Change]:
    """Look at the cameras that are due."""
    due, left = DueTimes(store), _MOST_DUE
    for listed in due.lists(now):
        some = DueList(listed.minute, dict(islice(listed.cameras.items(), left)))
        known = rules.of(some.cameras)

        def work(camera: Camera, some: DueList = some, known: Rules = known) -> Change:
            stop_if_asked()
            return surveyor.check(camera, known.device(camera), some.minute, some.cameras[camera])

        yield from in_parallel(work, some.cameras, _THREADS)
        due.done(some)
        left -= len(some.cameras)
        if left <= 0:
            return
