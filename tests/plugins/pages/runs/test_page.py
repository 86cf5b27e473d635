"""The pages of runs: the newest, one with all its parts, a task of it; and whatever an address may hold."""

from datetime import timedelta
from functools import cache
from typing import cast
from urllib.parse import quote

import pytest

from nightjar.domain.operator_troubles import DagRun, run_failed
from nightjar.runtime.manifests import read_manifest, write_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.events import Events
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, WATCH, run_name, run_prefix
from nightjar.stores.troubles import Troubles
from nightjar.stores.warehouse import Warehouse
from plugins.pages.runs.airflow_state import AirflowRun, AirflowTask
from plugins.pages.runs.page import airflow_state
from plugins.pages.runs.tasks import DAGS
from plugins.web.world import World
from tests.bucket import NOON, RunWorld
from tests.golden.test_golden import bucket
from tests.images.base.nightjar.queries.eventful import BATCH_ID, SHARD, eventful_run, shards_of
from tests.plugins.pages.runs.airflow_fake import FakeAirflow, live_run, shard_tasks
from tests.plugins.web_world import NOW, OPERATOR, FakeLogin, NoWarehouse, PagesClient, Somebody, make_client

ODD = "manual__2026-11-20T00:00:00+00:00/../%2e<script>alert(1)</script>\u202e🎥" + "x" * 183
FAILED = [
    *shard_tasks(0, "success", "success", "success", "failed"),
    AirflowTask("plan_shards", -1, "success", 2, NOON),
]


@cache
def app_of_pages() -> PagesClient:
    """Made once: it compiles every template."""
    return make_client()


def client(
    store: ObjectStore | None = None, airflow: FakeAirflow | None = None, person: Somebody = OPERATOR
) -> PagesClient:
    asked, world = app_of_pages(), World(store or MemoryStore(), cast(Warehouse, NoWarehouse()), lambda: NOW)
    asked.app.state.world, asked.app.state.login = (lambda: world), FakeLogin(person)
    asked.app.dependency_overrides[airflow_state] = lambda: airflow or FakeAirflow()
    return asked


def run_page(asked: PagesClient, run_id: str = BATCH_ID, dag_id: str = LIVE, page: str = "") -> str:
    answer = asked.get("/nightjar-ui/runs/run", params={"dag_id": dag_id, "run_id": run_id, "page": page})
    assert answer.status_code == 200, answer.text
    return answer.text


def task_page(
    asked: PagesClient, task_id: str, map_index: object = -1, run_id: str = BATCH_ID, dag_id: str = LIVE
) -> str:
    params = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": str(map_index)}
    answer = asked.get("/nightjar-ui/runs/task", params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def eventful(airflow: FakeAirflow | None = None) -> tuple[MemoryStore, PagesClient]:
    store = MemoryStore()
    eventful_run(store)
    return store, client(store, airflow or FakeAirflow([live_run(BATCH_ID, "failed")], FAILED, [SHARD]))


def test_a_run_with_everything() -> None:
    text = run_page(eventful()[1])
    for part in (
        "One batch, from footage to alerts",
        "<b>10</b> <span>triggers</span>",
        "<b>2</b> <span>refused</span>",
        "<b>2</b> <span>events</span>",
        "/nightjar-ui/review/event/alice-porch/2026-11-20/",
        "alice@example.com",
        "not alerted: too-late",
        "validate left no proof for 1 object",
        "a warning of detect",
        f"/nightjar-ui/runs/task?dag_id=nightjar_live&amp;run_id={BATCH_ID}&amp;task_id=shard.notify&amp;map_index=0",
        f'<a data-airflow href="/dags/nightjar_live/runs/{BATCH_ID}/tasks/shard.notify/mapped/0">log</a>',
        "registry.example.com/nightjar/detect:d1",
        "Fri 20 Nov, 13:00:00 CET",
        "2026-11-20 12:00:00 UTC",
        "try 2",
        f"1 task failed: shard.{SHARD}",
    ):
        assert part in text, part


def test_the_operators_trouble_says_why_a_shard_failed() -> None:
    store, asked = eventful()
    Troubles(store).open(run_failed(DagRun(LIVE, BATCH_ID), f"shard.notify ({SHARD}): the key is refused", NOON))
    assert f'<div class="why">shard.notify ({SHARD}): the key is refused</div>' in run_page(asked)
    assert '<p class="notice bad">the key is refused</p>' in task_page(asked, "shard.notify", 0)


def test_a_problem_that_the_operators_trouble_names_is_not_said_again() -> None:
    store, asked = eventful()
    problem = f"1 task failed: shard.{SHARD}"
    assert f'<p class="notice bad">{problem}</p>' in run_page(asked)
    Troubles(store).open(run_failed(DagRun(LIVE, BATCH_ID), f"close_run: {problem}", NOON))
    assert [each for each in run_page(asked).splitlines() if problem in each and "notice" in each] == [
        f'<p class="notice bad">close_run: {problem}</p>'
    ]


def test_the_last_line_of_a_log_is_asked_of_airflow_where_nothing_else_says_why() -> None:
    store = MemoryStore()
    shards_of(store, 2)
    tasks = [*shard_tasks(0, "failed", "upstream_failed"), AirflowTask("select", -1, "failed", 3)]
    asked = client(store, FakeAirflow([live_run(BATCH_ID, "failed")], tasks, ["user0000-cam", "user0001-cam"]))
    logs = f"/api/v2/dags/nightjar_live/dagRuns/{BATCH_ID}/taskInstances"
    for text in (run_page(asked), task_page(asked, "shard.validate", 0)):
        assert text.count(f'data-log="{logs}/shard.validate/logs/1?map_index=0"') == 1
    assert f'data-log="{logs}/select/logs/3?map_index=-1"' in task_page(asked, "select")
    odd = client(airflow=FakeAirflow([live_run("a/b?c")], [AirflowTask("select", -1, "failed", 1)]))
    assert "/dagRuns/a%2Fb%3Fc/taskInstances/" in task_page(odd, "select", run_id="a/b?c")


@pytest.mark.parametrize("run_id", [ODD, "a", "..", "x" * 250, "manual__2026-11-20T00:00:00+00:00"])
@pytest.mark.parametrize("dag_id", DAGS)
def test_a_run_without_a_folder(dag_id: str, run_id: str) -> None:
    asked = client(
        airflow=FakeAirflow([live_run(run_id, "running", dag_id)], [AirflowTask("freeze_release", -1, "failed")])
    )
    text = run_page(asked, run_id, dag_id)
    assert "There is no folder of this run in the bucket yet" in text
    assert "<script>alert" not in text
    assert quote(run_id, safe="") in text
    assert "It failed. The last line of its log says why." in task_page(asked, "freeze_release", -1, run_id, dag_id)


def test_a_run_that_airflow_has_not() -> None:
    _, asked = eventful(FakeAirflow())
    assert "Airflow has no such run (any more)" in run_page(asked)
    assert "Its shard is not known" in task_page(asked, "shard.detect", 0)
    assert "There is nothing of this run in the bucket." in run_page(client(MemoryStore()), "a", REPORT)


def test_airflow_that_does_not_answer() -> None:
    _, asked = eventful(FakeAirflow(is_down=True))
    text = run_page(asked)
    assert "database does not answer" in text
    assert "<b>10</b> <span>triggers</span>" in text
    assert "database does not answer" in asked.get("/nightjar-ui/runs/").text


@pytest.mark.parametrize("path", ["run", "task"])
def test_a_dag_that_is_not_nightjars(path: str) -> None:
    params = {"dag_id": "somebody_elses", "run_id": "r", "task_id": "t"}
    answer = client().get(f"/nightjar-ui/runs/{path}", params=params)
    assert (answer.status_code, "somebody_elses is not a DAG of Nightjar" in answer.text) == (200, True)


def test_reading_follows_the_permission_for_the_runs_own_dag() -> None:
    asked = client(
        airflow=FakeAirflow([live_run("a"), live_run("b", dag_id=REPORT)]), person=Somebody(reads=frozenset({LIVE}))
    )
    for path in ("run?", "task?task_id=report&"):
        own, other = (asked.get(f"/nightjar-ui/runs/{path}dag_id={dag}&run_id=a") for dag in (LIVE, REPORT))
        assert (own.status_code, other.status_code) == (200, 403)
    text = asked.get("/nightjar-ui/runs/").text
    assert (LIVE in text, REPORT in text) == (True, False)
    assert asked.get(f"/nightjar-ui/runs/?dag={REPORT}").status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "run",
        "run?dag_id=nightjar_live",
        "run?dag_id=&run_id=a",
        f"run?dag_id=nightjar_live&run_id={'x' * 251}",
        "run?dag_id=nightjar_live&run_id=a%00b",
        "run?dag_id=nightjar_live&run_id=a&page=0",
        "run?dag_id=nightjar_live&run_id=a&page=-1",
        "run?dag_id=nightjar_live&run_id=a&page=99999",
        "run?dag_id=nightjar_live&run_id=a&page=<b>",
        "task?dag_id=nightjar_live&run_id=a",
        "task?dag_id=nightjar_live&run_id=a&task_id=t&map_index=-2",
        "task?dag_id=nightjar_live&run_id=a&task_id=t&map_index=12345678",
        "task?dag_id=nightjar_live&run_id=a&task_id=t&map_index=%D9%A3",
        "task?dag_id=nightjar_live&run_id=a&task_id=t&map_index=0&page=x",
        "?dag=somebody_elses",
        "?before=yesterday",
        "?before=2026-13-01T00:00:00",
        "?before=0001-01-01T00:00:00%2B14:00",
    ],
)
def test_what_is_refused(address: str) -> None:
    answer = client().get(f"/nightjar-ui/runs/{address}")
    assert answer.status_code == 400
    assert "Expected" in answer.text
    assert "<b>" not in answer.text


def test_the_task_of_a_camera() -> None:
    store = MemoryStore()
    shards_of(store, 2)
    planned = ["user0000-cam", "user0001-cam"]
    asked = client(store, FakeAirflow([live_run(BATCH_ID)], shard_tasks(1, "success"), planned))
    address = f"/nightjar-ui/runs/task?dag_id=nightjar_live&run_id={BATCH_ID}&task_id=shard.validate&camera="
    text = asked.get(f"{address}user0001-cam").text
    assert f"/runs/{BATCH_ID}/tasks/shard.validate/mapped/1" in text
    assert "Its shard is not known" in asked.get(f"{address}<b>").text
    single = asked.get(
        f"/nightjar-ui/runs/task?dag_id=nightjar_live&run_id={BATCH_ID}&task_id=record&camera=user0001-cam"
    )
    assert f'/runs/{BATCH_ID}/tasks/record"' in single.text


@pytest.mark.parametrize("map_index", ["-1", "", "{MAP_INDEX}", "0", "9999999"])
def test_any_map_index_of_a_task_is_answered(map_index: str) -> None:
    assert "Account" in task_page(eventful()[1], "reconcile", map_index)


@pytest.mark.parametrize(
    ("task_id", "map_index", "parts"),
    [
        ("shard.validate", 0, ["grey", "better", "this", "1 passed on", "7 pictures"]),
        (
            "shard.detect",
            0,
            ["person 90 %", "picture-unreadable: why", "not looked at", "nothing seen", "a warning of detect"],
        ),
        ("shard.assess", 0, ["/nightjar-ui/review/event/alice-yard/", "Review this camera", "7 pictures"]),
        ("shard.notify", 0, ["It failed", "not alerted: too-late", "alice@example.com"]),
        ("plan_shards", -1, [f">{SHARD}</a>", "try 2", "Cuts the batch into shards"]),
        ("reconcile", -1, [f"{SHARD}: validate left no proof", "/nightjar-ui/quarantine/?from="]),
        ("freeze_release", -1, ["registry.example.com/nightjar/detect:d1", "rules/"]),
        ("record", -1, ["It has left no manifest"]),
        ("of_a_later_release", -1, ["of_a_later_release"]),
    ],
)
def test_the_page_of_a_task(task_id: str, map_index: int, parts: list[str]) -> None:
    text = task_page(eventful()[1], task_id, map_index)
    assert [part for part in parts if part not in text] == []


def test_a_picture_that_was_not_looked_at_says_where_its_objects_are_from() -> None:
    text = task_page(eventful()[1], "shard.detect", 0)
    assert text.count('title="carried over from 12:00:00.0 UTC">carried over</span>') == 1


def test_pictures_are_paged_and_an_erased_user_is_not_shown() -> None:
    store, asked = eventful()
    page = {"dag_id": LIVE, "run_id": BATCH_ID, "task_id": "shard.detect", "map_index": "0", "page": "2"}
    assert "There are no more." in asked.get("/nightjar-ui/runs/task", params=page).text
    assert "/nightjar-ui/pictures/standard/2026/11/20/12/alice-porch/" in task_page(asked, "shard.detect", 0)
    for info in list(store.list_objects("standard/")):
        store.delete(info.key)
    Events(store).erase("alice")
    text = task_page(asked, "shard.assess", 0)
    assert text.count("This picture was erased.") == 7
    assert "/nightjar-ui/pictures/" not in text + run_page(asked)


def test_an_unreadable_manifest_is_told_beside_the_rest() -> None:
    store, asked = eventful()
    store.put(f"{run_prefix(LIVE, BATCH_ID)}detect/{SHARD}/_manifest.json", b"{")
    assert "expected a Manifest" in run_page(asked)
    text = task_page(asked, "shard.detect", 0)
    assert "Cannot be read: expected a Manifest" in text
    assert "7 pictures" in text


def test_another_run_has_taken_up_the_folder() -> None:
    store = MemoryStore()
    eventful_run(store, dag_run="another")
    assert "Another run, another, has taken up this folder since" in run_page(client(store))


def test_a_run_of_a_thousand_shards_is_shown_in_parts() -> None:
    store = MemoryStore()
    shards_of(store, 1000)
    planned = [f"user{each:04d}-cam" for each in range(1000)]
    tasks = [t for each in range(1000) for t in shard_tasks(each, "success", seconds=60 if each == 999 else 1)]
    asked = client(store, FakeAirflow([live_run(BATCH_ID, "running")], tasks, planned))
    text = run_page(asked)
    assert (text.count('<th scope="row">'), "part 1 of 40" in text, "user0999-cam" in text) == (25, True, True)
    assert "60.0 times as long as half of the shards" in text
    assert "user0999-cam" not in run_page(asked, page="40")
    assert "There are no more: the run has 1000." in run_page(asked, page="41")


@pytest.mark.parametrize(
    ("release", "run_id", "shards"),
    [("0.1.0", "20261126T003617Z-0116c7e2a4f0", 2), ("0.2.0", "20261126T024601Z-a6736f636d35", 2)],
)
def test_runs_of_earlier_releases(release: str, run_id: str, shards: int) -> None:
    store = bucket(release)
    planned = ["alice-yard", "carol-garden"]
    airflow = FakeAirflow([live_run(run_id)], [*shard_tasks(0, "success"), *shard_tasks(1, "success")], planned)
    text = run_page(client(store, airflow), run_id)
    assert (text.count('class="stage"'), "/nightjar-ui/review/event/carol-garden/" in text) == (4 * shards, True)
    assert "Manifest" in task_page(client(store, airflow), "shard.validate", 0, run_id)


@pytest.mark.parametrize(
    ("dag_id", "run_id", "stage", "task_id", "parts"),
    [
        (WATCH, "scheduled__1", "collect", "collect", ["objects taken up", "Its batch"]),
        (REPORT, "scheduled__1", "report", "report", ["pages made", "/nightjar-ui/reports/2026-11-20"]),
        (PATROL, "scheduled__1", "survey", "survey", ["cameras counted"]),
        (HISTORY, "scheduled__1", "record", "record", ["/nightjar-ui/reports/2026-11-20"]),
    ],
)
def test_runs_of_other_dags(dag_id: str, run_id: str, stage: str, task_id: str, parts: list[str]) -> None:
    store = MemoryStore()
    name = "2026-11-20" if dag_id == HISTORY else run_name(run_id)
    world = RunWorld(store, name, dag_id)
    world.leave(stage)
    add_results(store, world, stage)
    asked = client(store, FakeAirflow([AirflowRun(dag_id, run_id, "success", NOON, NOON, NOON, NOON, NOON.date())]))
    text = run_page(asked, run_id, dag_id)
    assert [part for part in parts if part not in text] == []
    assert "Manifest" in task_page(asked, task_id, -1, run_id, dag_id)


def add_results(store: ObjectStore, world: RunWorld, stage: str) -> None:
    """Give the manifest of `stage` the results that lead on."""
    manifest, _ = read_manifest(store, world.at(stage))
    result = {"batch_id": BATCH_ID, "days": ["2026-11-20", "no day"], "reports": ["reports/2026/11/20/report.html"]}
    write_manifest(store, world.at(stage), manifest.model_copy(update={"result": result}))


def test_the_newest_runs() -> None:
    store = MemoryStore()
    eventful_run(store)
    runs = [live_run(BATCH_ID, "failed"), live_run(ODD, "queued", PATROL), live_run("r", "running", HISTORY)]
    text = client(store, FakeAirflow(runs)).get("/nightjar-ui/runs/").text
    assert "10 pictures, 5 detected" in text
    assert "2 refused" in text
    assert "2 failed" in text
    assert "<script>alert" not in text
    only = client(store, FakeAirflow(runs)).get(f"/nightjar-ui/runs/?dag={LIVE}").text
    assert (only.count('<th scope="row">'), "Older" in only) == (1, False)


def test_older_runs() -> None:
    runs = [AirflowRun(LIVE, f"r{n}", "success", NOON + timedelta(minutes=n)) for n in range(70)]
    asked = client(airflow=FakeAirflow(runs))
    address, seen = "/nightjar-ui/runs/", 0
    for shown in (30, 30, 10):
        text = asked.get(address).text
        assert text.count('<th scope="row">') == shown
        seen += shown
        address = "/nightjar-ui/runs/" + text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == 70
    assert "No such run before" in asked.get("/nightjar-ui/runs/?before=2000-01-01T00:00:00%2B00:00").text


def test_an_unreadable_account_is_told_in_the_list() -> None:
    store = MemoryStore()
    store.put(f"{run_prefix(LIVE, BATCH_ID)}reconcile/account.json", b"{")
    assert (
        "its counts cannot be read" in client(store, FakeAirflow([live_run(BATCH_ID)])).get("/nightjar-ui/runs/").text
    )
