"""The parameters of an address, read: a run, a task of it, and which part of a list. Anything else is refused."""

import re
from datetime import UTC, datetime

from plugins.web.rendering import refuse

LONGEST = 250  # characters of an id, as Airflow bounds them
MOST_PAGES = 10_000
_NOT_EXPANDED = "{MAP_INDEX}"  # Airflow leaves it so on the page of a task that is not mapped
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def identifier(name: str, came: str | None) -> str:
    """An id of a DAG, a run or a task."""
    if not came or len(came) > LONGEST or _CONTROL.search(came):
        refuse(f"{name} of 1 to {LONGEST} characters", came or "")
    return came


def map_index(came: str | None) -> int:
    """The index of a mapped task; -1 where there is none."""
    if came in (None, "", _NOT_EXPANDED):
        return -1
    assert came is not None
    if not re.fullmatch(r"-1|[0-9]{1,7}", came):
        refuse("map_index to be -1 or a number up to 9999999", came)
    return int(came)


def page_number(came: str | None) -> int:
    """Which part of a list, from 1 on."""
    if came in (None, ""):
        return 1
    assert came is not None
    if not re.fullmatch(r"[0-9]{1,5}", came) or not 1 <= int(came) <= MOST_PAGES:
        refuse(f"page to be a number from 1 to {MOST_PAGES}", came)
    return int(came)


def moment(came: str | None) -> datetime | None:
    """A time with its zone, as ISO 8601 has it; None where there is none."""
    if came in (None, ""):
        return None
    assert came is not None
    try:
        at = datetime.fromisoformat(came.replace(" ", "+"))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        refuse("before to be a time such as 2026-11-20T12:00:00+00:00", came)
