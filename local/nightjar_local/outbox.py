"""The demo's e-mails as pages that a browser opens from disk: `index.html`, and a page beside each `.eml` file."""

import email
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

INDEX = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}  # of the pictures in a message; others are left out


@dataclass(frozen=True)
class Mail:
    """An e-mail on the index. `page`, `message` and `picture` are addresses relative to it."""

    subject: str
    to: str
    date: datetime | None
    page: str
    message: str
    picture: str | None


def write_pages(folder: Path) -> Path | None:
    """Write a page for each message below `folder`, and the index of them, which is returned; None for no message."""
    mails = [_page(folder, file) for file in sorted(folder.rglob("*.eml"))]
    if not mails:
        return None
    mails.sort(key=lambda mail: (mail.date or datetime.max.replace(tzinfo=UTC), mail.page))
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    index = folder / INDEX
    index.write_text(environment.get_template("outbox.html.j2").render(mails=mails), encoding="utf-8")
    return index


def _page(folder: Path, file: Path) -> Mail:
    message = email.message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    pictures = dict(_pictures(message, file))
    html = message.get_body(("html", "plain"))
    text = str(html.get_content()) if html else ""
    page = file.with_suffix(".html")
    page.write_text(_with_files(text, pictures), encoding="utf-8")
    first = next(iter(pictures.values()), None)
    return Mail(
        subject=str(message["Subject"] or "(no subject)"),
        to=str(message["To"] or ""),
        date=_date(message),
        page=_address(folder, page),
        message=_address(folder, file),
        picture=_address(folder, first) if first else None,
    )


def _pictures(message: EmailMessage, file: Path) -> Iterator[tuple[str, Path]]:
    """The pictures in a message, written beside it, by content id."""
    for number, part in enumerate(message.walk()):
        extension = _EXTENSIONS.get(part.get_content_type())
        if extension and part["Content-ID"]:
            picture = file.with_name(f"{file.stem}-{number}.{extension}")
            picture.write_bytes(part.get_content())
            yield str(part["Content-ID"]).strip("<> "), picture


def _with_files(html: str, pictures: Mapping[str, Path]) -> str:
    """The page with its pictures from files, which a mail client takes from the message."""
    for content_id, picture in pictures.items():
        html = html.replace(f"cid:{content_id}", quote(picture.name))
    return html


def _date(message: EmailMessage) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _address(folder: Path, file: Path) -> str:
    return quote(file.relative_to(folder).as_posix())
