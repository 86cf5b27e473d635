"""The alert of an event, as the ledger keeps it: who sends it, how far it got, what was sent and what was answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import Field

from nightjar.domain.deliveries import Address, AnyState, Delivery, all_done, anybody_told, overall
from nightjar.domain.deliveries import AlertState as AlertState
from nightjar.domain.events import Event
from nightjar.domain.makers import Made
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Part, Stored, is_empty
from nightjar.domain.names import Camera

# How long a claim is taken for work in progress. Longer than notify's settings let it wait for the mail API.
LEASE = timedelta(minutes=15)


class ApiCall(Part):
    """One call to an outside API and its answer, without secrets and without the bytes of pictures."""

    at: datetime
    method: str
    url: str
    request: dict[str, object]
    status: int | None  # None: no answer
    response: str
    message_id: str | None = None
    channel: str = "email"
    recipient: str = ""  # "" in lines of release 0.2, which had one recipient, and for a channel whose URL says to whom


class Alert(Stored):
    """`alerts/YYYY/MM/DD/<event id>.json`, and `alerts/notices/YYYY/MM/DD/<notice id>.json` of what is no event.

    `deliveries` has one for each channel and recipient; release 0.2 had one in all, and wrote it into the fields of the
    alert itself. These are still written: they are those of the first delivery, and `state` is `sent` as soon as
    anybody was told. `holder` is the output prefix of the task that claimed it last; release 0.1 did not write it.
    `in_flight` is set while a message is being sent: `calls` may lack the last ones, and if it stays set, the task was
    killed.
    `told_until` is the end of the event as the first message told it. `made_by` is the stage that claimed it last, and
    `inputs` are the event and the pictures that it told, in the versions that it read.
    """

    event_id: str
    event_key: str
    user: str
    device: str
    rule_id: int
    started_at: datetime  # of the event, as it was known when the alert was claimed first
    state: AnyState
    channel: str  # "email"
    recipient: str
    subject: str
    possibly_repeated: bool
    run: str
    holder: str = ""
    claimed_at: datetime
    finished_at: datetime | None = None
    outbox_key: str | None = None
    in_flight: bool = False
    calls: tuple[ApiCall, ...] = ()  # of all attempts and deliveries, in order
    kind: str = "alert"
    severity: str = ""
    told_until: datetime | None = None
    deliveries: tuple[Delivery, ...] = ()
    made_by: Made = None
    inputs: Annotated[tuple[ObjectRef, ...], Field(exclude_if=is_empty)] = ()

    @property
    def camera(self) -> Camera:
        """The camera that saw the event."""
        return Camera(self.user, self.device)

    @property
    def each_delivery(self) -> tuple[Delivery, ...]:
        """The deliveries; of a line of release 0.2 or before, the only one."""
        if self.deliveries:
            return self.deliveries
        only = Delivery(
            channel=self.channel,
            recipient=self.recipient,
            state=self.state,
            subject=self.subject,
            in_flight=self.in_flight,
            possibly_repeated=self.possibly_repeated,
            claimed_at=self.claimed_at,
            finished_at=self.finished_at,
            outbox_key=self.outbox_key,
        )
        return (only,)

    def delivery(self, address: Address) -> Delivery | None:
        """The delivery to `address`, if there is one yet."""
        return next((each for each in self.each_delivery if each.address == address), None)

    def calls_to(self, delivery: Delivery) -> tuple[ApiCall, ...]:
        """The calls that were made for `delivery`."""
        if not self.deliveries:
            return self.calls
        return tuple(c for c in self.calls if (c.channel, c.recipient) == (delivery.channel, delivery.recipient))

    @property
    def is_done(self) -> bool:
        """Whether nobody may send it any more; so it is with a state that a later release wrote."""
        return all_done(self.each_delivery)

    @property
    def anybody_told(self) -> bool:
        """Whether at least one recipient was told."""
        return anybody_told(self.each_delivery)

    @property
    def is_claimed(self) -> bool:
        """Whether a delivery is being sent, or was and has to be tried again."""
        return any(each.state == AlertState.CLAIMED for each in self.each_delivery)

    def is_held(self, holder: str, run: str, now: datetime) -> bool:
        """Whether another task than the one with the output prefix `holder`, of run `run`, is sending it just now."""
        own = self.holder == holder if self.holder else self.run == run
        return self.is_claimed and not own and now < self.claimed_at + LEASE

    @property
    def may_have_been_sent(self) -> bool:
        """Whether an attempt ended without knowing: the API never answered, or the task was killed meanwhile."""
        return any(each.may_have_been_sent for each in self.each_delivery)

    def told_state(self, now: datetime) -> str:
        """The state for people: `claimed`, `sent`, `failed`, `in outbox`, or `uncertain`; several where they differ.

        A delivery is uncertain when an attempt ended without knowing whether it went out. The next attempt sends it
        once more, marked as possibly repeated.
        """
        return ", ".join(dict.fromkeys(self.told_states(now)))

    def told_states(self, now: datetime) -> list[str]:
        """The state for people of each delivery."""
        return [each.told_state(now < self.claimed_at + LEASE) for each in self.each_delivery]

    def delivering(self, deliveries: Sequence[Delivery], **values: Any) -> Self:
        """The alert with these deliveries, of which there is at least one, and other `values`."""
        first = deliveries[0]
        claimed = [each for each in deliveries if each.state == AlertState.CLAIMED]
        finished = [each.finished_at for each in deliveries if each.finished_at]
        update = {
            "deliveries": tuple(deliveries),
            "state": overall(deliveries),
            "channel": first.channel,
            "recipient": first.recipient,
            "subject": first.subject,
            "possibly_repeated": any(each.possibly_repeated for each in deliveries),
            # Release 0.2 has no other way to see that a message may be on its way, told under another event.
            "in_flight": any(each.in_flight or each.told_with is not None for each in claimed),
            "finished_at": max(finished) if finished and not claimed else None,
            "outbox_key": next((each.outbox_key for each in deliveries if each.outbox_key), None),
            "calls": self.calls if self.deliveries else tuple(self._of_only(call) for call in self.calls),
        }
        return self.model_copy(update={**update, **values})

    def _of_only(self, call: ApiCall) -> ApiCall:
        """A call that release 0.2 made, which had one recipient and did not name it."""
        return call.model_copy(update={"channel": self.channel, "recipient": self.recipient})


class DigestLine(Stored):
    """An event that nobody was alerted of: a line of `digest.jsonl`, and an object of the digest store.

    `handled_at` is when notify looked at it; release 0.2 did not write it. `reason` is why it was held back; release
    0.2 held back only what came too late.
    """

    event_id: str
    event_key: str
    user: str
    device: str
    site: str | None
    rule_id: int
    rule_name: str
    started_at: datetime
    ended_at: datetime
    labels: dict[str, float]
    pictures: int
    handled_at: datetime | None = None
    reason: str = "too-late"
    severity: str = ""

    @classmethod
    def of(
        cls,
        event: Event,
        event_key: str,
        handled_at: datetime | None,
        reason: str = "too-late",
        severity: str = "",
    ) -> Self:
        """The line about `event`, which is stored at `event_key`."""
        return cls(
            event_id=event.id,
            event_key=event_key,
            user=event.user,
            device=event.device,
            site=event.site,
            rule_id=event.rule_id,
            rule_name=event.rule_name,
            started_at=event.started_at,
            ended_at=event.ended_at,
            labels=event.labels,
            pictures=event.picture_count,
            handled_at=handled_at,
            reason=reason,
            severity=severity,
        )
