"""A candidate detector: the pictures that it is to look at, and the end of its run, beside the deployed chain."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context, Variable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightjar.domain.batch import RETRY
from nightjar.domain.candidates import CameraDays, Covered, Gathered, cut
from nightjar.domain.detections import Detection, ListedPicture
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.release import VARIABLE, parse_images
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.comparisons import Candidates
from nightjar.stores.detection_history import DetectionHistory
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place
from nightjar.stores.runs import GATHER, HISTORY, LIVE, Run, Runs, run_prefix
from operators.account import end_run, failed_tasks, task_states
from operators.assignment import pinned_release
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.release import CANDIDATE_TAG, freeze
from operators.settings import deployment

log = logging.getLogger(__name__)

TAG = CANDIDATE_TAG
CAMERAS = "cameras"  # in gather's result: whose days are to be compared

_BEFORE = timedelta(hours=1)  # a candidate gets the live runs that ended so long before it was first seen
_DAYS_BACK = 2  # a live run that is older has failed for good
_MOST_RUNS = 200  # of one run of the candidate; the next takes the others
_AT_ONCE = 16
_DAY = timedelta(days=1)


class TryCandidateOperator(TriggerDagRunOperator):
    """Trigger a run over the day for the candidate that the run's conf names; skipped where it names none."""

    def execute(self, context: Context) -> None:
        """Trigger it, and do not wait for it."""
        conf = self.conf if isinstance(self.conf, dict) else {}
        if not conf.get(TAG):
            raise AirflowSkipException(f"the run's conf names no {TAG}")
        super().execute(context)


@task(multiple_outputs=True)
@final_for_people
def freeze_candidate(run_prefix: str, candidate: str = "") -> dict[str, str]:
    """Pin this run to the release that is deployed, with the candidate as its detector; skipped where there is none.

    `candidate` is the tag that the run was asked for; else it is that of the Variable.
    """
    variable = str(Variable.get(VARIABLE))
    tag = candidate or parse_images(variable).detect_candidate
    if not tag:
        raise AirflowSkipException(f"no {TAG} in the Variable {VARIABLE}, nor in the run's conf")
    return freeze(get_current_context(), bucket(), run_prefix, variable, deployment(), candidate=tag)


@task
@final_for_people
def gather(run_prefix: str, release: str, tag: str, day: str = "") -> list[str]:
    """Gather the pictures that the candidate is to look at, and cut them into shards; returns the prefix of each.

    They are those of `day` that the deployed detector knows and the candidate does not; without a day, those of the
    live and history runs that ended since the last time.
    """
    store, settings = bucket(), deployment()
    run = Runs(store).at(run_prefix)
    pinned = pinned_release(run, release)
    identity = pinned.stage("detect").identity
    work = Gathering(store, run, tag, identity, datetime.now(UTC))
    return work.gather(date.fromisoformat(day) if day else None, release, settings.max_shards, settings.shard_work)


@task(trigger_rule="all_done")
@final_for_people
def close_candidate(run_prefix: str) -> None:
    """Write down how the run ended, and fail it if a task failed; nothing where there was no candidate."""
    states = task_states()
    if states.get("freeze_candidate") == "skipped":
        raise AirflowSkipException("there was no candidate")
    problems = failed_tasks(states)
    end_run(bucket(), run_prefix, problems, datetime.now(UTC))
    if problems:
        raise AirflowFailException("; ".join(problems))


class Gathering:
    """Finds the pictures that a candidate has not seen. `identity` is that of detect in the candidate's release."""

    def __init__(self, store: ObjectStore, run: Run, tag: str, identity: str, now: datetime) -> None:
        self._store, self._run, self._tag, self._now = store, run, tag, now
        self._candidates, self._runs = Candidates(store), Runs(store)
        self._identity = identity

    def gather(self, day: date | None, release: str, most_shards: int, most_pictures: int) -> list[str]:
        """Write the shards, and what the run is about; returns their prefixes.

        Raises InputError where no detector is deployed yet, which there is nothing to compare with.
        """
        since = self._candidates.begin(self._tag, self._now).since
        deployed = self._deployed()
        sources = [] if day else self._new_runs(since - _BEFORE)
        if day:
            days, new = self._cameras_of(deployed, day), list(self._of_day(deployed, day))
        else:
            pictures = list(self._of_runs(sources))
            days, new = _days(pictures), self._unknown(pictures)
        shards = cut(new, most_shards, most_pictures)
        for shard in shards:
            ref = self._run.write_pictures(GATHER, shard.name, shard.pictures)
            self._manifest(release, len(shard.pictures), ref, shard.name)
        gathered = Gathered(
            tag=self._tag,
            deployed=deployed,
            cameras=tuple(
                CameraDays(user=camera.user, device=camera.device, days=tuple(sorted(of_camera)))
                for camera, of_camera in sorted(days.items())
            ),
            shards=tuple(shard.name for shard in shards),
            runs=tuple(run.prefix for run, _ in sources),
        )
        ref = self._run.write_gathered(gathered)
        self._manifest(release, len(new), ref, None, {CAMERAS: len(days)})
        for run, account in sources:
            self._candidates.cover(self._tag, run.prefix, Covered(account=account, by=self._run.name))
        log.info("%d pictures in %d shards, of %d runs", len(new), len(shards), len(sources))
        return [self._run.stage_prefix(GATHER, shard.name) for shard in shards]

    def _deployed(self) -> str:
        """The id of the deployed detector."""
        deployed = self._runs.deployed()
        if deployed is None:
            raise InputError("expected a deployed detector to compare with, found none: no run has begun yet")
        return Detectors(self._store).get(deployed.stages["detect"].identity).id

    def _new_runs(self, since: datetime) -> list[tuple[Run, str]]:
        """The runs that were settled since then and that the candidate was not given, each with its account's version.

        Those that this very run was given before count as new: it is tried again.
        """
        found = in_parallel(self._settled, self._prefixes(), _AT_ONCE)
        return [(run, version) for run, version, at in found if run is not None and at >= since][:_MOST_RUNS]

    def _prefixes(self) -> Iterator[str]:
        """The prefixes of runs that may be new: live ones that were not covered, and the days of history."""
        today = self._now.date()
        for back in range(_DAYS_BACK, -1, -1):
            day = today - back * _DAY
            for beginning in (f"{day:%Y%m%d}T", f"{RETRY}{day:%Y%m%d}T"):
                covered = self._candidates.covered_names(self._tag, LIVE, beginning)
                for folder in self._store.list_folders(run_prefix(LIVE, beginning)[:-1]):
                    name = folder.rstrip("/").rpartition("/")[2]
                    if name not in covered or self._is_mine(folder):
                        yield folder
            yield run_prefix(HISTORY, day.isoformat())

    def _is_mine(self, prefix: str) -> bool:
        covered = self._candidates.covered(self._tag, prefix)
        return covered is None or covered.by == self._run.name

    def _settled(self, prefix: str) -> tuple[Run | None, str, datetime]:
        run = self._runs.at(prefix)
        account = run.account_version()
        if account is None:
            return None, "", self._now
        covered = self._candidates.covered(self._tag, prefix)
        is_new = covered is None or covered.account != account[0] or covered.by == self._run.name
        return (run if is_new else None, *account)

    def _of_runs(self, sources: Iterable[tuple[Run, str]]) -> Iterator[ListedPicture]:
        """The pictures that validate passed on in these runs; of a shard that failed, none."""
        for run, _ in sources:
            for shard in run.shards_of("validate"):
                if run.has_manifest("validate", shard):
                    yield from run.pictures("validate", shard)[0]

    def _of_day(self, deployed: str, day: date) -> Iterator[ListedPicture]:
        """The pictures of a day that the deployed detector knows and the candidate does not, camera by camera."""
        candidate = Detectors(self._store).find(self._identity)
        for camera in self._cameras_of(deployed, day):
            known = self._keys(candidate.id, camera, day) if candidate else set()
            yield from (
                ListedPicture.of(line.picture)
                for line in self._lines(deployed, camera, day)
                if (line.picture.standard_key, line.picture.standard_sha256) not in known
            )

    def _cameras_of(self, deployed: str, day: date) -> dict[Camera, set[date]]:
        return {place.camera: {day} for place in Detections(self._store).places(deployed, day, day)}

    def _unknown(self, pictures: list[ListedPicture]) -> list[ListedPicture]:
        """Those of `pictures` that the candidate does not know."""
        candidate = Detectors(self._store).find(self._identity)
        if candidate is None:
            return pictures
        known = {
            key
            for camera, days in _days(pictures).items()
            for day in days
            for key in self._keys(candidate.id, camera, day)
        }
        return [each for each in pictures if (each.standard_key, each.standard_sha256) not in known]

    def _keys(self, detector: str, camera: Camera, day: date) -> set[tuple[str, str]]:
        return {
            (line.picture.standard_key, line.picture.standard_sha256) for line in self._lines(detector, camera, day)
        }

    def _lines(self, detector: str, camera: Camera, day: date) -> Iterator[Detection]:
        """The detections of one camera and day, without their objects."""
        for _, lines in DetectionHistory(self._store).read([Place(detector, camera, day)], lambda place: {}):
            yield from lines

    def _manifest(
        self,
        release: str,
        pictures: int,
        written: ObjectRef,
        shard: str | None,
        result: dict[str, Any] | None = None,
    ) -> None:
        manifest = Manifest(
            stage=GATHER,
            image="airflow",
            run=self._run.name,
            release=release,
            objects=(written,),
            counts=Counts(received=pictures, outcomes={"gathered": pictures}),
            result=result or {},
            started_at=self._now,
            finished_at=datetime.now(UTC),
        )
        self._run.write_manifest(manifest, shard)


def _days(pictures: Iterable[ListedPicture]) -> dict[Camera, set[date]]:
    days: dict[Camera, set[date]] = defaultdict(set)
    for each in pictures:
        days[each.camera].add(each.taken_at.astimezone(UTC).date())
    return days
