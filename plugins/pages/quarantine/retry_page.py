"""Retry of refused footage from the page: said what will happen, confirmed, and done as `nightjar retry` does it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from nightjar.domain.batch import BATCH_ID, RETRY
from nightjar.domain.remedies import remedy_of
from nightjar.errors import InputError
from nightjar.queries.refused import Refused
from nightjar.queries.refused_list import refused_in
from nightjar.queries.refused_rows import RefusedOf, count_refused, rows_before
from nightjar.queries.retry import Retry, RetryState, plan, state_of
from nightjar.stores.claims import Claims
from nightjar.stores.quarantine import Quarantine, parse_folder
from nightjar.stores.runs import LIVE, WATCH
from plugins.pages.quarantine.cards import folder_path
from plugins.pages.quarantine.filters import query_of, wanted_refusals
from plugins.web.access import Person, PersonDep, acting
from plugins.web.audit import audit
from plugins.web.errors import Forbidden, NotFound
from plugins.web.limits import limited
from plugins.web.rendering import is_fragment, refuse, render
from plugins.web.world import World, WorldDep

MOST = 500  # refusals retried at once from the page; the command line has no such bound
_GONE = "There is no such refusal any more: it holds no longer, or it was erased. There is nothing to retry."
_LIMIT = Depends(limited("quarantine-retry", at_once=1, per_minute=20))

router = APIRouter()


@dataclass(frozen=True)
class Asked:
    """The refusals to be retried: one (`folder`), or those that the filters show, `total` in all."""

    refused: Sequence[Refused]
    total: int
    unreadable: int = 0
    folder: str = ""
    wanted: RefusedOf | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The same as the fields of a form."""
        if self.wanted is None:
            return {"folder": self.folder}
        named = {name: getattr(self.wanted, name) for name in ("reason", "camera", "user")}
        return {"from": str(self.wanted.first), "to": str(self.wanted.last), **named}

    @property
    def said(self) -> str:
        """The same in a line of the audit log."""
        return self.folder or (query_of(self.wanted) if self.wanted else "")


@router.get("/retry", dependencies=[_LIMIT])
def confirm(request: Request, world: WorldDep, person: PersonDep) -> HTMLResponse:
    """Say how much would be retried, and ask."""
    if not person.may_act:
        raise Forbidden(f"A retry needs Airflow's permission to change runs of the DAG {WATCH}.")
    asked = _asked(world, request.query_params)
    return _confirm(request, asked, plan(world.store, asked.refused, world.clock()))


@router.post("/retry", dependencies=[Depends(acting(WATCH)), _LIMIT])
def retry(
    request: Request,
    world: WorldDep,
    person: PersonDep,
    shown: Annotated[str, Form()] = "",
    folder: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    camera: Annotated[str, Form()] = "",
    user: Annotated[str, Form()] = "",
    first: Annotated[str, Form(alias="from")] = "",
    last: Annotated[str, Form(alias="to")] = "",
) -> Response:
    """Leave the claim that nightjar_watch takes up. Where there is more by now than was confirmed, ask again."""
    if not (shown.isascii() and shown.isdecimal() and len(shown) <= 6):
        refuse("shown to be how many objects the page before told of", shown)
    given = {"folder": folder, "reason": reason, "camera": camera, "user": user, "from": first, "to": last}
    asked = _asked(world, given)
    planned = plan(world.store, asked.refused, world.clock())
    if planned.objects > int(shown):
        return _confirm(request, asked, planned, more=True)
    if not planned.claims:
        return _confirm(request, asked, planned)
    Claims(world.store).leave(planned.claims)
    batch = planned.claims[0].batch_id
    _note(request, person, asked, planned, batch)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/quarantine/retried/{batch}", 303)


@router.get("/retried/{batch}")
def retried(request: Request, batch: str, world: WorldDep) -> HTMLResponse:
    """How far a retry has come; asked again by htmx until it has ended."""
    if not (batch.startswith(RETRY) and re.fullmatch(BATCH_ID, batch, re.ASCII)):
        refuse("the id of a retry's batch", batch)
    state = state_of(world.store, batch)
    template = "state" if is_fragment(request) else "retried"
    is_over = state in (RetryState.ENDED, RetryState.FAILED)
    return render(
        request,
        f"quarantine/{template}.html.j2",
        batch=batch,
        state=state.value,
        is_over=is_over,
        watch=WATCH,
        live=LIVE,
    )


def _asked(world: World, given: Any) -> Asked:
    """The refusals that a request asks for, at most MOST; raises BadRequest or NotFound."""
    if text := str(given.get("folder") or ""):
        return _one(world, text)
    wanted = wanted_refusals(given, world.clock().date())
    rows = rows_before(world.warehouse, wanted, None, MOST)
    total = count_refused(world.warehouse, wanted).total if len(rows) == MOST else len(rows)
    refused, unreadable = refused_in(world.store, rows)
    return Asked(refused, total, unreadable, wanted=wanted)


def _one(world: World, text: str) -> Asked:
    try:
        folder = parse_folder(text)
        entry = Quarantine(world.store).at(folder)
    except InputError:
        raise NotFound("The reason.json of this refusal cannot be read, so nothing can be retried by it.") from None
    except ValueError:
        refuse("a folder of quarantine, <reason>/YYYY/MM/DD/<32 hex digits>", text)
    if entry is None:
        raise NotFound(_GONE)
    return Asked([Refused.of(folder, entry)], 1, folder=folder_path(folder))


def _confirm(request: Request, asked: Asked, planned: Retry, more: bool = False) -> HTMLResponse:
    reasons = Counter(str(each.entry.reason) for each in asked.refused)
    helps = {reason: remedy_of(reason).retry_helps for reason in reasons}
    return render(
        request,
        "quarantine/confirm.html.j2",
        asked=asked,
        planned=planned,
        reasons=reasons.most_common(),
        helps=helps,
        most=MOST,
        more=more,
        back=f"{asked.folder}" if asked.folder else f"?{asked.said}",
    )


def _note(request: Request, person: Person, asked: Asked, planned: Retry, batch: str) -> None:
    objects = str(planned.objects)
    audit(request, person, "nightjar.retry", dag_id=WATCH, batch=batch, objects=objects, refused=asked.said)
