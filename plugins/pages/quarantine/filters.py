"""The filters of the page as its address has them: untrusted text in, a question to the warehouse out, and back."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from nightjar.domain.names import Camera, NameRefused
from nightjar.queries.refused_rows import NO_CAMERA, Cursor, RefusedOf
from plugins.web.rendering import refuse

MOST_DAYS = 92
USUAL_DAYS = 7
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_REASON = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)  # a later release has more than this one knows
_USER = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 31)


def wanted_refusals(given: Mapping[str, Any], today: date) -> RefusedOf:
    """The refusals that `given` (reason, camera, user, from, to) asks for, by default those of the last week.

    Raises BadRequest.
    """
    text = {name: str(given.get(name) or "").strip() for name in ("reason", "camera", "user", "from", "to")}
    last = _day("to", text["to"], today)
    first = _day("from", text["from"], last - timedelta(days=USUAL_DAYS - 1))
    number = (last - first).days + 1
    if not 1 <= number <= MOST_DAYS:
        refuse(f"from a day to the same or a later one, at most {MOST_DAYS} days", f"{first} to {last}")
    if text["reason"] and not _REASON.fullmatch(text["reason"]):
        refuse("a reason of refusal, such as unknown-camera", text["reason"])
    if text["user"] and not _USER.fullmatch(text["user"]):
        refuse("a user, 1 to 64 of A-Z a-z 0-9 _", text["user"])
    if text["camera"] not in ("", NO_CAMERA):
        try:
            Camera.parse(text["camera"])
        except NameRefused:
            refuse(f"a camera, <user>-<device>, or {NO_CAMERA!r}", text["camera"])
    return RefusedOf(first, last, text["reason"], text["camera"], text["user"])


def cursor_in(given: Mapping[str, Any]) -> Cursor | None:
    """The place in the list from which on it is asked for, if `given` has one; raises BadRequest."""
    text = str(given.get("before") or "")
    try:
        return Cursor.parse(text) if text else None
    except ValueError:
        refuse("before to be a place in the list, as the link to older refusals has it", text)


def query_of(wanted: RefusedOf, before: str = "", **changes: Any) -> str:
    """`wanted`, with other values for some of its fields, from the cursor `before` on, as the query of an address."""
    asked = replace(wanted, **changes)
    pairs = {"from": str(asked.first), "to": str(asked.last)}
    pairs |= {name: value for name in ("reason", "camera", "user") if (value := getattr(asked, name))}
    return urlencode(pairs | ({"before": before} if before else {}))


def _day(name: str, text: str, usual: date) -> date:
    if not text:
        return usual
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _EARLIEST <= day <= _LATEST:
        refuse(f"{name} to be a UTC day, such as 2026-11-20", text)
    return day
