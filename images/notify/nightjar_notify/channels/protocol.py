"""The protocol of channels: each renders a notice for itself and sends it, and never decides who is told of what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nightjar.domain.alerts import ApiCall
from nightjar.domain.deliveries import AlertState
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.notices import Notice
from nightjar_notify.answers import sentence_in
from nightjar_notify.pace import Pace
from nightjar_notify.picture import Pictures

EMAIL = "email"  # the name of the channel that every deployment has


@dataclass(frozen=True)
class Illustration:
    """The JPEGs of one of the notice's pictures, with its caption; `pictures` is None when it is no longer there."""

    caption: str
    pictures: Pictures | None


@dataclass(frozen=True)
class Outgoing:
    """A notice with its pictures drawn, on its way to one recipient.

    `recipient` is an e-mail address for `email`; "" for a channel whose URL says to whom it goes.
    `possibly_repeated`: an earlier attempt to send just this may have reached the recipient, and the message says so.
    `is_first`: the recipient is the first one in the rules; files for others have longer names.
    """

    notice: Notice
    recipient: str
    illustrations: Sequence[Illustration] = ()
    possibly_repeated: bool = False
    is_first: bool = True


@dataclass(frozen=True)
class Answer:
    """How sending ended.

    `state`: SENT, OUTBOX, FAILED (refused for good), or CLAIMED: not now, try again later. `subject` is the one that
    was sent at last. `possibly_repeated`: it may have been sent twice (given so, or a call got no answer). With state
    CLAIMED it means that this attempt may have reached the recipient. `calls` are all calls without secrets: no key, no
    URL that holds one, no picture's bytes; each names the channel and the recipient. `problem` says in a sentence why
    it failed, if no call's answer does. `refused_for_all`: nothing that this channel sends will be taken until a person
    changes its key, URL or sender.
    `quota`: not now, since the account may send no more for now.
    """

    state: AlertState
    subject: str
    possibly_repeated: bool = False
    calls: tuple[ApiCall, ...] = ()
    written: ObjectRef | None = None
    problem: str = ""
    refused_for_all: bool = False
    quota: bool = False

    @property
    def sentence(self) -> str:
        """The problem, or else the last answer of the API."""
        if self.problem:
            return self.problem
        if not self.calls:
            return "nothing"
        last = self.calls[-1]
        return f"{last.status or 'no answer'}: {sentence_in(last.response)[:300]}"


class Channel(Protocol):
    """A way to send notices. Safe to use from threads.

    `name` is the one in the rules. `pace` is the channel's own: whoever sends begins each message within
    `pace.delivery()` and says by `pace.settled` how it ended, so that a channel that is down holds up no other.
    """

    name: str
    pace: Pace

    def send(self, message: Outgoing) -> Answer:
        """Render and send the message, as far as that can be done now; again and again while the pace allows it."""

    def close(self) -> None:
        """Close what is open; nothing is sent afterwards."""


class Channels(Protocol):
    """The channels of a deployment, by name."""

    def named(self, name: str) -> Channel | str:
        """The channel; or a sentence that says why there is none: `expected a channel …, got 'oncal'`."""

    @property
    def opened(self) -> Sequence[Channel]:
        """Those that were used so far."""

    def close(self) -> None:
        """Close all that were opened."""
