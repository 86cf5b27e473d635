"""A message as a file that any mail client opens. The same message gives the same bytes."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from nightjar_notify.message import Message


def to_mime(message: Message, sender: str, event_id: str, moment: datetime) -> bytes:
    """`message` as MIME (text, and HTML with its pictures), dated `moment` (aware); boundaries come from `event_id`."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Nightjar <{sender}>"
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(moment)
    mail["Message-ID"] = f"<{event_id}@{sender.rpartition('@')[2]}>"
    mail["X-Nightjar-Event"] = event_id
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    html = mail.get_payload(1)
    assert isinstance(html, EmailMessage)
    for each in message.pictures:
        html.add_related(
            each.jpeg, "image", "jpeg", cid=f"<{each.content_id}>", disposition="inline", filename=each.name
        )
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_nightjar_{event_id}_{number}")
    return mail.as_bytes()
