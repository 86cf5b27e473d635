"""The runs: the newest of all DAGs, each with its footage, shards and events, and each of its tasks.

Besides the permission for the page's own DAG, each run is shown to those who may read runs of its DAG. Airflow shows
the page of a run and of a task instance on its own pages of these.
"""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from nightjar.queries.run_account import OF_NIGHTJAR
from plugins.pages.runs import asked
from plugins.pages.runs.airflow_state import AirflowDatabase, AirflowState, NotAnsweringError
from plugins.pages.runs.listing import RUNS_A_PAGE, newest_runs
from plugins.pages.runs.local_times import zones_of
from plugins.pages.runs.run_view import batch_of, days_of, quarantine_of, run_view, see_run
from plugins.pages.runs.shard_rows import GROUP, index_of
from plugins.pages.runs.task_view import task_view
from plugins.pages.runs.tasks import DAGS, WORDS, does
from plugins.web.access import may_read, must_read
from plugins.web.boxes import boxes_of
from plugins.web.pages import Page
from plugins.web.rendering import refuse, render
from plugins.web.world import WorldDep

router = APIRouter()
PAGE = Page(name="runs", title="Runs", order=70, dag_id="nightjar_live", router=router)
_IN_A_TAB = replace(PAGE, navigation=False)  # Airflow's own page is around it
_KINDS = {"success": "ok", "failed": "bad", "upstream_failed": "bad", "running": "warn", "up_for_retry": "warn"}
Given = Annotated[str | None, Query()]


def airflow_state() -> AirflowState:
    """Airflow's state, from its database; a dependency, for which tests have another."""
    return AirflowDatabase()


AirflowDep = Annotated[AirflowState, Depends(airflow_state)]


@router.get("/")
def runs(
    request: Request, world: WorldDep, airflow: AirflowDep, dag: Given = None, before: Given = None
) -> HTMLResponse:
    """The newest runs of the DAGs that the person may read."""
    if dag and dag not in OF_NIGHTJAR:
        refuse(f"dag to be one of {', '.join(OF_NIGHTJAR)}", dag)
    readable = [each for each in OF_NIGHTJAR if may_read(request, each)]
    if dag:
        must_read(request, dag)
    try:
        listed = newest_runs(world.store, airflow, [dag] if dag else readable, asked.moment(before), world.clock())
    except NotAnsweringError:
        listed = None
    last = listed[-1].run.due_at if listed and len(listed) == RUNS_A_PAGE else None
    older = "?" + urlencode({"dag": dag or "", "before": last.isoformat()}) if last else None
    return render(
        request,
        "runs/list.html.j2",
        runs=listed,
        options=[("", "all"), *((each, each) for each in readable)],
        dag=dag or "",
        older=older,
        before=before,
        kinds=_KINDS,
        words=WORDS,
        boxes=boxes_of,
    )


@router.get("/run")
def run(
    request: Request,
    world: WorldDep,
    airflow: AirflowDep,
    dag_id: Given = None,
    run_id: Given = None,
    page: Given = None,
) -> HTMLResponse:
    """A run: its footage, counts, shards, events and alerts."""
    dag_id, run_id = asked.identifier("dag_id", dag_id), asked.identifier("run_id", run_id)
    part = asked.page_number(page)
    must_read(request, dag_id)
    if dag_id not in OF_NIGHTJAR:
        return _foreign(request, dag_id)
    view = run_view(world.store, see_run(world.store, airflow, dag_id, run_id), part, world.clock())
    zones = zones_of(world.store, (each.event.camera for each in view.events))
    values = {"view": view, "about": DAGS[dag_id], "zones": zones}
    return _shown(request, "runs/run.html.j2", **values, pager=_pager(request, view.part, view.parts))


@router.get("/task")
def task(
    request: Request,
    world: WorldDep,
    airflow: AirflowDep,
    dag_id: Given = None,
    run_id: Given = None,
    task_id: Given = None,
    map_index: Given = None,
    camera: Given = None,
    page: Given = None,
) -> HTMLResponse:
    """A task instance: its shard's pictures and manifest, its refusals, its events, and who was told.

    With `camera` in place of the map index, the one whose shard is that camera's.
    """
    dag_id, run_id = asked.identifier("dag_id", dag_id), asked.identifier("run_id", run_id)
    task_id, index = asked.identifier("task_id", task_id), asked.map_index(map_index)
    part = asked.page_number(page)
    must_read(request, dag_id)
    if dag_id not in OF_NIGHTJAR:
        return _foreign(request, dag_id)
    seen = see_run(world.store, airflow, dag_id, run_id)
    if camera and index < 0 and task_id.startswith(GROUP):
        index = index_of(seen.shards, camera)
    view = task_view(world.store, seen, task_id, index, part, world.clock())
    batch = batch_of(seen.account) if seen.account and task_id in ("collect", "hand_over") else ""
    days = days_of(seen.account) if seen.account and task_id in ("record", "report") else ()
    cameras = [each.event.camera for each in view.events or ()]
    cameras += [each.picture.camera for each in (view.pictures.shown if view.pictures else ())]
    values = {
        "view": view,
        "about": does(task_id),
        "batch": batch,
        "days": days,
        "quarantine": quarantine_of(seen.account) if seen.account else "",
        "zones": zones_of(world.store, cameras),
    }
    return _shown(request, "runs/task.html.j2", **values, pager=_pager(request, view.part, view.parts))


def _shown(request: Request, template: str, **values: Any) -> HTMLResponse:
    return render(request, template, page=_IN_A_TAB, kinds=_KINDS, words=WORDS, does=does, boxes=boxes_of, **values)


def _foreign(request: Request, dag_id: str) -> HTMLResponse:
    return render(request, "runs/foreign.html.j2", page=_IN_A_TAB, dag_id=dag_id)


def _pager(request: Request, part: int, parts: int) -> tuple[str | None, str | None]:
    """The addresses of the parts of the list before and after this one."""
    asked_for = {name: value for name, value in request.query_params.items() if name != "page"}

    def address(number: int) -> str | None:
        return "?" + urlencode({**asked_for, "page": number}) if 1 <= number <= parts else None

    return address(part - 1), address(part + 1)
