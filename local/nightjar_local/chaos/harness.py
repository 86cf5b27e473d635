"""One round of chaos: a deployment of its own, footage, faults, a time to settle, the account."""

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.errors import InputError
from nightjar.runtime.airflow_api import AirflowApi
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.drop_zone import INCOMING, DropZone
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger
from nightjar.stores.runs import LIVE, REPORT, WATCH, Runs
from nightjar_local import deployment, images, settings
from nightjar_local.chaos.accounting import AlertOfEvent, LiveRun, Remains
from nightjar_local.chaos.mail import REPLIES, delivered, spoilt
from nightjar_local.chaos.plan import Fault, MailFault, ProcessFault, S3Fault, S3Spoil, make_plan, named
from nightjar_local.chaos.rounds import Round
from nightjar_local.chaos.s3_proxy import S3Proxy
from nightjar_local.chaos.traffic import Uploader, footage
from nightjar_local.chaos.victims import Hits
from nightjar_local.deployment import Deployment
from nightjar_local.fresh import SETTINGS, alone_in
from nightjar_local.processes import LocalError, termination_as_interrupt, wait_for
from nightjar_local.seaweedfs import S3Access
from nightjar_local.sendgrid_double import SendGridDouble
from nightjar_local.status import status
from nightjar_local.up import put_rules

UPLOAD_SECONDS = 1.0
WORK_SECONDS = 180.0
SETTLE_SECONDS = 420.0
PATIENCE_SECONDS = 15.0  # how long a process is waited for that is to be hit
UNDER_WAY = ("queued", "running")


def run(directory: Path, seed: int, seconds: float) -> Round:
    """Run a round in `directory`, alone and afresh; raises LocalError if the deployment does not come up at all."""
    with alone_in(directory), termination_as_interrupt():
        return _run(directory, seed, seconds)


def _run(directory: Path, seed: int, seconds: float) -> Round:
    value = images.build_all()
    chosen = settings.for_once()
    settings.store(directory / SETTINGS, chosen)
    with SendGridDouble() as mail, S3Proxy(chosen.s3_port) as proxy:
        variables = {
            "NIGHTJAR_S3_ENDPOINT": proxy.url,
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "SENDGRID_API_URL": mail.url,
            "SENDGRID_API_KEY": "SG.chaos",
            "NIGHTJAR_MAIL_FROM": "nightjar@example.com",
        }
        _say("starting SeaweedFS and Airflow on loopback")
        with (
            deployment.running(directory, chosen, variables=variables) as running,
            running.api() as api,
            _credentials(running.access),
        ):
            put_rules(running.access)
            api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
            api.start_dags([REPORT, LIVE, WATCH], check=running.check)
            result = Round(seed, seconds)
            uploader = Uploader(running.access, footage(seed, datetime.now(UTC)), UPLOAD_SECONDS)
            uploader.start()
            _say("footage lands")
            _wait_for_work(running, api)
            _say(f"for {seconds:.0f} s faults come, from seed {seed}")
            _hit(running, make_plan(seed, seconds), proxy, mail, result)
            uploader.stop()
            _say(f"{len(uploader.tries)} objects have landed; no more faults: waiting until all is settled")
            result.settled_after = _settle(running, api)
            result.restarts = status(running.supervisor)
            result.done.update({f"S3 call {how}": number for how, number in proxy.spoilt.items()})
            result.done.update({f"mail {how}": number for how, number in spoilt(mail.exchanges).items()})
            result.remains = _remains(running, api, uploader, mail)
            _say("stopping")
    return result


def _wait_for_work(running: Deployment, api: AirflowApi) -> None:
    """Wait until a live run is under way, so that the faults meet all stages."""
    wait_for("a first live run", lambda: bool(api.runs(LIVE)), running.check, timeout=WORK_SECONDS, every=1)


def _hit(running: Deployment, plan: Sequence[Fault], proxy: S3Proxy, mail: SendGridDouble, result: Round) -> None:
    """Do what the plan says, when it says so; a process that is not there is waited for a while."""
    hits, begun = Hits(running), time.monotonic()
    coming, pending = deque(plan), list[ProcessFault]()
    try:
        while coming or pending:
            now = time.monotonic() - begun
            hits.thaw()
            while coming and coming[0].at <= now:
                match coming.popleft():
                    case S3Fault() as fault:
                        proxy.spoil(fault.spoil, fault.calls)
                    case MailFault() as fault:
                        mail.answers.append(REPLIES[fault.spoil])
                    case ProcessFault() as fault:
                        pending.append(fault)
            for fault in list(pending):
                if hits.hit(fault):
                    result.done[named(fault)] += 1
                elif now < fault.at + PATIENCE_SECONDS:
                    continue
                else:
                    result.missed[named(fault)] += 1
                pending.remove(fault)
            time.sleep(0.1)
    finally:
        hits.thaw_all()
        proxy.spoil(S3Spoil.DELAY, 0)


def _settle(running: Deployment, api: AirflowApi) -> float:
    """Wait until nothing waits or runs and all is healthy, twice in a row, or for SETTLE_SECONDS; how long it took."""
    begun, calm = time.monotonic(), 0
    while calm < 2 and time.monotonic() - begun < SETTLE_SECONDS:
        time.sleep(2)
        with contextlib.suppress(LocalError):
            calm = 0 if any(_unsettled(running, api)) else calm + 1
    return time.monotonic() - begun


def _unsettled(running: Deployment, api: AirflowApi) -> Iterator[bool]:
    """Whether there is still something to do, cheapest first."""
    yield not api.is_healthy()
    yield not all(each.is_running for each in status(running.supervisor))
    yield bool(_waiting(running))
    yield any(run["state"] in UNDER_WAY for dag in (LIVE, REPORT) for run in api.runs(dag))
    watching = [task for run in api.runs(WATCH)[:1] for task in api.tasks(WATCH, run["dag_run_id"])]
    yield not any(task["task_id"] == "wait_for_footage" and task["state"] == "deferred" for task in watching)


def _waiting(running: Deployment) -> list[str]:
    zone = DropZone(_store(running))
    return sorted(version.key for version in zone.waiting(zone.survey().withdrawn))


def _remains(running: Deployment, api: AirflowApi, uploader: Uploader, mail: SendGridDouble) -> Remains:
    store = _store(running)
    return Remains(
        uploads={f"{INCOMING}{name}": tries for name, tries in uploader.tries.items()},
        runs=[_live_run(Runs(store), run["dag_run_id"], run["state"]) for run in api.runs(LIVE)],
        alerts=list(_alerts(store)),
        messages=delivered(mail.exchanges),
        waiting=_waiting(running),
        unhealthy=list(_unhealthy(running, api)),
    )


def _live_run(runs: Runs, run_id: str, state: str) -> LiveRun:
    run = runs.live(run_id)
    try:
        counts = run.account().counts
    except InputError:
        counts = None
    return LiveRun(run_id, state, run.batch()[0], counts)


def _alerts(store: S3Store) -> Iterator[AlertOfEvent]:
    """Every current event of the days that footage of this round may be of."""
    events, ledger, today = Events(store), Ledger(store), datetime.now(UTC).date()
    for day in (today - timedelta(days=1), today):
        for event in events.of_day(day):
            if event.is_current:
                line = ledger.find(event)
                yield AlertOfEvent(event.id, str(line.alert.state) if line else None)


def _unhealthy(running: Deployment, api: AirflowApi) -> Iterator[str]:
    for component in status(running.supervisor):
        if not component.is_running:
            yield f"{component.name}: {component.state}, last death: {component.last_death}"
    for name, health in api.health().items():
        if health != "healthy":
            yield f"{name}: Airflow says {health}"


def _store(running: Deployment) -> S3Store:
    """The bucket, reached directly and not through the proxy."""
    return S3Store(StoreSettings(bucket=running.access.bucket, s3_endpoint=running.access.endpoint))


@contextlib.contextmanager
def _credentials(access: S3Access) -> Iterator[None]:
    """Within it, this process's environment has the credentials of the server, which S3Store looks for there."""
    before = dict(os.environ)
    os.environ.update(access.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {text}", flush=True)
