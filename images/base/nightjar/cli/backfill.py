"""`nightjar backfill`: lets nightjar_history run over past days, says which have run already, and redoes them if asked.

`airflow backfill create` skips days that have run without a word. Only Airflow knows its runs, so this calls it.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from time import sleep

from nightjar.errors import TryAgainError, UsageError

DAG = "nightjar_history"
CANDIDATE_DAG = "nightjar_candidate"
CANDIDATE = "detect_candidate"  # in the conf of a run of either
UNDER_WAY = frozenset({"queued", "running"})
_MIDNIGHT, _AFTER_MIDNIGHT = time(), time(0, 0, 1)
_DAY = timedelta(days=1)
_MOST_DAYS = 3660
_SAID = 20  # lines of what airflow said when it failed

_PAUSES = (2.0, 4.0, 8.0, 16.0)  # seconds before the next try while Airflow's database is locked

Airflow = Callable[[Sequence[str]], str]  # runs `airflow …` and returns its output


class LockedError(TryAgainError):
    """Airflow's database is locked: SQLite, which a laptop has, takes one writer at a time."""


@dataclass(frozen=True)
class Plan:
    """The days of a backfill: those that get a run, those that have ended, those that are under way.

    The runs that are there come with their state.
    """

    new: tuple[date, ...]
    ended: Mapping[date, str]
    under_way: Mapping[date, str]


@dataclass(frozen=True)
class Asked:
    """The wishes that the runs are started with: `redo` runs days again that have run.

    `candidate` is the tag of a detector. With `everything`, the moment of now, they look at every picture.
    """

    redo: bool = False
    everything: datetime | None = None
    candidate: str | None = None

    @property
    def conf(self) -> dict[str, str]:
        """The conf of a run of history."""
        look = {"look": "everything"} if self.everything else {}
        return look | ({CANDIDATE: self.candidate} if self.candidate else {})


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `backfill` to the command line."""
    backfill = commands.add_parser(
        "backfill",
        help="let nightjar_history run over past days, and say which have run already",
        description="Let nightjar_history run over each day from --from up to and with --to that has not run. Days "
        "that have run are named and skipped; with --redo they run again, by the release of now. Needs the command "
        "airflow, as in the Airflow image or, on a laptop, after `source .nightjar/env`.",
    )
    backfill.add_argument("--from", dest="first", type=_day, required=True, metavar="DAY", help="a UTC day: 2026-11-20")
    backfill.add_argument("--to", dest="last", type=_day, required=True, metavar="DAY", help="up to and with this day")
    backfill.add_argument("--redo", action="store_true", help="also run the days again that have run")
    backfill.add_argument(
        "--look-at-everything",
        action="store_true",
        help="have the detector look at every picture that it has not looked at, whatever NIGHTJAR_LOOK says",
    )
    backfill.add_argument(
        "--candidate",
        metavar="TAG",
        help="have this detector look at the days as well, beside the deployed one, and compare both; days that have "
        "run are not run again for that",
    )
    backfill.add_argument("--dry-run", action="store_true", help="only say what would be done")
    backfill.add_argument("--max-active-runs", type=int, default=2, metavar="N", help="days at once; default: 2")
    backfill.set_defaults(run=run_backfill)


def run_backfill(given: argparse.Namespace) -> int:
    """Do it, saying what is done with which days; returns 0."""
    days = days_between(given.first, given.last, datetime.now(UTC).date())
    if given.max_active_runs < 1:
        raise UsageError(f"expected --max-active-runs of at least 1, got {given.max_active_runs}")
    airflow = patient(call_airflow)
    plan = plan_for(days, states_of_days(airflow, days))
    for line in described(plan, redo=given.redo, candidate=given.candidate):
        sys.stdout.write(f"{line}\n")
    if not given.dry_run:
        asked = Asked(given.redo, datetime.now(UTC) if given.look_at_everything else None, given.candidate)
        carry_out(airflow, plan, asked, at_once=given.max_active_runs)
    return 0


def days_between(first: date, last: date, today: date) -> list[date]:
    """The days from `first` to `last`; raises UsageError for none, too many, and for days that are not over."""
    if not first <= last < today:
        raise UsageError(f"expected --from up to --to, both before today ({today}, UTC), got {first} and {last}")
    number = (last - first).days + 1
    if number > _MOST_DAYS:
        raise UsageError(f"expected at most {_MOST_DAYS} days, got {number}")
    return [first + back * _DAY for back in range(number)]


def states_of_days(airflow: Airflow, days: Sequence[date]) -> dict[date, str]:
    """The state of the run over each of `days` that has one."""
    said = airflow(["dags", "list-runs", DAG, "-s", f"{days[0]}", "-e", f"{days[-1]}T23:59:59", "-o", "json"])
    # Airflow's own log lines stand before its answer.
    answer = next((line for line in reversed(said.splitlines()) if line.startswith("[{") or line == "[]"), None)
    if answer is None:
        raise TryAgainError(f"expected a list of runs from airflow, got {said[-300:]!r}")
    runs = sorted(json.loads(answer), key=lambda run: str(run["run_after"]))
    dated = ((datetime.fromisoformat(run["logical_date"]), str(run["state"])) for run in runs if run["logical_date"])
    # A run by hand is over the day before its logical date, which is not at midnight.
    states = {moment.date(): state for moment, state in dated if moment.time() == _MIDNIGHT}
    return {day: states[day] for day in days if day in states}


def plan_for(days: Iterable[date], states: Mapping[date, str]) -> Plan:
    """Sort the days by the state of their runs."""
    return Plan(
        new=tuple(day for day in days if day not in states),
        ended={day: state for day, state in states.items() if state not in UNDER_WAY},
        under_way={day: state for day, state in states.items() if state in UNDER_WAY},
    )


def described(plan: Plan, *, redo: bool, candidate: str | None = None) -> Iterator[str]:
    """The plan for a person, a line each."""
    if plan.new:
        yield f"{_number(plan.new, 'gets', 'get')} a run: {_list(plan.new)}"
    if plan.under_way:
        yield f"{_number(plan.under_way, 'is', 'are')} left alone, being under way: {_list(plan.under_way)}"
    if plan.ended and redo:
        yield f"{_number(plan.ended, 'runs', 'run')} again: {_list(_with_states(plan.ended))}"
    elif plan.ended and candidate:
        days = _number(plan.ended, "has run and is", "have run and are")
        yield f"{days} looked at by {candidate} alone: {_list(_with_states(plan.ended))}"
    elif plan.ended:
        yield f"{_number(plan.ended, 'is', 'are')} skipped, having run already: {_list(_with_states(plan.ended))}"
        first, last = min(plan.ended), max(plan.ended)
        yield f"To run them again: nightjar backfill --from {first} --to {last} --redo; or clear a day's run in the UI."


def carry_out(airflow: Airflow, plan: Plan, asked: Asked, *, at_once: int) -> None:
    """Make the runs of new days and, with `redo`, clear those that have ended.

    A run keeps the conf that it was made with. So days whose run has ended and that are asked for more than that get
    another one, by hand: its logical date is on the day after, at the time of now. A candidate looks at days that have
    ended, and are not to run again, by itself.
    """
    conf = json.dumps(asked.conf)
    if asked.redo and asked.conf:
        now = asked.everything or datetime.now(UTC)
        for day in sorted(plan.ended):
            moment = datetime.combine(day + _DAY, max(now.time().replace(microsecond=0), _AFTER_MIDNIGHT), UTC)
            airflow(["dags", "trigger", DAG, "--logical-date", moment.isoformat(), "--conf", conf])
    elif asked.redo:
        for first, last in _ranges(sorted(plan.ended)):
            # By logical date, the beginning of the day; all tasks, so that the run is pinned to the release of now.
            airflow(["tasks", "clear", DAG, "-s", f"{first}", "-e", f"{last}", "--yes"])
    elif asked.candidate:
        for day in sorted(plan.ended):
            of_day = json.dumps({CANDIDATE: asked.candidate, "day": f"{day}"})
            airflow(["dags", "trigger", CANDIDATE_DAG, "--conf", of_day])
    if plan.new:
        arguments = ["--from-date", f"{plan.new[0]}", "--to-date", f"{plan.new[-1]}", "--reprocess-behavior", "none"]
        arguments += ["--dag-run-conf", conf] if asked.conf else []
        airflow(["backfill", "create", "--dag-id", DAG, *arguments, "--max-active-runs", f"{at_once}"])


def patient(airflow: Airflow, pauses: Sequence[float] = _PAUSES) -> Airflow:
    """`airflow`, tried again after each of `pauses`, in seconds, while its database is locked.

    Airflow takes back what it began when that happens, so that nothing is made twice.
    """

    def call(arguments: Sequence[str]) -> str:
        for pause in pauses:
            try:
                return airflow(arguments)
            except LockedError:
                sleep(pause)
        return airflow(arguments)

    return call


def call_airflow(arguments: Sequence[str]) -> str:
    """Run `airflow …`; returns its output. Raises UsageError when there is no such command or it fails.

    Raises TryAgainError when it fails for now: another backfill is under way, or (LockedError) its database is locked.
    """
    program = shutil.which("airflow")
    if program is None:
        raise UsageError("expected the command airflow on the PATH; on a laptop: source .nightjar/env")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise _failure(" ".join(arguments[:2]), done.returncode, done.stdout + done.stderr)
    return done.stdout


def _failure(command: str, code: int, said: str) -> UsageError | TryAgainError:
    if "AlreadyRunningBackfill" in said:
        return TryAgainError(
            f"expected no other backfill of {DAG} under way, since Airflow takes one at a time; no new run was made. "
            "Wait until its runs have ended, then give the command again"
        )
    if "database is locked" in said:
        return LockedError(
            f"airflow {command}: its database was locked by other work all the time; give the command again"
        )
    last = "\n".join(said.splitlines()[-_SAID:])
    return UsageError(f"airflow {command} ended with exit code {code}:\n{last}")


def _ranges(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """`days`, sorted, as ranges without gaps."""
    start = 0
    for n, day in enumerate(days):
        if n + 1 == len(days) or days[n + 1] != day + _DAY:
            yield days[start], day
            start = n + 1


def _with_states(states: Mapping[date, str]) -> list[str]:
    return [f"{day} ({state})" for day, state in sorted(states.items())]


def _list(days: Iterable[object]) -> str:
    return ", ".join(map(str, days))


def _number(days: "Sequence[date] | Mapping[date, str]", singular: str, plural: str) -> str:
    return f"1 day {singular}" if len(days) == 1 else f"{len(days)} days {plural}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a UTC day like 2026-11-20, got {text!r}") from None
