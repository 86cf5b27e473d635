"""The state of a deployment as its bucket tells it: `nightjar status` prints it, the overview shows it.

It costs a bounded number of requests: for the rules, the newest runs, what waits, and the hours of two days. Nothing is
listed that grows with the past.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from nightjar.domain.names import Camera
from nightjar.domain.operator_troubles import WATCH_SILENT_AFTER, DagRun, OperatorKind, dag_of, watch_silent
from nightjar.domain.release import Deployed
from nightjar.domain.severity import Severity
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import InputError
from nightjar.queries.readable import told
from nightjar.queries.troubled import Troubled, troubled_cameras
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.claims import Claims
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.last_pictures import last_hours, last_pictures
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.rules import RULES_KEY, RulesInForce, RulesStore
from nightjar.stores.run_index import RunState, newest_runs
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, Runs
from nightjar.stores.troubles import Troubles

COUNTED = 1000  # objects that wait: more are not counted, so that the answer comes at once
SHOWN_CAMERAS = 10
HOURS_BACK = 48  # a camera without a picture since then is silent
COUNTED_TROUBLES = 50
_CLAIMS_READ = 20  # there is one at a time, unless watch runs die
_RUNS_SHOWN = {LIVE: 5, HISTORY: 3, REPORT: 3, PATROL: 2}
_WAITS_TOO_LONG = timedelta(minutes=10)
_RUNS_TOO_LONG = timedelta(hours=2)


@dataclass(frozen=True)
class Images:
    """The images of the newest release by stage, and since when; `run` was the first that had them."""

    run: str
    since: datetime
    images: dict[str, str]


@dataclass(frozen=True)
class RulesState:
    """The rules that the next run will use, by version and content; `problems` are those of newer, broken ones."""

    key: str | None
    version: str | None
    sha256: str | None
    since: datetime | None
    rules: int
    users: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Waiting:
    """How many objects wait, at most 1,000 counted, and since when the oldest of these does."""

    number: int
    oldest: datetime | None

    @property
    def is_capped(self) -> bool:
        """Whether there may be more."""
        return self.number >= COUNTED


@dataclass(frozen=True)
class CameraState:
    """A camera and when its last picture of the two last days was taken; None when there is none."""

    camera: str
    last_picture: datetime | None


@dataclass(frozen=True)
class Cameras:
    """The cameras in the rules. `longest_silent` are the first ten, silent ones first."""

    number: int
    silent: int
    longest_silent: tuple[CameraState, ...]


@dataclass(frozen=True)
class OperatorTrouble:
    """A trouble of the deployment that is open; the operator of the rules is told of it."""

    kind: str
    severity: str
    since: datetime
    title: str
    text: str
    todo: str
    link: str
    told: datetime | None


@dataclass(frozen=True)
class DeploymentState:
    """The whole; `red` says in sentences what a person should look at."""

    bucket: str
    at: datetime
    red: tuple[str, ...]
    troubles: tuple[OperatorTrouble, ...]
    deployed: Images | None
    rules: RulesState
    runs: tuple[RunState, ...]
    incoming: Waiting
    claims: Waiting
    cameras: Cameras
    troubled: Troubled


def deployment_state(
    store: ObjectStore,
    bucket: str,
    now: datetime,
    may_read: Callable[[str], bool] = lambda dag: True,
    most_rules: int | None = None,
) -> DeploymentState:
    """Look at the bucket. `may_read` says of whose runs (the ids of their DAGs) the person may know.

    A rules file of more than `most_rules` bytes is not read: then no cameras are known.
    """
    deployed, problem = _deployed(store)
    in_force = _in_force(store, most_rules)
    asked = [(dag, most) for dag, most in _RUNS_SHOWN.items() if may_read(dag)]
    of_dags = in_parallel(lambda each: newest_runs(store, each[0], now, each[1]), asked, len(_RUNS_SHOWN))
    runs = tuple(run for runs in of_dags for run in runs)
    incoming = _waiting(version.received_at for version in DropZone(store).waiting(frozenset()))
    claims = _waiting(Claims(store).left(lambda batch: Runs(store).live(batch).has_begun(), _CLAIMS_READ))
    problems: list[str] = []  # of troubles that are damaged, beside all else
    found = told(problems, lambda: _troubles(store, now)) or ()
    troubles = tuple(each for each in found if (dag := dag_of(each.kind)) is None or may_read(dag))
    troubled = told(problems, lambda: troubled_cameras(store)) or Troubled(0, ())
    red = (
        *_red_troubles(troubles, runs),
        *problem,
        *_red_rules(in_force),
        *_red_runs(runs, now),
        *_red_waiting(incoming, claims, now),
        *problems,
    )
    return DeploymentState(
        bucket=bucket,
        at=now,
        red=red,
        troubles=troubles,
        deployed=deployed,
        rules=_rules_state(in_force),
        runs=runs,
        incoming=incoming,
        claims=claims,
        troubled=troubled,
        cameras=_cameras(store, in_force.rules.cameras if in_force.rules else (), now),
    )


def _deployed(store: ObjectStore) -> tuple[Images | None, tuple[str, ...]]:
    try:
        newest: Deployed | None = Runs(store).deployed()
    except InputError as error:
        return None, (f"{error}; the next run writes it anew",)
    if newest is None:
        return None, ()
    return Images(newest.run, newest.since, {name: stage.image for name, stage in newest.stages.items()}), ()


def _in_force(store: ObjectStore, most: int | None) -> RulesInForce:
    rules = RulesStore(store)
    try:
        newest = rules.newest() if most is not None else None
        if newest is None or most is None or newest.size <= most:
            return rules.in_force()
        last = rules.last_check()
        return RulesInForce(None, last.source, newest.modified_at, last.problems) if last else RulesInForce()
    except InputError as error:  # S3 does not give them: the next run fails as well
        return RulesInForce(problems=(str(error),))


def _rules_state(in_force: RulesInForce) -> RulesState:
    ref, rules = in_force.ref, in_force.rules
    return RulesState(
        key=ref.key if ref else None,
        version=ref.version_id if ref else None,
        sha256=ref.sha256 if ref else None,
        since=in_force.since,
        rules=len(rules.rules) if rules else 0,
        users=len(rules.users) if rules else 0,
        problems=in_force.problems,
    )


def _waiting(moments: Iterable[datetime]) -> Waiting:
    counted = list(islice(moments, COUNTED))
    return Waiting(len(counted), min(counted, default=None))


def _cameras(store: ObjectStore, cameras: Sequence[Camera], now: datetime) -> Cameras:
    hours = last_hours(store, now, HOURS_BACK) if cameras else {}
    by_silence = sorted(cameras, key=lambda camera: (camera in hours, hours.get(camera, now), camera))
    shown = by_silence[:SHOWN_CAMERAS]
    exact = last_pictures(store, hours, shown)
    silent = sum(camera not in hours for camera in cameras)
    states = [CameraState(camera.name, exact.get(camera)) for camera in shown]
    return Cameras(
        len(cameras), silent, tuple(sorted(states, key=lambda s: (s.last_picture is not None, s.last_picture or now)))
    )


def _troubles(store: ObjectStore, now: datetime) -> tuple[OperatorTrouble, ...]:
    """Those that are open, the worst and oldest first; also that the watch is silent, when nobody has noted it yet."""
    stored = Troubles(store).open_of(OPERATOR, COUNTED_TROUBLES)
    since = OperatorSigns(store).watch_silent_since(now, WATCH_SILENT_AFTER)
    if since is not None and all(each.kind != OperatorKind.WATCH_SILENT for each in stored):
        stored.append(watch_silent(since, now))
    troubles = (
        OperatorTrouble(
            kind=each.kind,
            severity=each.severity,
            since=each.since,
            title=each.facts.title,
            text=each.facts.text,
            todo=each.facts.todo,
            link=each.facts.link,
            told=each.told_at,
        )
        for each in stored
    )
    return tuple(sorted(troubles, key=lambda each: (each.severity != Severity.CRITICAL, each.since)))


def _red_troubles(troubles: Iterable[OperatorTrouble], runs: Iterable[RunState]) -> Iterator[str]:
    """All but the failed runs among `runs`: how these ended says more."""
    told = {DagRun(run.dag, run.name).kind(OperatorKind.RUN_FAILED) for run in runs if run.state == "failed"}
    for each in troubles:
        if each.kind not in told:
            yield f"{each.severity}: {each.title} since {each.since:%Y-%m-%d %H:%M} UTC: {each.text}"


def _red_rules(in_force: RulesInForce) -> Iterator[str]:
    if not in_force.problems:
        return
    first, more = in_force.problems[0], len(in_force.problems) - 1
    what = f"{RULES_KEY} is wrong: {first}" + (f" (and {more} more)" if more else "")
    yield f"{what}; {'the last good rules are in force' if in_force.ref else 'without good rules every run fails'}"


def _red_runs(runs: Iterable[RunState], now: datetime) -> Iterator[str]:
    for run in runs:
        if run.state == "failed":
            yield f"{run.dag} {run.name} failed: {'; '.join(run.problems)}"
        elif run.state == "under way" and run.began and now - run.began > _RUNS_TOO_LONG:
            yield f"{run.dag} {run.name} began {run.began:%Y-%m-%d %H:%M} UTC and has not ended"


def _red_waiting(incoming: Waiting, claims: Waiting, now: datetime) -> Iterator[str]:
    if incoming.oldest and now - incoming.oldest > _WAITS_TOO_LONG:
        yield f"footage waits below incoming/ since {incoming.oldest:%Y-%m-%d %H:%M} UTC: is nightjar_watch running?"
    if claims.oldest and now - claims.oldest > _WAITS_TOO_LONG:
        yield f"a claim is open since {claims.oldest:%Y-%m-%d %H:%M} UTC: no live run has taken its batch up"
