"""The life of a trouble: told once when it comes up, once when it is over."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.troubles import OPERATOR, Facts, Notice, Trouble, TroubleKind, ended, opened, told

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def trouble(minutes: int = 0, pictures: int = 3) -> Trouble:
    return Trouble(
        about="alice-porch",
        kind=TroubleKind.VOID,
        severity="warning",
        since=at(minutes),
        opened_at=at(minutes),
        facts=Facts(pictures=pictures),
    )


def after(steps: str) -> Trouble:
    """The trouble after these steps, a minute apart: (o)pened, (e)nded, (t)old whatever is due."""
    stored: Trouble | None = None
    for minute, step in enumerate(steps):
        if step == "o":
            stored = opened(stored, trouble(minute, pictures=minute)) or stored
        elif step == "e":
            stored = ended(stored, at(minute)) or stored
        elif stored and stored.due:
            stored = told(stored, stored.due, at(minute))
    assert stored
    return stored


@pytest.mark.parametrize(
    ("steps", "due", "is_open", "number"),
    [
        ("o", Notice.OPENED, True, 1),
        ("oo", Notice.OPENED, True, 1),
        ("ot", None, True, 1),
        ("otoo", None, True, 1),
        ("oe", None, False, 1),  # over before anybody was told
        ("ote", Notice.ENDED, False, 1),
        ("otee", Notice.ENDED, False, 1),
        ("otet", None, False, 1),
        ("otett", None, False, 1),
        ("oteo", None, True, 1),  # it never was over, as far as anybody was told
        ("oteoe", Notice.ENDED, False, 1),
        ("oteto", Notice.OPENED, True, 2),
        ("otetot", None, True, 2),
        ("otetoe", None, False, 2),
        ("oeo", Notice.OPENED, True, 2),
        ("otetotet", None, False, 2),
    ],
)
def test_what_is_due(steps: str, due: Notice | None, is_open: bool, number: int) -> None:
    now = after(steps)
    assert (now.due, now.is_open, now.number) == (due, is_open, number)


def test_a_trouble_that_comes_up_again_says_what_is_so_now() -> None:
    again = after("otetxo")
    assert (again.since, again.opened_at, again.facts.pictures) == (at(5), at(5), 5)
    assert after("oxo").facts.pictures == 0  # the first notice says how it was when it was noticed


def test_what_a_later_release_added_is_kept() -> None:
    stored = Trouble.model_validate({**after("otet").model_dump(), "of_a_later_release": 1})
    again = opened(stored, trouble(9))
    assert again and again.model_extra == {"of_a_later_release": 1}


@pytest.mark.parametrize("before", [None, after("oe"), after("otet")])
def test_nothing_ends_that_is_not_open(before: Trouble | None) -> None:
    assert ended(before, at(9)) is None


def test_whose_it_is() -> None:
    assert trouble().camera == Camera("alice", "porch")
    assert trouble().model_copy(update={"about": OPERATOR}).camera is None
