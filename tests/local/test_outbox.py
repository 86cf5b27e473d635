"""The e-mails of the demo as pages: what a browser finds on disk."""

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from nightjar_local.outbox import write_pages

JPEG = b"\xff\xd8\xff\xd9"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def keep(folder: Path, name: str, data: bytes) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def mail(subject: str, moment: datetime = NOON, pictures: Sequence[bytes] = (JPEG,)) -> bytes:
    """As notify writes it: text, and HTML with its pictures."""
    message = EmailMessage()
    message["To"], message["Subject"], message["Date"] = "alice@example.com", subject, format_datetime(moment)
    message.set_content("text")
    images = "".join(f'<img src="cid:{number}@nightjar">' for number in range(len(pictures)))
    message.add_alternative(f"<p>{html.escape(subject)}</p>{images}", subtype="html")
    page = message.get_payload(1)
    assert isinstance(page, EmailMessage)
    for number, picture in enumerate(pictures):
        page.add_related(picture, "image", "jpeg", cid=f"<{number}@nightjar>", filename=f"{number}.jpg")
    return message.as_bytes()


def links(page: Path) -> list[Path]:
    found = re.findall(r'(?:href|src)="([^"]+)"', page.read_text())
    return [page.parent / unquote(each) for each in found]


def test_every_link_leads_to_a_file_on_disk(tmp_path: Path) -> None:
    keep(tmp_path, "2026/11/26/alice-porch/b.eml", mail("Person at alice-porch, 12:00", pictures=(JPEG, JPEG)))
    keep(tmp_path, "2026/11/26/bob-store 50%/a.eml", mail("Cat", NOON.replace(hour=11)))
    index = write_pages(tmp_path)
    assert index == tmp_path / "index.html"
    text = index.read_text()
    assert "2 e-mails" in text and text.index("Cat") < text.index("Person at alice-porch")
    files = links(index)
    assert {file.suffix for file in files} == {".html", ".eml", ".jpg"}
    pages = [file for file in files if file.suffix == ".html"]
    for file in [*files, *(link for page in pages for link in links(page))]:
        assert file.is_file(), file
    assert "cid:" not in pages[0].read_text()
    assert "http" not in text, "expected nothing from elsewhere"


def test_again_is_the_same(tmp_path: Path) -> None:
    keep(tmp_path, "a.eml", mail("Cat"))
    write_pages(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    write_pages(tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_no_mail_no_page(tmp_path: Path) -> None:
    assert write_pages(tmp_path / "nothing") is None
    assert write_pages(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [mail("Cat", pictures=()), b"", b"no message at all", b"Subject: x\n\ntext", EmailMessage().as_bytes()],
)
def test_what_a_message_lacks_its_page_lacks(data: bytes, tmp_path: Path) -> None:
    keep(tmp_path, "a.eml", data)
    index = write_pages(tmp_path)
    assert index is not None and "1 e-mail<" in index.read_text()
    assert "<img" not in index.read_text()


def test_what_a_message_says_is_no_markup_of_the_index(tmp_path: Path) -> None:
    keep(tmp_path, "a.eml", mail("<script>alert(1)</script>"))
    index = write_pages(tmp_path)
    assert index is not None and "<script>" not in index.read_text()
