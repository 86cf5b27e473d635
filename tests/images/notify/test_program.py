"""The notify stage as a program on a real S3 server: killed between sending and recording, two at once, exit codes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from nightjar.domain.alerts import Alert
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext
from nightjar_local.sendgrid_double import Reply, SendGridDouble, quota_used_up
from tests.bucket import PORCH
from tests.images.notify.runs import Assessed, many_cameras
from tests.scenes import NOON, RULES, after, detection

PACKAGES = "images/base:images/notify"


@pytest.fixture
def context(s3_store: S3Store, assessed: Assessed) -> StageContext:
    """A run on the real server with one event that waits for its alert."""
    return assessed(s3_store, "r1", detection(PORCH, NOON, {"person": 0.9}))


@pytest.fixture
def start(api: SendGridDouble) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the stage as a program; what is left of it at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def program(context: StageContext, **environment: str) -> subprocess.Popen[str]:
        settings = {
            "PYTHONPATH": PACKAGES,
            "NIGHTJAR_IMAGE": "example.com/nightjar/notify:n1",
            "NIGHTJAR_RUN": context.run,
            "NIGHTJAR_MAIL_FROM": "nightjar@example.com",
            "NIGHTJAR_ALERT_MAX_AGE": str(3660 * 86_400),
            "NIGHTJAR_MAIL_BACKOFF": "0.01",
            "SENDGRID_API_KEY": "SG.secret",
            "SENDGRID_API_URL": api.url,
        }
        arguments = ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix]
        process = subprocess.Popen(
            [sys.executable, "-m", "nightjar_notify", *arguments, "--release", str(context.release_key)],
            env={**os.environ, **settings, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield program
    for process in started:
        process.kill()
        process.communicate()


Start = Callable[..., subprocess.Popen[str]]


def ledger(store: S3Store) -> Alert:
    [info] = store.list_objects("alerts/")
    return Alert.model_validate_json(store.get(info.key)[0])


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 75)])
def test_killed_between_sending_and_recording_it_is_sent_once_more_and_marked(
    s3_store: S3Store, context: StageContext, api: SendGridDouble, start: Start, kind: signal.Signals, code: int
) -> None:
    processes: list[subprocess.Popen[str]] = []
    began = threading.Event()

    def kill() -> None:
        began.wait()
        os.kill(processes[0].pid, kind)
        processes[0].wait()

    api.answers.append(Reply(202, before=kill))
    processes.append(start(context, NIGHTJAR_MAIL_TIMEOUT="2"))
    began.set()
    assert processes[0].wait(60) == code
    assert ledger(s3_store).state == "claimed"

    again = start(context)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert [r.subject for r in api.received] == [
        "Person at Porch, home, 13:00",
        "[possibly repeated] Person at Porch, home, 13:00",
    ]
    alert = ledger(s3_store)
    assert (alert.state, alert.possibly_repeated) == ("sent", True)

    third = start(context)
    third.communicate(timeout=60)
    assert third.returncode == 0
    assert len(api.received) == 2
    manifest, _ = read_manifest(s3_store, context.output_prefix)
    assert manifest.counts.outcomes == {"already": 1}


def test_killed_at_the_second_of_two_recipients_only_that_one_is_told_once_more(
    s3_store: S3Store, assessed: Assessed, api: SendGridDouble, start: Start
) -> None:
    rules = RULES.replace("email: alice@example.com", "recipients: [alice@example.com, bob@example.com]")
    context = assessed(s3_store, "r1", detection(PORCH, NOON, {"person": 0.9, "dog": 0.9}), rules=rules)
    processes: list[subprocess.Popen[str]] = []
    began = threading.Event()

    def kill() -> None:
        began.wait()
        processes[0].kill()
        processes[0].wait()

    api.answers += [Reply(202), Reply(202, before=kill)]
    processes.append(start(context))
    began.set()
    assert processes[0].wait(60) == -signal.SIGKILL
    again = start(context)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    subject = "Dog and person at Porch, home, 13:00"
    assert [(r.body["personalizations"][0]["to"][0]["email"], r.subject) for r in api.received] == [
        ("alice@example.com", subject),
        ("bob@example.com", subject),
        ("bob@example.com", f"[possibly repeated] {subject}"),
    ]
    alerts = [Alert.model_validate_json(s3_store.get(i.key)[0]) for i in s3_store.list_objects("alerts/")]
    assert [[(d.state, d.possibly_repeated) for d in alert.deliveries] for alert in alerts] == [
        [("sent", False), ("sent", True)]
    ] * 2


def test_stopped_among_many_it_records_what_it_sent_and_begins_nothing_more(
    s3_store: S3Store, assessed: Assessed, api: SendGridDouble, start: Start
) -> None:
    number = 40
    cameras, rules = many_cameras(number)
    seen = [detection(camera, after(-100 * n), {"person": 0.9}) for n, camera in enumerate(cameras)]
    context = assessed(s3_store, "r1", *seen, rules=rules)
    processes: list[subprocess.Popen[str]] = []
    began = threading.Event()

    def stop() -> None:
        began.wait()
        processes[0].send_signal(signal.SIGTERM)

    api.answers += [Reply(202)] * 15 + [Reply(202, before=stop)]
    api.default = Reply(202, seconds=1)
    processes.append(start(context))
    began.set()
    stopped_at = time.monotonic()
    _, errors = processes[0].communicate(timeout=60)
    assert processes[0].returncode == 75, errors
    assert time.monotonic() - stopped_at < 15
    alerts = [Alert.model_validate_json(s3_store.get(i.key)[0]) for i in s3_store.list_objects("alerts/")]
    assert len(alerts) == len(api.received) < number
    assert {(a.state, a.in_flight) for a in alerts} == {("sent", False)}

    api.default = Reply(202)
    again = start(context)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert len(api.received) == number
    assert not any(request.subject.startswith("[possibly repeated]") for request in api.received)


@pytest.mark.parametrize("same_run", [False, True])
def test_two_runs_or_shards_at_once_send_one_alert(
    s3_store: S3Store, context: StageContext, assessed: Assessed, api: SendGridDouble, start: Start, same_run: bool
) -> None:
    if same_run:
        other = replace(context, output_prefix=f"{context.run_prefix}notify/other/")
    else:
        other = assessed(s3_store, "r2", detection(PORCH, NOON, {"person": 0.9}))
    api.default = Reply(202, seconds=0.5)
    processes = [start(context), start(other)]
    outcomes = []
    for process, each in zip(processes, (context, other), strict=True):
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        outcomes.append(next(iter(read_manifest(s3_store, each.output_prefix)[0].counts.outcomes)))
    assert len(api.received) == 1
    assert "alerted:sent" in outcomes
    assert set(outcomes) <= {"alerted:sent", "held", "already"}


@pytest.mark.parametrize(
    ("environment", "default", "code", "sentence"),
    [
        ({"SENDGRID_API_KEY": ""}, Reply(202), 0, "alerted:outbox"),
        ({"NIGHTJAR_MAIL_FROM": ""}, Reply(202), 64, "expected NIGHTJAR_MAIL_FROM"),
        ({"SENDGRID_API_KEY": " SG.secret\n"}, Reply(202), 0, "alerted:sent"),
        ({"SENDGRID_API_KEY": "SG.secret\nSG.other"}, Reply(202), 64, "SENDGRID_API_KEY"),
        ({"SENDGRID_API_KEY": "SG.secret other"}, Reply(202), 64, "SENDGRID_API_KEY"),
        ({"SENDGRID_API_KEY": "SG.secret\u2028é"}, Reply(202), 64, "SENDGRID_API_KEY"),
        ({"SENDGRID_API_KEY": "\n"}, Reply(202), 64, "SENDGRID_API_KEY"),
        ({"SENDGRID_API_URL": "ftp://x"}, Reply(202), 64, "SENDGRID_API_URL"),
        ({"NIGHTJAR_ALERT_MAX_AGE": "-1"}, Reply(202), 64, "NIGHTJAR_ALERT_MAX_AGE"),
        ({}, Reply(401), 64, "SENDGRID_API_KEY"),
        (
            {},
            quota_used_up(),
            75,
            "the quota of the mail account is used up for now; the mail API answered 401: Maximum",
        ),
        ({}, Reply(500, "down"), 75, "500: down"),
        ({"SENDGRID_API_URL": "http://127.0.0.1:9"}, Reply(202), 75, "no answer"),
        ({}, Reply(400, "bad"), 0, "failed:refused"),
    ],
)
def test_exit_codes_and_last_words(
    context: StageContext,
    api: SendGridDouble,
    start: Start,
    environment: dict[str, str],
    default: Reply,
    code: int,
    sentence: str,
) -> None:
    api.default = default
    process = start(context, **environment)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert sentence in errors.splitlines()[-1]
    assert "SG.secret" not in output + errors
