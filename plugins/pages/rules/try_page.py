"""Trying rules on the past: the form, its answer, and the pages of a result."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse

from nightjar.queries.rules_state import rules_state, user_part, version_text
from nightjar.queries.trial import ASSUMED
from plugins.pages.rules.fields import number_in
from plugins.pages.rules.lines import SHOWN_BYTES, decoded, excerpts
from plugins.pages.rules.period import MOST_DAYS, PeriodError, period_of, usual_period
from plugins.pages.rules.tried import CHANGED, PAGE_SIZE, Results, Tried, page_of
from plugins.pages.rules.trying import (
    MOST_BYTES,
    Question,
    Refused,
    Turns,
    UnknownUserError,
    answer,
    days_with_detections,
)
from plugins.web.access import PersonDep, only_asking
from plugins.web.errors import NotFound, TooLarge, TooMany
from plugins.web.limits import limited
from plugins.web.rendering import is_fragment, refuse, render
from plugins.web.world import World, WorldDep

router = APIRouter()
_CHANGES = {CHANGED: "gained and lost", "gained": "gained", "lost": "lost", "same": "sent by both", "all": "all"}

_results = Results(time.monotonic)
_turns = Turns(2)


@dataclass(frozen=True)
class Filled:
    """The form as it is filled in: the text, the first and the last day, the user or empty."""

    text: str
    first: str
    last: str
    user: str


@router.get("/try")
def form(request: Request, world: WorldDep, version: str = "", user: str = "") -> HTMLResponse:
    """The form with the text in force, or with another version, or with one user's part of a large file."""
    text, notice = _start_text(world, version, user.strip())
    today = world.clock().date()
    period = usual_period(days_with_detections(world.store, today), today)
    return _page(request, Filled(text, str(period.first), str(period.last), user.strip()), notice=notice)


@router.post("/try", dependencies=[Depends(only_asking), Depends(limited("rules-try", at_once=1, per_minute=6))])
def try_rules(
    request: Request,
    world: WorldDep,
    person: PersonDep,
    rules: Annotated[str, Form()] = "",
    file: UploadFile | None = None,
    first: Annotated[str, Form(alias="from")] = "",
    last: Annotated[str, Form(alias="to")] = "",
    user: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Try the text on the period; changes nothing. The answer is a page, or for htmx the result alone."""
    text = file.file.read(MOST_BYTES + 1) if file and file.filename else rules.replace("\r\n", "\n").encode()
    if len(text) > MOST_BYTES:
        raise TooLarge(f"Expected rules of at most {MOST_BYTES:,} bytes.")
    filled = Filled(decoded(text), first, last, user.strip())
    try:
        question = Question(text, period_of(first, last, world.clock()), filled.user)
        with _turns.taken() as is_my_turn:
            if not is_my_turn:
                raise TooMany("Others try rules just now, which takes up to a minute.", 10)
            result, remarks = answer(world.store, question)
    except (PeriodError, UnknownUserError) as error:
        mistake = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return _page(request, filled, status=400, mistake=mistake)
    if isinstance(result, Refused):
        blocks = excerpts(text, result.problems)
        return _page(request, filled, refused=result, blocks=blocks, remarks=remarks)
    identity = _results.keep(person.name, result)
    address = f"{request.scope.get('root_path', '')}/rules/tried/{identity}"
    return _result_page(request, result, identity, remarks=remarks, headers={"HX-Push-Url": address})


@router.get("/tried/{identity}")
def tried(
    request: Request,
    person: PersonDep,
    identity: str,
    change: str = CHANGED,
    user: str = "",
    rule: str = "",
    page: str = "1",
) -> HTMLResponse:
    """Another page of a result, or a part of it, for the person who asked for it."""
    result = _results.find(person.name, identity)
    if result is None:
        raise NotFound("This result is no longer kept. Try the rules once more.")
    if change not in _CHANGES:
        refuse(f"one of {', '.join(_CHANGES)}", change)
    rule_id = number_in("the id of a rule", rule) if rule else None
    return _result_page(request, result, identity, change, user, rule_id, number_in("a page", page))


def _start_text(world: World, version: str, user: str) -> tuple[str, str]:
    """The text to begin with, and a sentence about it: empty where it is just the text in force."""
    if version:
        found = version_text(world.store, version)
        if found is None:
            raise NotFound("The bucket has no such version of the rules, or not any more.")
        if found.text is None or found.size > SHOWN_BYTES:
            return "", f"This version has {found.size:,} bytes: too large to edit here. Upload a file."
        return decoded(found.text), f"This is the version that was put {found.since:%Y-%m-%d %H:%M} UTC."
    state = rules_state(world.store)
    if state.in_force is None:
        return "", "There are no rules in force."
    if state.in_force.text is not None and state.in_force.size <= SHOWN_BYTES:
        return decoded(state.in_force.text), ""
    part = user_part(world.store, state, user) if user else None
    if part is None:
        size = f"{state.in_force.size:,} bytes"
        return (
            "",
            f"The file in force has {size}: find a user on the page of rules to try their part, or upload a file.",
        )
    return part.alone, f"The file in force is large: this is it with {part.name} as its only user."


def _result_page(
    request: Request,
    result: Tried,
    identity: str,
    change: str = CHANGED,
    user: str = "",
    rule: int | None = None,
    number: int = 1,
    **values: Any,
) -> HTMLResponse:
    rows = result.chosen("" if change == "all" else change, user, rule)
    filled = Filled(decoded(result.text), str(result.first), str(result.last), result.user)
    return _page(
        request,
        filled,
        result=result,
        identity=identity,
        rows=page_of(rows, number),
        rows_total=len(rows),
        first_row=(number - 1) * PAGE_SIZE + 1,
        number=number,
        pages=max(1, -(-len(rows) // PAGE_SIZE)),
        change=change,
        chosen_user=user,
        chosen_rule=rule,
        **values,
    )


def _page(request: Request, filled: Filled, status: int = 200, **values: Any) -> HTMLResponse:
    """The form with what came of it; for htmx, the latter alone."""
    nothing = dict.fromkeys(("result", "refused", "remarks"))
    common = {
        "filled": filled,
        "changes": _CHANGES,
        "most_days": MOST_DAYS,
        "most_bytes": MOST_BYTES,
        "assumed": ASSUMED,
    }
    template = "rules/answer.html.j2" if is_fragment(request) else "rules/try.html.j2"
    return render(request, template, status, **{"mistake": "", "notice": "", **nothing, **common, **values})
