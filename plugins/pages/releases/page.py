"""The releases: what is deployed, the candidate detector beside it, and every bump with who, why and its runs."""

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from nightjar.domain.bumps import BumpKind, dropped, promoted
from nightjar.domain.release import Images
from nightjar.errors import TryAgainError, UsageError
from nightjar.queries.release_history import history, named_by_audit
from nightjar.queries.releasing import ImagesVariable, bump_images, current_images
from nightjar.stores.releases import Releases
from nightjar.stores.runs import LIVE
from plugins.pages.releases.compared import compared_with
from plugins.pages.releases.images_variable import AirflowVariable
from plugins.pages.releases.views import deployed_rows, in_use, views_of
from plugins.web.access import PersonDep, acting
from plugins.web.audit import audit
from plugins.web.errors import BadRequest, Unavailable
from plugins.web.limits import limited
from plugins.web.pages import Page
from plugins.web.rendering import refuse, render
from plugins.web.world import WorldDep

router = APIRouter()
PAGE = Page(name="releases", title="Releases", order=55, dag_id=LIVE, router=router)
_A_PAGE, _MOST = 20, 500  # bumps


class EditedVariable(ImagesVariable, Protocol):
    """The Variable, and who edited it."""

    def edits(self) -> list[dict[str, Any]]:
        """`owner` and `when` of each edit, the newest first."""


def images_variable() -> EditedVariable:
    """The Variable in Airflow's database; a dependency, for which tests have another."""
    return AirflowVariable()


VariableDep = Annotated[EditedVariable, Depends(images_variable)]
Field = Annotated[str, Form()]


@router.get("/", dependencies=[Depends(limited("releases", at_once=4, per_minute=120))])
def releases(
    request: Request, world: WorldDep, variable: VariableDep, most: Annotated[str, Query()] = str(_A_PAGE)
) -> HTMLResponse:
    """The deployed images, the candidate, and the newest bumps."""
    if not (most.isascii() and most.isdigit() and 1 <= int(most) <= _MOST):
        refuse(f"most to be a number of bumps up to {_MOST}", most)
    number = int(most)
    images, problem, edits = _now(variable)
    deployments = named_by_audit(history(world.store, number + 1), edits)
    current = Releases(world.store).current()
    compared, damaged = (
        compared_with(world.store, images.detect_candidate) if images and images.detect_candidate else (None, "")
    )
    return render(
        request,
        "releases/releases.html.j2",
        now=world.clock(),
        images=images,
        problem=problem,
        compared=compared,
        damaged=damaged,
        rows=deployed_rows(images, current),
        waiting=not in_use(images, current),
        current=current,
        bumps=views_of(deployments[:number]),
        older=min(number + _A_PAGE, _MOST) if len(deployments) > number and number < _MOST else None,
    )


@router.post("/promote", dependencies=[Depends(acting(LIVE))])
def promote(
    request: Request, world: WorldDep, variable: VariableDep, person: PersonDep, why: Field = "", candidate: Field = ""
) -> RedirectResponse:
    """Deploy the candidate detector."""
    return _end(request, world, variable, person, BumpKind.PROMOTE, why, candidate)


@router.post("/drop", dependencies=[Depends(acting(LIVE))])
def drop(
    request: Request, world: WorldDep, variable: VariableDep, person: PersonDep, why: Field = "", candidate: Field = ""
) -> RedirectResponse:
    """End the trial of the candidate detector."""
    return _end(request, world, variable, person, BumpKind.DROP, why, candidate)


def _end(
    request: Request,
    world: WorldDep,
    variable: EditedVariable,
    person: PersonDep,
    kind: BumpKind,
    why: str,
    candidate: str,
) -> RedirectResponse:
    def change(images: Images) -> Images:
        after = promoted(images) if kind == BumpKind.PROMOTE else dropped(images)
        if images.detect_candidate != candidate:  # the page was made before somebody else named another one
            raise UsageError(
                f"expected the candidate to be {images.detect_candidate}, the page was about {candidate!r}"
            )
        return after

    by = f"ui:{person.name}"
    try:
        bump = bump_images(world.store, variable, change, kind=kind, by=by, why=why, now=world.clock())
    except UsageError as error:
        raise BadRequest(_sentence(error)) from None
    except TryAgainError as error:
        raise Unavailable(_sentence(error)) from None
    audit(request, person, f"nightjar.{kind}", dag_id=LIVE, bump=bump.id, candidate=candidate, why=bump.why)
    return RedirectResponse("./", 303)


def _now(variable: EditedVariable) -> tuple[Images | None, str, list[dict[str, Any]]]:
    """The Variable as it is now, else what is wrong with it, and who edited it."""
    try:
        edits = variable.edits()
        return current_images(variable), "", edits
    except UsageError as error:
        return None, _sentence(error), edits
    except TryAgainError as error:
        return None, _sentence(error), []


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
