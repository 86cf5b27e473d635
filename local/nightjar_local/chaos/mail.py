"""How the double of the mail API spoils a message, and which messages a recipient has got."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nightjar_local.chaos.plan import MailSpoil
from nightjar_local.sendgrid_double import Received, Reply

REPLIES = {
    MailSpoil.ERROR_500: Reply(500),
    MailSpoil.BUSY: Reply(429, headers={"Retry-After": "1"}),
    MailSpoil.LOST_ANSWER: Reply(hang_up=True),
}
REPEATED = "[possibly repeated]"


@dataclass(frozen=True)
class Message:
    """An alert that is on its way to its recipient, and whether it says that it may be a repeated one."""

    event_id: str
    is_marked: bool


def spoilt(exchanges: Iterable[tuple[Received, Reply]]) -> Counter[MailSpoil]:
    """How often the API treated a message badly, by how it did."""
    spoils = {(reply.status, reply.hang_up): spoil for spoil, reply in REPLIES.items()}
    kinds = (spoils.get((reply.status, reply.hang_up)) for _, reply in exchanges)
    return Counter(kind for kind in kinds if kind is not None)


def delivered(exchanges: Iterable[tuple[Received, Reply]]) -> list[Message]:
    """The messages that the API took, in order; also those whose sender never learnt that."""
    return [
        Message(str(request.body["headers"]["X-Nightjar-Event"]), request.subject.startswith(REPEATED))
        for request, reply in exchanges
        if reply.status == 202
    ]
