"""Where an alert goes: to the mail API, or, without a key, to the outbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nightjar.domain.alerts import AlertState, ApiCall
from nightjar.domain.events import Event
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.stores.outbox import Outbox
from nightjar_notify.answers import Verdict, sentence_in
from nightjar_notify.eml import to_mime
from nightjar_notify.message import Message
from nightjar_notify.pace import Pace

_STATES = {
    Verdict.ACCEPTED: AlertState.SENT,
    Verdict.LATER: AlertState.CLAIMED,
    Verdict.REFUSED: AlertState.FAILED,
    Verdict.UNAUTHORISED: AlertState.FAILED,
}


@dataclass(frozen=True)
class Delivery:
    """How far a message got. `state` CLAIMED: not now; `unauthorised`: nor will any other message.

    `quota`: not now, since the account may send no more for now.
    """

    state: AlertState
    message: Message
    possibly_repeated: bool = False
    calls: tuple[ApiCall, ...] = ()
    written: ObjectRef | None = None
    unauthorised: bool = False
    quota: bool = False

    @property
    def answer(self) -> str:
        """The last answer of the mail API."""
        if not self.calls:
            return "nothing"
        last = self.calls[-1]
        return f"{last.status or 'no answer'}: {sentence_in(last.response)[:300]}"


class Channel(Protocol):
    """A way to deliver a message. Safe to use from threads."""

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        """Deliver the message that `compose` makes, as far as it can be done now.

        `compose` makes the message; its argument says whether the message may have reached the recipient before, as it
        may from the start with `repeated`.
        """

    def close(self) -> None:
        """Close what is open; nothing is delivered afterwards."""


@dataclass(frozen=True)
class OutboxChannel:
    """Files that a mail client opens, one for each event; the same event gives the same file."""

    outbox: Outbox
    sender: str

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        del repeated  # a file that is written again is still one file
        message = compose(False)
        written = self.outbox.put(event, to_mime(message, self.sender, event.id, event.ended_at))
        return Delivery(AlertState.OUTBOX, message, written=written)

    def close(self) -> None:
        """Nothing is open."""


class MailChannel:
    """E-mail through SendGrid."""

    def __init__(
        self, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        from nightjar_notify.mail_api import SendGrid  # not needed, and so not loaded, for the outbox

        self._api = SendGrid(api, settings, clock, pace)

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        answers = self._api.send(compose, event.id, repeated=repeated)
        verdict = answers[-1].verdict
        # A message counts as repeated if an earlier call had no answer; after "later", the next attempt repeats it.
        before = answers if verdict is Verdict.LATER else answers[:-1]
        repeated = repeated or any(answer.unknown for answer in before)
        return Delivery(
            state=_STATES[verdict],
            message=compose(repeated),
            possibly_repeated=repeated,
            calls=tuple(answer.call for answer in answers),
            unauthorised=verdict is Verdict.UNAUTHORISED,
            quota=answers[-1].quota,
        )

    def close(self) -> None:
        self._api.close()


def open_channel(
    store: ObjectStore, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime], pace: Pace
) -> Channel:
    """The mail API when there is a key, else the outbox."""
    if api.api_key:
        return MailChannel(settings, api, clock, pace)
    return OutboxChannel(Outbox(store), settings.mail_from)
