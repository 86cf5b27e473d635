"""`make demo`: the main job from nothing: footage in, alerts out, and what came of it."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.errors import NightjarError
from nightjar.runtime.airflow_api import AirflowApi
from nightjar.stores.claims import CLAIMS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.health import ENDED_RUNS
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.record_keys import NEWS
from nightjar.stores.reports import REPORTS
from nightjar.stores.rules import RULES_KEY
from nightjar.stores.runs import LIVE, PATROL, REPORT, WATCH
from nightjar_local import deployment, images, outbox, progress, samples, settings
from nightjar_local.airflow import PAGES
from nightjar_local.deployment import Deployment
from nightjar_local.fresh import SETTINGS, alone_in
from nightjar_local.layout import DEMO, shown
from nightjar_local.processes import LocalError, termination_as_interrupt
from nightjar_local.samples import Sample
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import UI_PORT
from nightjar_local.summary import Bucket, Summary, as_table, headline, summarise, to_json
from nightjar_local.up import RULES

NEXT = f"""\
This deployment is stopped, and the next `make demo` begins anew. To see what came of the footage in the Airflow UI,
picture by picture, start a deployment that stays, with sample footage in it:

    make up DEMO=yes     # then open http://127.0.0.1:{UI_PORT}{PAGES}; it prints the address and the logins
"""
TIMEOUT = 900.0
EVERY = 0.5
# A wrong clock shows when it is off by the same again, over half an hour; a demo has a minute.
BETWEEN_VISITS = 65.0
IMPATIENT = {"NIGHTJAR_CLOCK_ARRIVALS": "2", "NIGHTJAR_CLOCK_SECONDS": str(int(BETWEEN_VISITS) - 5)}


def demo(directory: Path = DEMO) -> int:
    """Run it, keeping everything in `directory`; returns the exit code.

    It is 0 only if the runs succeeded and the counts add up.
    """
    clock = Clock()
    with alone_in(directory), termination_as_interrupt():
        value = images.build_all()
        footage = samples.footage()
        chosen = settings.for_once()
        settings.store(directory / SETTINGS, chosen)
        clock.lap("images and sample footage, with what had to be downloaded")
        clock.say("starting SeaweedFS and Airflow on loopback")
        with deployment.running(directory, chosen, variables=IMPATIENT) as running:
            clock.lap("start-up")
            clock.say(f"healthy; {len(footage)} pieces of footage go to {INCOMING}")
            summary, pieces = _watch_it_work(running, value, footage, clock, directory)
            clock.lap("from footage to alerts and report")
            clock.say("stopping")
        clock.lap("stopping")
    (directory / "summary.json").write_text(to_json(summary))
    print(f"\n{as_table(summary)}\n\n{clock.laps()}\n\n{headline(summary, pieces)}\n")
    if summary.report:
        print(f"Report:  {summary.report}")
    if index := outbox.write_pages(directory / "outbox"):
        print(f"E-mails: {shown(index)}")
    print(f"Summary: {shown(directory / 'summary.json')}\n\n{NEXT}")
    if problem := summary.problem():
        print(f"\nThe demo did not succeed: {problem}. Logs are in {shown(directory / 'logs')}.")
        return 1
    return 0


@dataclass(frozen=True)
class Outcome:
    """The live runs, all ended, with all their tasks."""

    runs: list[dict[str, Any]]
    tasks: list[dict[str, Any]]

    @property
    def state(self) -> str:
        """`success` if every run ended so."""
        return "success" if {run["state"] for run in self.runs} == {"success"} else "failed"


class Running(Protocol):
    """A deployment that is up, wherever it is."""

    @property
    def access(self) -> S3Access:
        """Its S3 server."""

    def check(self) -> None:
        """Raise LocalError if it cannot go on."""


class Clock:
    """Says what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = self._lap = time.monotonic()
        self._laps: dict[str, float] = {}
        self._told: dict[str, str] = {}

    def say(self, what: str) -> None:
        """Print a line."""
        print(f"{time.monotonic() - self._start:5.0f} s  {what}", flush=True)

    def lap(self, what: str) -> None:
        """Note how long it was since the lap before."""
        now = time.monotonic()
        self._laps[what], self._lap = now - self._lap, now

    def laps(self) -> str:
        """The laps and their sum, a line each."""
        laps = {**self._laps, "in all": sum(self._laps.values())}
        return "\n".join(f"{seconds:5.0f} s  {what}" for what, seconds in laps.items())

    def say_changes(self, dag: str, stages: Mapping[str, str]) -> None:
        """Print how far the stages of a DAG are, those that are farther than when last told."""
        news = {stage: word for stage, word in stages.items() if self._told.get(f"{dag} {stage}") != word}
        if news:
            self.say(f"{dag}: {', '.join(f'{stage} {word}' for stage, word in news.items())}")
            self._told |= {f"{dag} {stage}": word for stage, word in news.items()}


def _watch_it_work(
    running: Deployment, value: dict[str, Any], footage: list[Sample], clock: Clock, directory: Path
) -> tuple[Summary, int]:
    """The outcomes of the footage, and of how many pieces it was in the end."""
    upload(running.access, footage)
    landed = time.monotonic()
    with running.api() as api:
        api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
        api.start_dags([LIVE, REPORT, PATROL, WATCH], check=running.check)
        try:
            first = wait_for_runs(running, api, clock)
            time.sleep(max(0.0, landed + BETWEEN_VISITS - time.monotonic()))
            clock.say("a camera whose clock is wrong sends more")
            more = samples.second_visit(datetime.now(UTC))
            put_footage(running.access, more)
            outcome = wait_for_runs(running, api, clock)
            wait_for_news(running, api, clock, REPORT, NEWS)
            wait_for_news(running, api, clock, PATROL, ENDED_RUNS)
        except NightjarError as error:
            raise LocalError(f"{error}\n{_why(api)}") from None
        total = round(time.monotonic() - landed, 1)
        if outcome.state != "success":
            print(_why(api))
    seconds = {**progress.wall_seconds(first.tasks), "total": total}
    bucket = Bucket(running.access)
    bucket.download(OUTBOX, directory / "outbox")
    pages = sorted(page for page in bucket.download(REPORTS, directory / "reports") if page.suffix == ".html")
    summary = summarise(
        running.access,
        [str(run["dag_run_id"]) for run in outcome.runs],
        outcome.state,
        seconds,
        shown(pages[-1]) if pages else None,
    )
    return summary, len(footage) + len(more)


def upload(access: S3Access, footage: list[Sample]) -> None:
    """Put the rules, and then the footage."""
    access.client().put_object(Bucket=access.bucket, Key=RULES_KEY, Body=RULES.read_bytes())
    put_footage(access, footage)


def put_footage(access: S3Access, footage: list[Sample]) -> None:
    """Put the footage into the drop zone, as many uploaders at once would."""
    client = access.client()

    def put(sample: Sample) -> None:
        client.put_object(Bucket=access.bucket, Key=f"{INCOMING}{sample.name}", Body=sample.body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, footage))


def wait_for_runs(running: Running, api: AirflowApi, clock: Clock) -> Outcome:
    """Wait until everything that landed has been through a live run, saying what goes on.

    Raises LocalError if a component is given up, if collecting fails, or after a quarter of an hour.
    """
    deadline = time.monotonic() + TIMEOUT
    bucket = Bucket(running.access)
    while time.monotonic() < deadline:
        running.check()
        live = api.runs(LIVE)
        live_tasks = [task for run in live for task in api.tasks(LIVE, run["dag_run_id"])]
        watching = [task for run in api.runs(WATCH) for task in api.tasks(WATCH, run["dag_run_id"])]
        if live:
            clock.say_changes(LIVE, progress.describe(live_tasks))
        else:
            clock.say_changes(WATCH, progress.describe(watching))
        if any(progress.stage_of(task) == "collect" for task in progress.failed(watching)):
            raise LocalError(f"{WATCH} could not collect what landed")
        ended = bool(live) and all(run["state"] in {"success", "failed"} for run in live)
        # A claim goes when its live run has begun: without that, there is a moment in which nothing seems to go on.
        waits = bucket.keys(INCOMING) or bucket.keys(CLAIMS) or _collecting(watching)
        if ended and not waits:
            return Outcome(live, live_tasks)
        time.sleep(EVERY)
    raise LocalError(f"the footage was not through within {TIMEOUT:.0f} s")


def wait_for_news(running: Running, api: AirflowApi, clock: Clock, dag: str, news: str) -> None:
    """Wait until the runs of `dag` have ended and nothing is left below `news`, which live runs leave for them.

    Raises LocalError if a process dies, if a run of the DAG fails, or after a quarter of an hour.
    """
    deadline = time.monotonic() + TIMEOUT
    bucket = Bucket(running.access)
    while time.monotonic() < deadline:
        running.check()
        runs = api.runs(dag)
        tasks = [task for run in runs for task in api.tasks(dag, run["dag_run_id"])]
        clock.say_changes(dag, progress.describe(tasks))
        if progress.failed(tasks):
            raise LocalError(f"{dag} failed")
        under_way = any(run["state"] in {"queued", "running"} for run in runs)
        if not under_way and not bucket.keys(news):
            return
        time.sleep(EVERY)
    raise LocalError(f"{dag} was not through with {news} within {TIMEOUT:.0f} s")


def _collecting(watching: list[dict[str, Any]]) -> bool:
    """Whether a run of watch is past waiting: what it collects is not in a live run yet."""
    states = {(progress.stage_of(task), task["state"]) for task in watching}
    return any(("collect", state) in states for state in ("scheduled", "queued", "running", "up_for_retry"))


def _why(api: AirflowApi) -> str:
    """The ends of the logs of the tasks that failed, and the DAGs that do not parse."""
    found = [f"--- does not parse: {error}" for error in api.import_errors()]
    for dag in (WATCH, LIVE, REPORT, PATROL):
        for run in api.runs(dag):
            for task in progress.failed(api.tasks(dag, run["dag_run_id"])):
                end = "\n".join(api.log(task).splitlines()[-25:])
                found.append(f"--- {dag} {task['task_id']} {task['rendered_map_index'] or ''}\n{end}")
    return "\n".join(found)
