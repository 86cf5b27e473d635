"""A page that is not in the navigation, and shows runs of any DAG."""

from fastapi import APIRouter, Request, Response

from plugins.web.access import must_read
from plugins.web.pages import Page
from plugins.web.rendering import render

router = APIRouter()
PAGE = Page(name="of_runs", title="Runs", order=2, dag_id="nightjar_live", router=router, navigation=False)


@router.get("/run")
def run(request: Request, dag_id: str) -> Response:
    must_read(request, dag_id)
    return render(request, "web/error.html.j2", title="Run", sentence=dag_id, bad=False)
