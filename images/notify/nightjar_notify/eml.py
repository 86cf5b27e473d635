"""A message as a file that any mail client opens. The same message gives the same bytes."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from nightjar_notify.message import CONTENT_ID, Message


def to_mime(message: Message, sender: str, event_id: str, moment: datetime) -> bytes:
    """`message` as MIME (text, and HTML with its picture), dated `moment` (aware); boundaries come from `event_id`."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Nightjar <{sender}>"
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(moment)
    mail["Message-ID"] = f"<{event_id}@{sender.rpartition('@')[2]}>"
    mail["X-Nightjar-Event"] = event_id
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    if message.picture is not None:
        html = mail.get_payload(1)
        assert isinstance(html, EmailMessage)
        html.add_related(
            message.picture,
            "image",
            "jpeg",
            cid=f"<{CONTENT_ID}>",
            disposition="inline",
            filename=message.picture_name,
        )
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_nightjar_{event_id}_{number}")
    return mail.as_bytes()
