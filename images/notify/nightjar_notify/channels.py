"""Where an alert goes: to the mail API, or, without a key, to the outbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nightjar.domain.alerts import AlertState, ApiCall
from nightjar.domain.events import Event
from nightjar.domain.layout import outbox_key
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_notify.eml import to_mime
from nightjar_notify.message import Message


@dataclass(frozen=True)
class Delivery:
    """How far a message got. `state` CLAIMED: not now; `unauthorised`: nor will any other."""

    state: AlertState
    message: Message
    possibly_repeated: bool = False
    calls: tuple[ApiCall, ...] = ()
    written: ObjectRef | None = None
    unauthorised: bool = False

    @property
    def answer(self) -> str:
        """What the mail API said last."""
        if not self.calls:
            return "nothing"
        return f"{self.calls[-1].status or 'no answer'}: {self.calls[-1].response[:300]}"


class Channel(Protocol):
    """A way to deliver a message."""

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        """Deliver the message that `compose` makes, as far as it can be done now.

        `compose` is told whether the message is possibly a repeated one; so it is from the start with `repeated`.
        """


@dataclass(frozen=True)
class Outbox:
    """Files that a mail client opens, one an event; the same event gives the same file."""

    store: ObjectStore
    sender: str

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        del repeated  # a file that is written again is still one file
        message = compose(False)
        data = to_mime(message, self.sender, event.id, event.ended_at)
        key = outbox_key(event.started_at, event.camera, event.id)
        ref = write_bytes(self.store, key, data, content_type="message/rfc822")
        return Delivery(AlertState.OUTBOX, message, written=ref)


class Mail:
    """E-mail through SendGrid."""

    def __init__(self, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime]) -> None:
        from nightjar_notify.mail_api import SendGrid, Verdict  # not needed, and so not loaded, for the outbox

        self._api = SendGrid(api, settings, clock)
        self._states = {
            Verdict.ACCEPTED: AlertState.SENT,
            Verdict.LATER: AlertState.CLAIMED,
            Verdict.REFUSED: AlertState.FAILED,
            Verdict.UNAUTHORISED: AlertState.FAILED,
        }
        self._unauthorised, self._later = Verdict.UNAUTHORISED, Verdict.LATER

    def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
        answers = self._api.send(compose, event.id, repeated=repeated)
        verdict = answers[-1].verdict
        # The last one went out as repeated if an earlier one had no answer; if it is "later", the next one will.
        before = answers if verdict is self._later else answers[:-1]
        repeated = repeated or any(answer.unknown for answer in before)
        return Delivery(
            state=self._states[verdict],
            message=compose(repeated),
            possibly_repeated=repeated,
            calls=tuple(answer.call for answer in answers),
            unauthorised=verdict is self._unauthorised,
        )


def open_channel(
    store: ObjectStore, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime]
) -> Channel:
    """The mail API when there is a key, else the outbox."""
    return Mail(settings, api, clock) if api.api_key else Outbox(store, settings.mail_from)
