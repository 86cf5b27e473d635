"""The operator hears of a failed run, a late one and of alerts that are refused: once, and once when it is over.

On the real scheduler, with its DAG processor and its triggerer; the stages are the small programs of `stage_programs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from nightjar.domain.release import VARIABLE
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.domain.troubles import OPERATOR, Trouble
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import LIVE, PATROL, REPORT, WATCH
from nightjar.stores.troubles import TROUBLES, Troubles
from tests.end_to_end.cluster import file_batch
from tests.end_to_end.local_runtime import SAMPLE_RULES, Local
from tests.operators.stage_programs import REGISTRY, behave, misbehave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CAMERAS = ("alice-porch", "bob-thief")
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


@pytest.fixture(scope="module")
def local(small_stages: Local) -> Local:
    rules = SAMPLE_RULES.read_bytes() + b"\noperator: {email: ops@example.com}\n"
    RulesStore(small_stages.store).put(rules)
    small_stages.airflow.start_dags([LIVE, WATCH, REPORT], check=small_stages.deployment.check)
    return small_stages


@pytest.fixture
def assess(local: Local) -> Iterator[Path]:
    """The image of assess, which may be told to do wrong; it does right afterwards."""
    yield from image(local, "assess")


@pytest.fixture
def report(local: Local) -> Iterator[Path]:
    yield from image(local, "report")


def image(local: Local, name: str) -> Iterator[Path]:
    folder = local.deployment.directory / "images" / name / "test-1"
    yield folder
    behave(folder)


def file(local: Local, minute: int) -> str:
    """A batch with a picture of each camera."""
    milliseconds = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    return file_batch(local.store, [f"{camera}-{milliseconds}.jpg" for camera in CAMERAS])


def troubles(local: Local) -> dict[str, Trouble]:
    return {each.kind: each for each in Troubles(local.store).of(OPERATOR)}


def wait_for_end_of(local: Local, kind: str) -> None:
    local.wait(f"the end of {kind}", lambda: not troubles(local)[kind].is_open)


def test_a_failed_run_is_one_trouble_and_ends_when_it_is_cleared_and_green(local: Local, assess: Path) -> None:
    misbehave(assess, kind="exit", code=65, sentence="a pixel is missing", stage="assess")
    run = file(local, 0)
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    assert local.wait_for_end(LIVE, run) == "failed"
    kind = f"run-failed-{LIVE}-{run}"
    failed = {each for each in troubles(local) if each.startswith(f"run-failed-{LIVE}")}
    assert failed == {kind}, "both shards failed, the last task did, and the run"
    trouble = troubles(local)[kind]
    assert re.search(r"shard\.assess \(.*\): stage assess .* exit code 65: .*a pixel is missing", trouble.facts.text)
    assert trouble.facts.link == f"{local.deployment.url}/dags/{LIVE}/runs/{run}"
    local.wait("the DAG processor", lambda: has_executed_the_callback(local))
    local.airflow.clear(LIVE, run)
    assert local.wait_for_end(LIVE, run) == "failed"
    behave(assess)
    local.airflow.clear(LIVE, run)
    local.wait_for_success(LIVE, run)
    wait_for_end_of(local, kind)
    assert troubles(local)[kind].number == 1, "expected it to be one trouble all the time"
    assert len([v for v in local.store.list_versions(TROUBLES) if v.key.endswith(f"{kind}.json")]) == 2


def has_executed_the_callback(local: Local) -> bool:
    """Whether the DAG processor has run the callback of the run, for what no task could have told."""
    logs = (local.home / "logs").rglob("live.py.log")
    return any("Executing on_failure dag callback" in log.read_text() for log in logs)


def test_a_late_run_is_told_by_the_triggerer_and_ends_when_it_is_through(local: Local, assess: Path) -> None:
    misbehave(assess, kind="wait", stage="assess")
    run = file(local, 1)
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    kind = f"run-late-{LIVE}-{run}"
    local.wait("the deadline", lambda: kind in troubles(local))
    assert "has not ended within 1 minute" in troubles(local)[kind].facts.text
    behave(assess)
    local.wait_for_success(LIVE, run)
    wait_for_end_of(local, kind)


def test_runs_that_the_next_one_makes_up_for_are_one_trouble(local: Local, report: Path) -> None:
    misbehave(report, kind="exit", code=65, stage="report")
    kind = f"run-failed-{REPORT}"
    for number in range(2):
        local.airflow.trigger(REPORT, f"by-hand-{number}", {})
        assert local.wait_for_end(REPORT, f"by-hand-{number}") == "failed"
    assert (troubles(local)[kind].number, troubles(local)[kind].is_open) == (1, True)
    behave(report)
    local.airflow.trigger(REPORT, "by-hand-2", {})
    local.wait_for_success(REPORT, "by-hand-2")
    wait_for_end_of(local, kind)


def test_the_patrol_tells_the_operator_once_and_once_when_it_is_over(local: Local, assess: Path) -> None:
    """With the real tell; there is no mail key, so the messages are in the outbox."""
    misbehave(assess, kind="exit", code=65, sentence="a pixel is missing", stage="assess")
    run = file(local, 2)
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    assert local.wait_for_end(LIVE, run) == "failed"
    behave(assess)
    kind = f"run-failed-{LIVE}-{run}"
    patrol(local, lambda: troubles(local)[kind].told_at is not None)
    assert told_of(local, run) == ["begun"]
    local.airflow.clear(LIVE, run)
    local.wait_for_success(LIVE, run)
    patrol(local, lambda: troubles(local)[kind].end_told_at is not None)
    patrol(local, lambda: True)
    assert told_of(local, run) == ["begun", "over"]


def patrol(local: Local, reached: Callable[[], bool]) -> None:
    """Let the patrol run with the real tell until it has `reached` what it should."""
    images = {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "test-1")}
    local.airflow.set_variable(VARIABLE, json.dumps(images | {"notify": "real"}), "the images of the stages")
    run = f"by-hand-{len(local.airflow.runs(PATROL))}"
    local.airflow.pause(PATROL, paused=False)
    local.airflow.trigger(PATROL, run, {})
    local.wait_for_success(PATROL, run)
    local.airflow.pause(PATROL, paused=True)  # or it runs every minute, which takes two stages
    local.airflow.set_variable(VARIABLE, json.dumps(images), "the images of the stages")
    assert reached()


def told_of(local: Local, run: str) -> list[str]:
    """The messages to the operator that name `run`, in the order in which they were written: "begun" or "over".

    Another trouble that came up at the same time, such as a late run on a slow machine, is told in the same message,
    and may give it its subject.
    """
    objects = sorted(local.store.list_objects("outbox/"), key=lambda info: info.modified_at)
    mails = [message_from_bytes(local.store.get(info.key)[0], policy=default) for info in objects if ".eml" in info.key]
    assert {mail["To"] for mail in mails} <= {"ops@example.com"}
    texts = [(mail, mail.get_body(("plain",))) for mail in mails]
    naming = [mail for mail, text in texts if text is not None and run in text.get_content()]
    return ["over" if str(mail["Subject"]).startswith("Nightjar: Over: ") else "begun" for mail in naming]


def test_the_watch_leaves_a_sign_that_it_looks(local: Local) -> None:
    signs = OperatorSigns(local.store)
    local.wait("a sign", lambda: signs.last_beat() is not None)
    last = signs.last_beat()
    assert last and datetime.now(UTC) - last < timedelta(seconds=90)
    assert len(list(local.store.list_versions("operator/heartbeat.json"))) == 1


def test_the_dags_keep_one_version(local: Local) -> None:
    """A deadline gets an id at each parse: were it told apart by that, each would make another version of the DAG."""
    parsed = local.airflow.parsed_at(LIVE)
    local.airflow.parse(LIVE)
    local.wait("another parse", lambda: local.airflow.parsed_at(LIVE) > parsed)
    versions = local.airflow._call("GET", f"/dags/{LIVE}/dagVersions")["dag_versions"]
    assert len(versions) == 1
