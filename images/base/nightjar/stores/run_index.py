"""The newest runs of a DAG, without listing those of the past: run folders are named by time, and looked for by it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.batch import RETRY
from nightjar.domain.layout import MANIFEST, last_segment
from nightjar.domain.release import Started
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.stores.runs import CANDIDATE, HISTORY, LIVE, PATROL, REPORT, Runs, run_prefix

_DAY = timedelta(days=1)
_DAYS_BACK = 7
_AT_ONCE = 8
# The stage whose manifest is the last that a run writes.
_LAST_STAGE: Mapping[str, str] = {
    LIVE: "record",
    HISTORY: "record",
    REPORT: "report",
    PATROL: "tell",
    CANDIDATE: "compare",
}


@dataclass(frozen=True)
class RunState:
    """A run as its folder tells it. `state` is `success`, `failed` or `under way`, also if it was stopped midway.

    `problems` say what failed; `ended` is None for a run that is under way, and `began` for one of release 0.1.
    `dag_run` is its id in Airflow, empty where that is not known.
    """

    dag: str
    name: str
    state: str
    began: datetime | None
    ended: datetime | None
    problems: tuple[str, ...] = ()
    rules_problems: tuple[str, ...] = ()
    dag_run: str = ""


def newest_runs(store: ObjectStore, dag: str, now: datetime, most: int) -> list[RunState]:
    """At most `most` runs of `dag` that began in the week before `now` (history: whose day is in these two months).

    Newest first. Costs a listing for each of at most a dozen periods, shorter ones first, and some requests a run.
    """
    names: set[str] = set()
    for period in _PERIODS[dag](now):
        prefixes = [f"{run_prefix(dag, '').rstrip('/')}/{kind}{period}" for kind in _KINDS[dag]]
        names |= {last_segment(folder) for prefix in prefixes for folder in store.list_folders(prefix)}
        if len(names) >= most:
            break
    newest = sorted(names, key=_time_in, reverse=True)[:most]
    return list(in_parallel(lambda name: _state(store, dag, name), newest, _AT_ONCE))


def _live_periods(now: datetime) -> Iterator[str]:
    """The beginnings of the times in batch ids: these ten minutes, this hour, the one before, whole days."""
    yield f"{now:%Y%m%dT%H%M}"[:-1]
    yield f"{now:%Y%m%dT%H}"
    yield f"{now - timedelta(hours=1):%Y%m%dT%H}"
    yield from (f"{now - back * _DAY:%Y%m%d}T" for back in range(_DAYS_BACK))


def _report_periods(now: datetime) -> Iterator[str]:
    """The days in Airflow's run ids, today's and those before."""
    yield from (f"{now - back * _DAY:%Y-%m-%d}" for back in range(_DAYS_BACK))


def _history_periods(now: datetime) -> Iterator[str]:
    """The beginnings of days: those of this month and of the one before."""
    yield f"{now:%Y-%m}"
    yield f"{now.replace(day=1) - _DAY:%Y-%m}"


# How the names of a DAG's runs begin, before the time.
_KINDS: Mapping[str, tuple[str, ...]] = {
    LIVE: ("", RETRY),
    HISTORY: ("",),
    REPORT: ("asset_triggered__", "scheduled__", "manual__"),
    PATROL: ("asset_triggered__", "scheduled__", "manual__"),
    CANDIDATE: ("asset_triggered__", "scheduled__", "manual__"),
}
_PERIODS: Mapping[str, Callable[[datetime], Iterator[str]]] = {
    LIVE: _live_periods,
    HISTORY: _history_periods,
    REPORT: _report_periods,
    PATROL: _report_periods,
    CANDIDATE: _report_periods,
}


def _time_in(name: str) -> str:
    """The part of a run's name that tells when it was made, whatever started it."""
    return name.partition("__")[2] or name.removeprefix(RETRY)


def _state(store: ObjectStore, dag: str, name: str) -> RunState:
    run = Runs(store).at(run_prefix(dag, name))
    began, dag_run = _started(store, run.started_key)
    try:
        problems = run.release()[0].rules_problems
    except InputError:
        problems = ()
    for key in (run.ended_key, f"{run.stage_prefix(_LAST_STAGE[dag])}{MANIFEST}"):
        written = store.head(key)
        # An older one is of an earlier start: the run was cleared since.
        if written and (began is None or written.modified_at >= began):
            ended = run.ended() if key == run.ended_key else None
            state, failed = (ended.state, ended.problems) if ended else ("success", ())
            return RunState(dag, name, state, began, written.modified_at, failed, problems, dag_run)
    return RunState(dag, name, "under way", began, None, (), problems, dag_run)


def _started(store: ObjectStore, key: str) -> tuple[datetime | None, str]:
    """When the run began, and its id in Airflow."""
    try:
        data, info = store.get(key)
        return info.modified_at, Started.model_validate_json(data).dag_run
    except ObjectMissingError:
        return None, ""
    except (ValueError, InputError):  # damaged: that it is there says enough
        written = store.head(key)
        return written.modified_at if written else None, ""


def runs_between(store: ObjectStore, dag: str, first: datetime, last: datetime) -> list[str]:
    """The names of the runs of `dag` whose name says a time from `first` to `last` (UTC), the newest first.

    A live run is named by the landing of its first footage, a history run by the day that it works on, any other by the
    time for which it was made. Costs a listing for each kind of name and hour, or day, if that is over two days; of
    history, for each month.
    """
    names: set[str] = set()
    for period in _between(dag, first, last):
        prefixes = [f"{run_prefix(dag, '').rstrip('/')}/{kind}{period}" for kind in _NAMED.get(dag, AIRFLOWS)]
        names |= {last_segment(folder) for prefix in prefixes for folder in store.list_folders(prefix)}
    bounds = _digits(first.isoformat(), dag), _digits(last.isoformat(), dag)
    within = [name for name in names if bounds[0] <= _digits(_time_in(name), dag) <= bounds[1]]
    return sorted(within, key=_time_in, reverse=True)


# How Airflow begins the ids of runs that it names itself.
AIRFLOWS = ("asset_triggered__", "scheduled__", "manual__", "backfill__")
_NAMED: Mapping[str, tuple[str, ...]] = {LIVE: ("", RETRY), HISTORY: ("",)}


def _between(dag: str, first: datetime, last: datetime) -> Iterator[str]:
    """The beginnings of the times in names, from `first` to `last`."""
    if dag == HISTORY:
        yield from sorted({f"{first.date() + n * _DAY:%Y-%m}" for n in range((last.date() - first.date()).days + 1)})
        return
    step, form = (_DAY, "%Y%m%d") if last - first > 2 * _DAY else (timedelta(hours=1), "%Y%m%dT%H")
    if dag != LIVE:
        form = form.replace("%Y%m%d", "%Y-%m-%d")
    moment = first.replace(minute=0, second=0, microsecond=0)
    periods = set[str]()
    while moment <= last:
        periods.add(f"{moment:{form}}")
        moment += step
    yield from sorted({*periods, f"{last:{form}}"})


def _digits(text: str, dag: str) -> str:
    """The digits of a time as far as names of `dag` are compared by it: to the second; of history, to the day."""
    digits = "".join(character for character in text if character.isascii() and character.isdigit())
    return digits[: 8 if dag == HISTORY else 14]
