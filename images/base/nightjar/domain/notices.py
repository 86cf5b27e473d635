"""A notice: all that a message says, in words, before a channel renders it. Pure data.

The words are made once for each user, in their time zone and language; each channel shows as much of them as it can.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nightjar.domain.events import EventRef, ThreatPicture
from nightjar.domain.names import Camera
from nightjar.domain.severity import Severity


class NoticeKind(StrEnum):
    """The kinds of notices."""

    ALERT = "alert"  # events that a rule calls unsafe
    CLOSING = "closing"  # an event that grew after its alert is over
    DIGEST = "digest"  # what was held back
    CAP = "cap"  # the last message of a period: the rest is in the digest
    EQUIPMENT = "equipment"  # a camera is in trouble
    EQUIPMENT_OVER = "equipment-over"  # and is no longer
    OPERATOR = "operator"  # Nightjar itself is in trouble
    OPERATOR_OVER = "operator-over"

    @property
    def is_over(self) -> bool:
        """Whether it says that something told before has ended: a pager may close its incident (see `Notice.about`)."""
        return self in (NoticeKind.CLOSING, NoticeKind.EQUIPMENT_OVER, NoticeKind.OPERATOR_OVER)


@dataclass(frozen=True)
class Fact:
    """A named line: `When`, `Wednesday 20 November 2024, 13:00:00 CET`."""

    name: str
    value: str


@dataclass(frozen=True)
class Action:
    """Something that the reader can do: `Mute this camera for 8 hours`, by a link or else by a command.

    `link` is an https address; `command` is for whoever runs Nightjar, or an address where they log in. One of them is
    given.
    """

    words: str
    link: str = ""
    command: str = ""


@dataclass(frozen=True)
class PictureToShow:
    """A stored picture with the objects that get a box, and its caption, which is also what screen readers say."""

    threat: ThreatPicture
    caption: str


@dataclass(frozen=True)
class Row:
    """A line of a digest: when, what and why it was held back (or anything else beside it)."""

    when: str
    what: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Rows under a title, such as those of one camera. `more` says how many rows were left out, or nothing."""

    title: str
    rows: tuple[Row, ...]
    more: str = ""


@dataclass(frozen=True)
class Notice:
    """All that one message says.

    `id` is the same whenever the same thing is told: the id of the first event, or one that its maker chose. `about`
    is the same for a trouble and its end, and for an event and its closing (the key by which a pager knows both).
    `headline` says what and where; `subject` is the headline with the time. `when` is the one line below it. `at` is
    the moment it is about, in the reader's zone. `place` is `Porch, home`. `why` says why the reader gets it.
    `internal` is for whoever runs Nightjar: camera, rule, event ids.
    """

    id: str
    kind: NoticeKind
    severity: Severity
    headline: str
    subject: str
    when: str
    at: datetime
    user: str = ""  # nobody's for notices to the operator
    camera: Camera | None = None
    place: str = ""
    about: str = ""
    facts: tuple[Fact, ...] = ()
    paragraphs: tuple[str, ...] = ()
    pictures: tuple[PictureToShow, ...] = ()
    sections: tuple[Section, ...] = ()
    actions: tuple[Action, ...] = ()
    why: str = ""
    internal: str = ""
    language: str = "en"
    events: tuple[EventRef, ...] = ()
    labels: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """By which a pager tells that two notices are about the same: `about`, or else the id."""
        return self.about or self.id
