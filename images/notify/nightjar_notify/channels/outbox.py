"""Without a mail key, messages are rendered into files that a mail client opens, and not sent."""

from nightjar.domain.deliveries import AlertState
from nightjar.domain.layout import digest
from nightjar.stores.outbox import Outbox
from nightjar_notify.channels.protocol import EMAIL, Answer, Outgoing
from nightjar_notify.eml import to_mime
from nightjar_notify.message import compose
from nightjar_notify.pace import Pace


class OutboxChannel:
    """One file for each notice and recipient; the same notice gives the same file."""

    name = EMAIL

    def __init__(self, outbox: Outbox, sender: str, pace: Pace) -> None:
        self.pace = pace
        self._outbox, self._sender = outbox, sender

    def send(self, message: Outgoing) -> Answer:
        """Write the file. One that is written again is still one file, so that nothing is ever repeated."""
        notice = message.notice
        mail = compose(message, possibly_repeated=False)
        about = notice.camera.name if notice.camera else notice.user or "operator"
        day = notice.events[0].day if notice.events else notice.at.date()
        name = notice.id if message.is_first else f"{notice.id}-{digest(message.recipient, 8)}"
        written = self._outbox.put(day, about, name, to_mime(mail, self._sender, notice.id, notice.at))
        return Answer(AlertState.OUTBOX, mail.subject, written=written)

    def close(self) -> None:
        """Nothing is open."""
