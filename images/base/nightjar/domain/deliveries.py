"""The deliveries of an alert: one for each channel and recipient, and how far it got. Pure.

    Address    a channel and a recipient
    Happened   something that happens to a delivery
    Delivery   the state that follows from all that happened, as the ledger keeps it

Several events may be told in one message. Then the line of the first event says how the message went, and the
deliveries of the others refer to it (`told_with`) until they are settled: so a task that is killed leaves one truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from nightjar.domain.events import EventRef
from nightjar.domain.model import Part


class AlertState(StrEnum):
    """How far an alert, or one delivery of it, got. Only what is `claimed` or `failed` may be taken up again."""

    CLAIMED = "claimed"  # being sent, or to be tried again
    SENT = "sent"  # the channel's API accepted it
    OUTBOX = "outbox"  # no mail key: rendered to outbox/, not sent
    FAILED = "failed"  # refused for good


UNCERTAIN, IN_OUTBOX = "uncertain", "in outbox"  # states in words, beside those above

AnyState = Annotated[AlertState | str, Field(union_mode="left_to_right")]


@dataclass(frozen=True, order=True)
class Address:
    """Where a message goes: a channel's name, and an e-mail address or "" where the channel's URL says to whom."""

    channel: str
    recipient: str = ""

    def __str__(self) -> str:
        """`email to alice@example.com`, `oncall`."""
        return f"{self.channel} to {self.recipient}" if self.recipient else self.channel


class Happened(StrEnum):
    """The steps of a delivery."""

    CLAIMED = "claimed"  # a task has taken it up; it waits for its turn
    STARTED = "started"  # its message is about to be sent
    ACCEPTED = "accepted"
    KEPT = "kept"  # in the outbox
    REFUSED = "refused"
    LATER = "later"  # surely not sent; to be tried again
    LOST = "lost"  # to be tried again, and nobody knows whether it was sent


class Delivery(Part):
    """How far the message to one address got.

    `in_flight` is set while it is being sent: if it stays set, the task was killed. `possibly_repeated`: an attempt
    ended without knowing whether it went out. `told_with` is the event that the message is filed under, if that is
    another one; `together` are the ids of the other events that the message tells, if it is filed under this one.
    """

    channel: str
    recipient: str
    state: AnyState = AlertState.CLAIMED
    subject: str = ""
    in_flight: bool = False
    possibly_repeated: bool = False
    told_with: EventRef | None = None
    together: tuple[str, ...] = ()
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    outbox_key: str | None = None
    problem: str = ""

    @property
    def address(self) -> Address:
        """Where it goes."""
        return Address(self.channel, self.recipient)

    @property
    def is_done(self) -> bool:
        """Whether nobody may send it any more; so it is with a state that a later release wrote."""
        return self.state not in (AlertState.CLAIMED, AlertState.FAILED)

    @property
    def may_have_been_sent(self) -> bool:
        """Whether an attempt ended without knowing: no answer ever came, or the task was killed meanwhile."""
        return self.possibly_repeated or self.in_flight

    def told_state(self, is_held: bool) -> str:
        """The state for people: `claimed`, `sent`, `failed`, `in outbox` or `uncertain`.

        `is_held`: the task that claimed it may still be sending it.
        """
        if self.state == AlertState.OUTBOX:
            return IN_OUTBOX
        being_sent = self.in_flight and is_held
        return (
            UNCERTAIN
            if self.state == AlertState.CLAIMED and self.may_have_been_sent and not being_sent
            else str(self.state)
        )

    def after(self, happened: Happened, now: datetime, **values: Any) -> "Delivery":
        """The delivery after one more step, with `values` beside; raises ValueError for a step that cannot follow.

        `possibly_repeated` among the values says that calls of this attempt got no answer before the last one.
        """
        if happened in (Happened.CLAIMED, Happened.STARTED):
            if self.is_done:
                raise ValueError(f"expected a delivery that is claimed or failed, got {self.state}: {self.address}")
            begun = {
                "state": AlertState.CLAIMED,
                "in_flight": happened is Happened.STARTED,
                "possibly_repeated": self.may_have_been_sent,
                "claimed_at": now,
                "finished_at": None,
                "problem": "",
                "outbox_key": None,
            }
            return self.model_copy(update={**begun, **values})
        if not (self.in_flight and self.state == AlertState.CLAIMED):
            raise ValueError(f"expected a delivery that is being sent, got {self.state}: {self.address}")
        repeated = self.possibly_repeated or values.get("possibly_repeated", False)
        ends: dict[Happened, dict[str, Any]] = {
            Happened.ACCEPTED: {"state": AlertState.SENT, "finished_at": now},
            Happened.KEPT: {"state": AlertState.OUTBOX, "finished_at": now},
            Happened.REFUSED: {"state": AlertState.FAILED, "finished_at": now},
            Happened.LATER: {"state": AlertState.CLAIMED},
            Happened.LOST: {"state": AlertState.CLAIMED},
        }
        # A file that is written again is still one file.
        repeated = happened is Happened.LOST or (repeated and happened is not Happened.KEPT)
        return self.model_copy(update={**values, "in_flight": False, "possibly_repeated": repeated, **ends[happened]})

    def as_told(self, event_id: str, first: "Iterable[Delivery] | None") -> "Delivery":
        """This delivery of the event, which is told under another one whose deliveries are `first`.

        If no message to this address tells of the event there, none was begun: the delivery waits, on its own.
        """
        if self.told_with is None or self.state != AlertState.CLAIMED:
            return self
        message = next((d for d in first or () if d.address == self.address and event_id in d.together), None)
        if message is None:
            return self.model_copy(update={"told_with": None, "in_flight": False})
        copied = ("state", "subject", "in_flight", "claimed_at", "finished_at", "outbox_key", "problem")
        repeated = self.possibly_repeated or message.possibly_repeated
        values = {name: getattr(message, name) for name in copied}
        return self.model_copy(update={**values, "possibly_repeated": repeated})


def all_done(deliveries: Iterable[Delivery]) -> bool:
    """Whether no delivery may be sent any more."""
    return all(each.is_done for each in deliveries)


def anybody_told(deliveries: Iterable[Delivery]) -> bool:
    """Whether at least one recipient has been told, or will be by the outbox."""
    return any(each.is_done for each in deliveries)


def waiting(deliveries: Sequence[Delivery], wanted: Iterable[Address]) -> tuple[Address, ...]:
    """The `wanted` addresses that have still to be told.

    Nobody is added to an alert that is done: who becomes a recipient later hears of what comes later.
    """
    if deliveries and all_done(deliveries):
        return ()
    done = {each.address for each in deliveries if each.is_done}
    return tuple(dict.fromkeys(address for address in wanted if address not in done))


def overall(deliveries: Sequence[Delivery]) -> AlertState | str:
    """The state of the whole alert, as release 0.2 has to understand it: nobody who was told may be told again."""
    states = [each.state for each in deliveries]
    if done := [each.state for each in deliveries if each.is_done]:
        return AlertState.SENT if AlertState.SENT in done else done[0]
    return AlertState.CLAIMED if AlertState.CLAIMED in states else AlertState.FAILED
