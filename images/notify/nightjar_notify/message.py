"""A notice as an e-mail: subject, text and HTML, which say the same. Pure; every name from outside is escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nightjar.domain.notices import Notice, NoticeKind
from nightjar_notify.channels.protocol import Illustration, Outgoing
from nightjar_notify.picture import Shown

REPEATED = "[possibly repeated] "


@dataclass(frozen=True)
class Inline:
    """A JPEG that the HTML shows by its content id."""

    content_id: str
    name: str
    jpeg: bytes
    width: int


@dataclass(frozen=True)
class Message:
    """An e-mail. `pictures` are what the HTML shows; none when they are there no more."""

    recipient: str
    subject: str
    text: str
    html: str
    pictures: tuple[Inline, ...]


@dataclass(frozen=True)
class _Picture:
    caption: str
    whole: Inline | None = None
    closeup: Inline | None = None


def compose(message: Outgoing, *, possibly_repeated: bool) -> Message:
    """The e-mail of `message`."""
    notice = message.notice
    pictures = list(_pictures(notice, message.illustrations))
    gone = sum(each.whole is None for each in pictures)
    values = {
        "notice": notice,
        "repeated": _repeated(notice) if possibly_repeated else "",
        "pictures": pictures,
        # One picture shows what the headline says; several have to say which is which.
        "captions": len(pictures) > 1,
        "missing": _missing(gone, len(pictures)),
        "links": [action for action in notice.actions if action.link],
        "commands": [action for action in notice.actions if not action.link],
    }
    inline = [each for picture in pictures for each in (picture.whole, picture.closeup) if each is not None]
    return Message(
        recipient=message.recipient,
        subject=subject_of(notice, possibly_repeated=possibly_repeated),
        text=_templates().get_template("message.txt.j2").render(values),
        html=_templates().get_template("message.html.j2").render(values),
        pictures=tuple(inline),
    )


def subject_of(notice: Notice, *, possibly_repeated: bool) -> str:
    """The subject of the e-mail about `notice`."""
    return f"{REPEATED if possibly_repeated else ''}{notice.subject}"


def _repeated(notice: Notice) -> str:
    what = "alert" if notice.kind is NoticeKind.ALERT else "message"
    return f"This {what} may have reached you before: Nightjar was interrupted while it was sending it."


def _missing(gone: int, number: int) -> str:
    if not gone:
        return ""
    return "The picture is no longer there." if number == 1 else f"{gone} of {number} pictures are no longer there."


def _pictures(notice: Notice, illustrations: Sequence[Illustration]) -> Iterator[_Picture]:
    about = notice.camera.name if notice.camera else notice.user
    for number, each in enumerate(illustrations, 1):
        if each.pictures is None:
            yield _Picture(each.caption)
            continue
        ending = "" if number == 1 else f"-{number}"
        whole, closeup = each.pictures.whole, each.pictures.closeup
        name = f"{about}-{notice.id}{ending}"
        yield _Picture(
            each.caption,
            _inline(f"picture{ending}", f"{name}.jpg", whole),
            _inline(f"closeup{ending}", f"{name}-closeup.jpg", closeup) if closeup else None,
        )


def _inline(content_id: str, name: str, shown: Shown) -> Inline:
    return Inline(content_id, name, shown.jpeg, shown.width)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("nightjar_notify"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
