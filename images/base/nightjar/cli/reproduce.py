"""`nightjar reproduce`: does a run again on the versions that it was worked from, and says whether the results are the
same."""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nightjar.errors import InputError, TryAgainError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.reproduction.answer import Answer
    from nightjar.runtime.airflow_api import AirflowApi
    from nightjar.runtime.store import ObjectStore

DIFFERS = 1  # the exit code, as that of diff
_ENDED = frozenset({"success", "failed"})
_POLL = 2.0  # seconds
_LONGEST_SENTENCE = 500


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reproduce` to the command line."""
    reproduce = commands.add_parser(
        "reproduce",
        help="do a run again on the versions that it was worked from, and compare the results",
        description="Work the shards of a run again (validate, detect, assess), by the same images, settings and rules "
        "on the same versions of everything, and say whether the results are the same: byte for byte, or by what they "
        "differ. Nobody is alerted, and nothing is written but below reproductions/. Exit code 0: the same; 1: they "
        "differ; 65: not all of it could be done again. Needs Airflow's REST API, which runs nightjar_reproduce.",
    )
    reproduce.add_argument(
        "name",
        metavar="RUN",
        help="nightjar_live/<batch id>, nightjar_history/<day>, a batch id or a day; or the id of a reproduction, with "
        "--show",
    )
    reproduce.add_argument(
        "--shard", action="append", default=[], metavar="NAME", help="only this shard; may be repeated"
    )
    reproduce.add_argument(
        "--anew", action="store_true", help="of a day's run: compute also what it took over from earlier runs"
    )
    reproduce.add_argument("--json", action="store_true", help="print the answer as JSON")
    how = reproduce.add_mutually_exclusive_group()
    how.add_argument("--no-wait", action="store_true", help="begin it, print its id, and do not wait for its end")
    how.add_argument("--show", action="store_true", help="print the answer of a reproduction that has ended")
    reproduce.add_argument(
        "--wait", type=_seconds, default=6 * 3600, metavar="SECONDS", help="at most; default: 6 hours"
    )
    reproduce.set_defaults(run=run_reproduce)


def run_reproduce(given: argparse.Namespace) -> int:
    """Do it; returns 0 if the results are the same, and 1 if they differ.

    Raises UsageError for a run that is none and for an Airflow that cannot be asked, InputError where not all could be
    done again, after the answer was printed, and TryAgainError when it took too long.
    """
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load
    from nightjar.settings.airflow import connect
    from nightjar.stores.reproductions import Reproductions, reproducible_run

    store = S3Store(load(StoreSettings))
    if given.show:
        answer = Reproductions(store).answer(given.name)
        if answer is None:
            raise InputError(
                f"expected the answer of reproduction {given.name}, found none: it has not ended, or expired"
            )
        return shown(answer, as_json=given.json)
    reproducible_run(store, given.name)
    reproduction = new_id(datetime.now(UTC))
    conf = {"run": given.name, "shards": given.shard, "anew": given.anew}
    with connect() as airflow:
        begin(airflow, reproduction, conf)
        if given.no_wait:
            sys.stdout.write(f"{reproduction}\n")
            return 0
        _say(f"reproduction {reproduction} began; its run of nightjar_reproduce has the same name")
        answer = wait_for(airflow, store, reproduction, given.wait)
    return shown(answer, as_json=given.json)


def new_id(now: datetime) -> str:
    """An id for a reproduction that begins now, which no other has."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def begin(airflow: "AirflowApi", reproduction: str, conf: dict[str, Any]) -> None:
    """Start the run; raises UsageError where Airflow has no such DAG, or has it paused."""
    from nightjar.stores.runs import REPRODUCE

    dag = airflow.dags().get(REPRODUCE)
    if dag is None:
        raise UsageError(f"expected a DAG {REPRODUCE} in Airflow, found none: its DAGs are of a release before 0.3")
    if dag.get("is_paused"):
        raise UsageError(f"expected DAG {REPRODUCE} to run, it is paused: airflow dags unpause {REPRODUCE}")
    airflow.trigger(REPRODUCE, reproduction, conf)


def wait_for(
    airflow: "AirflowApi",
    store: "ObjectStore",
    reproduction: str,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> "Answer":
    """The answer, once its run has ended. A run that ended without says why: raises InputError.

    Raises TryAgainError when it has not ended within `seconds`; it goes on.
    """
    from nightjar.stores.reproductions import Reproductions
    from nightjar.stores.runs import REPRODUCE

    ends = time.monotonic() + seconds
    while True:
        state = str((airflow.run(REPRODUCE, reproduction) or {}).get("state"))
        if state in _ENDED:
            break
        if time.monotonic() > ends:
            raise TryAgainError(
                f"reproduction {reproduction} is {state} after {seconds:,.0f} s, and goes on; later, "
                f"`nightjar reproduce --show {reproduction}` prints its answer"
            )
        sleep(_POLL)
    answer = Reproductions(store).answer(reproduction)
    failed = list(_failed(airflow, reproduction)) if state == "failed" else []
    if answer is None:
        raise InputError(f"reproduction {reproduction} came to no answer: {'; '.join(failed) or 'its tasks say why'}")
    for sentence in failed:
        _say(sentence)
    return answer


def shown(answer: "Answer", *, as_json: bool) -> int:
    """Print the answer; returns the exit code, or raises InputError where not all could be done again."""
    from nightjar.domain.reproduction.answer import Verdict
    from nightjar.domain.reproduction.words import said, told

    if as_json:
        sys.stdout.write(answer.model_dump_json(by_alias=True, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in told(answer))
    sys.stdout.flush()
    if answer.verdict == Verdict.SAME:
        return 0
    if answer.verdict == Verdict.DIFFERS:
        return DIFFERS
    raise InputError(f"{answer.run}: {said(answer)}")


def _failed(airflow: "AirflowApi", reproduction: str) -> Iterator[str]:
    """The last words of the tasks that failed, a sentence each; `compare_with_run` only repeats it."""
    from nightjar.stores.runs import REPRODUCE

    for task in airflow.tasks(REPRODUCE, reproduction):
        if task["state"] == "failed" and task["task_id"] != "compare_with_run":
            lines = [line for line in airflow.log(task).splitlines() if line.strip()]
            where = f" ({task['rendered_map_index']})" if task.get("rendered_map_index") else ""
            yield f"{task['task_id']}{where}: {lines[-1][:_LONGEST_SENTENCE] if lines else 'it logged nothing'}"


def _say(text: str) -> None:
    """To who waits; the answer alone goes to standard output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e7:
        raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text!r}")
    return seconds
