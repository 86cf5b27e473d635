"""`make test-cluster`: looks at the cluster, installs the chart, sees footage become alerts, removes everything."""

import contextlib
import json
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.runs import HISTORY, LIVE
from nightjar_local import samples, scenes
from nightjar_local.cluster import objects, place, policies, preflight
from nightjar_local.cluster.counts import count_problems
from nightjar_local.cluster.deployed import Deployed
from nightjar_local.cluster.engine import Engine, merged, values_of_file
from nightjar_local.cluster.kube import Kubernetes
from nightjar_local.cluster.observer import Observer, is_running, labels, same_work
from nightjar_local.cluster.options import Options, from_environment
from nightjar_local.cluster.outcomes import Outcome, Outcomes, as_table
from nightjar_local.cluster.tools import Tools
from nightjar_local.cluster.values import ADMIN, S3_SECRET, chart_values
from nightjar_local.demo import Clock, put_footage, upload, wait_for_runs
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access
from nightjar_local.summary import Bucket, headline, summarise

UI_PORT = 8080
INSTALL_SECONDS = 300
HEALTHY_SECONDS = 600.0
ALERT_SECONDS = 120.0
PERSONS_CAMERA = "alice-porch"  # its last event is long over, so that a person is a new one


def test_cluster(environment: Mapping[str, str], tools: Tools = Tools()) -> int:  # noqa: B008, it is frozen
    """Run it; returns the exit code, 0 only if nothing failed. Raises LocalError for options that are no good."""
    options = from_environment(environment)
    kubernetes, outcomes = tools.connect(options), Outcomes()
    engine = tools.helm(options)
    try:
        if not look(kubernetes, options, outcomes):
            return 1
        with place.namespaces(kubernetes, options, engine, outcomes), bounded(options.minutes):
            install_and_try(kubernetes, options, engine, outcomes, tools)
    except LocalError as error:
        outcomes.say(f"given up: {error}")
        outcomes.add(Outcome("test", "failed", str(error)))
    finally:
        print(f"\n{as_table(outcomes.all)}\n", flush=True)
    return 1 if outcomes.failed else 0


@contextlib.contextmanager
def bounded(minutes: float) -> Iterator[None]:
    """Within it, and so before the removal, the time of the whole run raises KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt(f"MINUTES={minutes:g}")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def look(kubernetes: Kubernetes, options: Options, outcomes: Outcomes) -> bool:
    """Look at the cluster before anything is made; returns whether it is good enough."""
    outcomes.add(preflight.version(kubernetes.call("GET", "/version")))
    outcomes.add(preflight.rights(kubernetes, options.release))
    if not outcomes.failed:
        outcomes.add(preflight.room_on_nodes(list(kubernetes.list("Node")), kubernetes.list("Pod")))
    return not outcomes.failed


def install_and_try(kubernetes: Kubernetes, options: Options, engine: Engine, outcomes: Outcomes, tools: Tools) -> None:
    """Everything between the first namespace and the removal. Raises LocalError where it cannot go on."""
    with outcomes.timed("images", needed=True):
        place.look_at_images(kubernetes, options)
    with contextlib.ExitStack() as stack:
        with outcomes.timed("S3 server", needed=True):
            outside, inside = stack.enter_context(place.s3_server(kubernetes, options, tools.forward))
        password = secrets.token_urlsafe(16)
        with outcomes.timed("install", needed=True):
            for namespace in (options.release, options.stages):
                kubernetes.create(objects.secret(namespace, S3_SECRET, objects.s3_secret(inside), options))
            login = {"user": "admin", "password": password}
            kubernetes.create(objects.secret(options.release, ADMIN, login, options))
            values = chart_values(options, inside, options.api_server or place.api_endpoint(kubernetes))
            if options.values:
                values = merged(values, values_of_file(options.values))
            engine.install(values, INSTALL_SECONDS)
        with outcomes.timed("Airflow is healthy", needed=True):
            deployed = stack.enter_context(reach(kubernetes, options, outside, password, tools))
        observer = Observer(kubernetes, options.stages)
        with observer.looking():
            try_it(deployed, observer, outcomes, tools)
        planted = (inside.secret_access_key, password)
        look_at_policies(deployed, observer, outcomes, planted)


@contextlib.contextmanager
def reach(
    kubernetes: Kubernetes, options: Options, access: S3Access, password: str, tools: Tools
) -> Iterator[Deployed]:
    """A signed-in client of the installed Airflow, as soon as it is healthy."""
    selector = "app.kubernetes.io/component=airflow"
    place.wait_until("Airflow's pod", lambda: any(kubernetes.list("Pod", options.release, selector)), 60)
    [pod, *_] = kubernetes.list("Pod", options.release, selector)
    name = str(pod["metadata"]["name"])
    with (
        tools.forward(kubernetes, options.release, name, UI_PORT) as port,
        tools.airflow(f"http://127.0.0.1:{port}", password) as api,
    ):
        place.wait_until("Airflow to be healthy", api.is_healthy, HEALTHY_SECONDS)
        yield Deployed(kubernetes, options, access, api, name)


def try_it(deployed: Deployed, observer: Observer, outcomes: Outcomes, tools: Tools) -> None:
    """Footage to alerts, with a killed pod, another tag, a day of history, and the seconds to one alert."""
    clock, api, options = Clock(), deployed.api, deployed.options
    footage = samples.footage()
    observer.kill_first(is_running("detect", "validate"))
    landed = time.monotonic()
    with outcomes.timed("live run", needed=True):
        upload(deployed.access, footage)
        wait_for_runs(deployed, api, clock)
    killed = observer.killed
    again = same_work(killed, observer.seen) if killed else []
    outcomes.expect("a killed pod is retried", [] if again else ["no pod was killed in mid-run, or none came after it"])
    if options.second_tag:
        value = {"registry": options.registry, **dict.fromkeys(STAGE_IMAGES, options.second_tag)}
        api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
    time.sleep(max(0.0, landed + tools.between_visits - time.monotonic()))
    more = samples.second_visit(datetime.now(UTC))
    with outcomes.timed("second run", needed=True):
        before = {pod["metadata"]["uid"] for pod in observer.seen}
        put_footage(deployed.access, more)
        outcome = wait_for_runs(deployed, api, clock)
    runs = [str(run["dag_run_id"]) for run in outcome.runs]
    summary = summarise(deployed.access, runs, outcome.state, {}, None)
    found = headline(summary, len(footage) + len(more))
    outcomes.expect("counts", count_problems(found, summary.problem(), tools.expected))
    if options.second_tag:
        later = [
            pod
            for pod in observer.seen
            if pod["metadata"]["uid"] not in before and labels(pod).get("nightjar/run") == runs[0]
        ]
        images = {pod["spec"]["containers"][0]["image"] for pod in later}
        wrong = [image for image in images if not image.partition("@")[0].endswith(f":{options.second_tag}")]
        outcomes.expect("the next run uses another tag", wrong if images else ["no pod of the next run was seen"])
    else:
        outcomes.add(Outcome("the next run uses another tag", "not tried", "SECOND_TAG names none"))
    with outcomes.timed("seconds to an alert") as said:
        said.append(f"{seconds_to_an_alert(deployed):.1f} s from landing to alert")
    with outcomes.timed("a day of history"):
        look_at_yesterday(deployed, clock)


def seconds_to_an_alert(deployed: Deployed) -> float:
    """From the landing of one picture of a person until its alert is written. Raises LocalError after two minutes."""
    bucket = Bucket(deployed.access)

    def alerts() -> set[str]:
        """Of this camera: others may be told of meanwhile, and a camera in trouble is."""
        return {key for key in bucket.keys(OUTBOX) if f"/{PERSONS_CAMERA}/" in key}

    before = alerts()
    landed = time.monotonic()
    _land(deployed, PERSONS_CAMERA, datetime.now(UTC), "astronaut.png")
    place.wait_until("the alert", lambda: bool(alerts() - before), ALERT_SECONDS)
    return time.monotonic() - landed


def look_at_yesterday(deployed: Deployed, clock: Clock) -> None:
    """A run of history over a day that has ended, with a picture that comes late. Raises LocalError if it fails."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    _land(deployed, "alice-yard", yesterday, "grass.png")
    wait_for_runs(deployed, deployed.api, clock)
    deployed.api.start_dags([HISTORY], check=deployed.check)
    deployed.api.trigger_day(HISTORY, "test-cluster", yesterday.date())
    deployed.wait_for_run(HISTORY, "test-cluster")


def _land(deployed: Deployed, camera: str, taken: datetime, scene: str) -> None:
    """Put a picture where cameras put theirs."""
    picture = samples.jpeg(scenes.picture(samples.unpacked(), scene))
    key = f"{INCOMING}{camera}-{int(taken.timestamp())}.jpg"
    deployed.access.client().put_object(Bucket=deployed.access.bucket, Key=key, Body=picture)


def look_at_policies(deployed: Deployed, observer: Observer, outcomes: Outcomes, planted: tuple[str, ...]) -> None:
    """Whether the pods and what surrounds them kept the rules."""
    kubernetes, options = deployed.kubernetes, deployed.options
    pods = observer.seen
    outcomes.expect("pods are restricted", [problem for pod in pods for problem in policies.pod_problems(pod)][:10])
    roles, bindings = (
        list(kubernetes.list("Role", options.stages)),
        list(kubernetes.list("RoleBinding", options.stages)),
    )
    accounts = {subject["name"] for each in bindings for subject in each.get("subjects") or []}
    outcomes.expect("roles", [p for account in accounts for p in policies.role_problems(roles, account, bindings)])
    network = list(kubernetes.list("NetworkPolicy", options.stages))
    outcomes.expect("network policies", policies.network_problems(network, pods))
    texts = policies.as_texts("pod", pods) | policies.as_texts(
        "ConfigMap", kubernetes.list("ConfigMap", options.release)
    )
    for run in deployed.api.runs(LIVE):
        for task in deployed.api.tasks(LIVE, str(run["dag_run_id"])):
            if task["start_date"]:
                texts[f"log of {task['task_id']} {task['map_index']}"] = deployed.api.log(task)
    outcomes.expect("no secret in specs and logs", policies.secrets_in(texts, planted), f"{len(texts)} looked at")
