"""Troubles: equipment, or the deployment itself, that a person should look after. Pure.

A trouble is told once when it comes up and once when it is over, however many pictures or runs show it:

    opened ──> told ──> ended ──> end told          it comes up again: opened, with the next number
       └──> ended: nobody is told                   ended, and open again before that was told: as if it had not ended
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from nightjar.domain.layout import digest
from nightjar.domain.model import Part, Stored
from nightjar.domain.names import Camera

OPERATOR = "operator"  # whom troubles of the deployment itself are about; no camera's name is without a hyphen
_LONGEST_KIND = 100


class TroubleKind(StrEnum):
    """The troubles of a camera. Those of the operator have kinds of their own."""

    COVERED = "covered"  # a picture is void while a rule is in force
    VOID = "void"  # pictures are refused as void again and again
    FROZEN = "frozen"  # the same picture again and again
    SILENT = "silent"  # no footage for far longer than usual, or never any
    CLOCK = "clock"  # the times in the names lie hours beside the arrival
    REFUSED = "refused"  # most of its footage is refused


class Notice(StrEnum):
    """The two notices of a trouble."""

    OPENED = "opened"
    ENDED = "ended"


class Facts(Part):
    """Facts about a trouble, as far as they apply to its kind; whoever tells people puts them into words.

    void, frozen: `pictures` so many of them; frozen: `how` is `exact` or `noise`. covered: `rules` are in force.
    silent: `last_at` was the last footage, None: never any; it usually comes within `usual_seconds`, and
    `allowed_seconds` were waited. clock: `offset_seconds` from the time in the name to the arrival; above 0 the clock
    is behind. refused: `refused` of `received` pictures, by reason. An operator's trouble comes in words: `title` and
    `text`, its `effect` on alerts, in `todo` how to mend it, and a `link` to where it is seen.
    """

    pictures: int | None = None
    how: str | None = None
    rules: tuple[str, ...] = ()
    last_at: datetime | None = None
    usual_seconds: float | None = None
    allowed_seconds: float | None = None
    offset_seconds: float | None = None
    refused: int | None = None
    received: int | None = None
    reasons: dict[str, int] = Field(default_factory=dict)
    title: str = ""
    text: str = ""
    effect: str = ""
    todo: str = ""
    link: str = ""


class Trouble(Stored):
    """`troubles/<about>/<kind>.json`: a trouble as it is now. `number` counts how often it has come up.

    `since` is when it began, as far as that is known, `opened_at` when it was noticed, `ended_at` when it was seen to
    be over. `told_at` and `end_told_at` are when the notices were dealt with: sent, or held back for the digest.
    """

    about: str  # `<user>-<device>`, or OPERATOR
    kind: str
    severity: str  # of its notice: info, warning or critical
    number: Annotated[int, Field(ge=1)] = 1
    since: datetime
    opened_at: datetime
    facts: Facts = Facts()
    ended_at: datetime | None = None
    told_at: datetime | None = None
    end_told_at: datetime | None = None

    @property
    def camera(self) -> Camera | None:
        """The camera that it is about; None where it is the operator's."""
        return None if self.about == OPERATOR else Camera.parse(self.about)

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.ended_at is None

    @property
    def due(self) -> Notice | None:
        """The notice that has to be sent; None when everything was told."""
        if self.is_open:
            return Notice.OPENED if self.told_at is None else None
        return Notice.ENDED if self.told_at is not None and self.end_told_at is None else None


def trouble_kind(*parts: str) -> str:
    """A kind made of `parts`, such as a DAG's and a run's name: safe in a key, and short; told apart by a hash."""
    text = "-".join(parts)
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:_LONGEST_KIND]
    return clean if clean == text else f"{clean}-{digest(text, 8)}"


def opened(before: Trouble | None, after: Trouble) -> Trouble | None:
    """The trouble that `after` makes of the stored one `before`; None when that stays as it is, being open already."""
    if before is None:
        return after
    if before.is_open:
        return None
    if before.due is Notice.ENDED:  # it was not over for long enough that anybody was told
        return before.model_copy(update={"ended_at": None})
    kept = {name: getattr(after, name) for name in ("severity", "since", "opened_at", "facts")}
    cleared = {"ended_at": None, "told_at": None, "end_told_at": None}
    return before.model_copy(update={**kept, **cleared, "number": before.number + 1})


def ended(before: Trouble | None, now: datetime) -> Trouble | None:
    """The trouble when it is over; None when there is none, or none that is open."""
    if before is None or not before.is_open:
        return None
    return before.model_copy(update={"ended_at": now})


def told(before: Trouble, notice: Notice, now: datetime) -> Trouble:
    """The trouble once `notice` was dealt with; unchanged when it was before."""
    field = "told_at" if notice is Notice.OPENED else "end_told_at"
    return before if getattr(before, field) else before.model_copy(update={field: now})
