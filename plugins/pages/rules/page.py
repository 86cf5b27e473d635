"""The rules: the file in force and its problems, and the versions before."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from nightjar.queries import rules_state
from plugins.pages.rules import try_page
from plugins.pages.rules.fields import number_in
from plugins.pages.rules.lines import SHOWN_BYTES, Line, lines_of
from plugins.web.errors import NotFound
from plugins.web.pages import Page
from plugins.web.rendering import refuse, render
from plugins.web.world import WorldDep

router = APIRouter()
router.include_router(try_page.router)
PAGE = Page(
    name="rules",
    title="Rules",
    order=50,
    dag_id="nightjar_live",
    router=router,
    largest_body=(1 << 20) + (64 << 10),  # a text to try, and the other fields of the form
)
_VERSIONS = 10  # on a page
_FOUND = 200  # lines that a search shows
_LONGEST_NAME = 200  # characters of a search


@router.get("/")
def rules(request: Request, world: WorldDep, find: str = "", page: str = "1") -> HTMLResponse:
    """The file in force, with what is wrong with a newer one, and the versions before."""
    number = number_in("a page of versions", page)
    find = find.strip()
    if len(find) > _LONGEST_NAME:
        refuse(f"at most {_LONGEST_NAME} characters to look for", find)
    state = rules_state.rules_state(world.store)
    versions, total = rules_state.versions(world.store, (number - 1) * _VERSIONS, _VERSIONS)
    text = state.in_force.text if state.in_force else None
    lines = lines_of(text, [*state.unseen, *state.warnings], find) if text is not None else []
    refused = state.refused.text if state.refused else None
    return render(
        request,
        "rules/rules.html.j2",
        state=state,
        lines=_shown(text, lines),
        refused_lines=_shown(refused, lines_of(refused, state.problems) if refused is not None else []),
        find=find,
        found=[line for line in lines if line.marked][:_FOUND],
        found_number=sum(line.marked for line in lines),
        part=rules_state.user_part(world.store, state, find) if find else None,
        versions=versions,
        versions_total=total,
        number=number,
        pages=max(1, -(-total // _VERSIONS)),
    )


@router.get("/versions/{version_id:path}")
def version(request: Request, world: WorldDep, version_id: str) -> HTMLResponse:
    """One version of the rules, and how it is put in force again."""
    found = rules_state.version_text(world.store, version_id)
    if found is None:
        raise NotFound("The bucket has no such version of the rules, or not any more.")
    lines = lines_of(found.text) if found.text is not None else []
    return render(request, "rules/version.html.j2", version=found, lines=_shown(found.text, lines))


def _shown(text: bytes | None, lines: list[Line]) -> list[Line]:
    """`lines` of a text that is small enough to be shown whole."""
    return lines if text is not None and len(text) <= SHOWN_BYTES else []
