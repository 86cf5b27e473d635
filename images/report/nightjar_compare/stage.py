"""Compare a candidate detector with the deployed one, over the days of users for which there is something new.

A user's day is judged as a whole, since an alert depends on all cameras of the user; the sum is made of all days. Days
that were compared under other rules than those in force are judged anew: nothing is detected for that.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from nightjar.domain.candidates import MOST_FAILED, CandidateRecord, Gathered
from nightjar.domain.comparison.adding import add_up, unseen_labels
from nightjar.domain.comparison.comparing import Sides, compare_user
from nightjar.domain.comparison.documents import SideRef, UserCompared
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.rules import Rules
from nightjar.runtime.garbage import no_garbage_collection
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar.stores.both_sides import Days, cameras_of, days_by_user, reviewed_events, side_of
from nightjar.stores.comparisons import Candidates, Comparisons, comparison_id
from nightjar.stores.detector_speed import speed_of
from nightjar.stores.detectors import Detectors
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Run, Runs

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_MOST_STALE = 500  # days of users that one run judges anew since the rules changed; the next takes the others

Units = Mapping[date, Iterable[str]]  # the users of each day


def compare(context: StageContext) -> StageResult:
    """Compare what the run gathered, and make the sum anew."""
    store = context.store
    run = Runs(store).at(context.run_prefix)
    _, manifest_ref = read_manifest(store, context.input_prefix)
    gathered, gathered_ref = run.gathered()
    release, release_ref = context.release()
    inputs = [manifest_ref, gathered_ref, release_ref]
    failed = _failed(run, gathered)
    record = Candidates(store).begin(gathered.tag, context.clock())
    record = record.model_copy(update={"failed": _kept(record, run, failed)})
    candidate = Detectors(store).find(release.stage("detect").identity)
    if candidate is None:
        Candidates(store).note(record)
        warning = f"the candidate {gathered.tag} did not start on any picture: there is nothing to compare"
        return StageResult(Counts(), inputs, result={"comparison": None}, warnings=[warning])
    identity = comparison_id(gathered.deployed, candidate.id)
    before, after = (side_of(store, id_, release.rules.sha256) for id_ in (gathered.deployed, candidate.id))
    units = _units(gathered, Comparisons(store).users(identity), release.rules.sha256)
    days = {day: _days_of(store, (before, after), day, users) for day, users in units.items()}
    rules, rules_ref = RulesStore(store).load(
        release.rules, {c for users in days.values() for u in users.values() for c in u}
    )
    written: list[ObjectRef] = []
    with no_garbage_collection():
        progress = Progress("days of users", total=sum(map(len, days.values())))
        for day, users in sorted(days.items()):
            sides = _sides(before, after, rules, day)
            for compared in _of_day(store, sides, users):
                written.append(Comparisons(store).put_user(identity, day, compared))
                progress.add()
        progress.finish()
    parts = Comparisons(store).users(identity)
    if parts:
        first, last = min(each.start for each in parts).date(), max(each.end for each in parts).date()
        speeds = (speed_of(store, before.detector, first, last), speed_of(store, after.detector, first, last))
        total = add_up(parts, unseen_labels(rules, after.labels), record.failed, speeds)
        written.append(Comparisons(store).put(identity, total))
    Candidates(store).note(record.model_copy(update={"comparison": identity}))
    return StageResult(
        counts=Counts(
            received=len(written), outcomes={"written": len(written)}, details={"failed_shards": len(failed)}
        ),
        inputs=[*inputs, rules_ref],
        objects=written,
        result={"comparison": identity},
        warnings=[f"the candidate did not get {shard} done" for shard in failed],
    )


def _failed(run: Run, gathered: Gathered) -> list[str]:
    """The shards for which the candidate left no proof of its work."""
    return [shard for shard in gathered.shards if not run.has_manifest("detect", shard)]


def _kept(record: CandidateRecord, run: Run, failed: Iterable[str]) -> tuple[str, ...]:
    """The failures that are worth telling: those of other runs, and of this one as it ended now."""
    others = [each for each in record.failed if not each.endswith(f" of {run.name}")]
    return tuple([*others, *(f"{shard} of {run.name}" for shard in failed)][-MOST_FAILED:])


def _units(gathered: Gathered, known: Iterable[UserCompared], rules_sha256: str) -> dict[date, set[str]]:
    """The days of users that are to be compared: those that were gathered, and those judged by other rules."""
    units: dict[date, set[str]] = defaultdict(set)
    for camera in gathered.cameras:
        for day in camera.days:
            units[day].add(camera.user)
    stale = [each for each in known if each.before.rules != rules_sha256]
    for each in sorted(stale, key=lambda part: part.start, reverse=True)[:_MOST_STALE]:
        units[each.start.date()].add(each.user)
    return units


def _days_of(store: ObjectStore, sides: tuple[SideRef, SideRef], day: date, users: Iterable[str]) -> dict[str, Days]:
    """The days of the users' cameras that decide this day: itself, and the one before it."""
    start = datetime.combine(day, time(), UTC)
    found = days_by_user(store, {side.detector for side in sides}, start, start + _DAY)
    return {user: found[user] for user in sorted(users) if user in found}


def _sides(before: SideRef, after: SideRef, rules: Rules, day: date) -> Sides:
    start = datetime.combine(day, time(), UTC)
    return Sides(before, after, rules, rules, start, start + _DAY)


def _of_day(store: ObjectStore, sides: Sides, users: Mapping[str, Days]) -> Iterator[UserCompared]:
    said = reviewed_events(store, sides.start, sides.end) if users else {}
    for user, days in users.items():
        stop_if_asked()
        yield compare_user(user, sides, cameras_of(store, sides, days), said.get(user, ()))
