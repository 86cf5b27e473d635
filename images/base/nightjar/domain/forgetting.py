"""Who is to be forgotten, and what is left of a document that tells of others as well. Pure.

Keys name a camera in a segment of their own (`alice-porch`, `alice-porch.1`, `alice-porch.json`,
`alice-porch-<time>.jpg`). Documents name it in fields (`user`, `device`, `camera`, `about`), in keys, and in sentences.
Names that merely look alike, such as a label, a stage or a tag that is called like the user, are no mention: a user may
be called `person`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from nightjar.domain.names import Camera, NameRefused, parse_footage_name

FORGOTTEN = "(forgotten)"
_NAME = "A-Za-z0-9_"
_TIME = r"[0-9]{10}(?:[0-9]{3})?"
# Below these, the run's own name is no camera's, whatever it looks like: runs/<dag>/<run>/.
_RUNS, _SEGMENTS_OF_A_RUN = "runs", 3


class _Gone:
    """Stands for a part of a document of which nothing is left."""


GONE: Final = _Gone()


@dataclass(frozen=True)
class Subject:
    """A user, or one of their cameras.

    `devices` are the devices that the user is known to have or have had: in sentences, `<user>-<device>` is only taken
    for a camera if it is one. `addresses` are where the rules say the user is told. `drop_zone` is the folder of what
    landed, whose names may be anything.
    """

    user: str
    device: str | None = None
    devices: frozenset[str] = frozenset()
    addresses: frozenset[str] = field(default=frozenset(), repr=False)
    drop_zone: str = ""

    def knowing(self, devices: Iterable[str] = (), addresses: Iterable[str] = ()) -> "Subject":
        """The same one, with more that is known of it."""
        return replace(self, devices=self.devices | {*devices}, addresses=self.addresses | {*addresses})

    @property
    def name(self) -> str:
        """`alice` or `alice-porch`, for people."""
        return self.user if self.device is None else f"{self.user}-{self.device}"

    def covers(self, camera: Camera | None) -> bool:
        """Whether `camera` is to be forgotten."""
        return camera is not None and camera.user == self.user and self.device in (None, camera.device)

    def in_segment(self, segment: str) -> bool:
        """Whether one segment of a key is about it."""
        return self._segment.fullmatch(segment) is not None

    def in_key(self, key: str) -> bool:
        """Whether a segment of `key` names it, so that the whole object is about it."""
        segments = key.split("/")
        return any(map(self.in_segment, segments[_SEGMENTS_OF_A_RUN if segments[0] == _RUNS else 0 :]))

    def device_in(self, key: str) -> str | None:
        """The device of the user that `key` names; None where it names none."""
        segments = key.split("/")
        found = map(self._of_user.fullmatch, segments[_SEGMENTS_OF_A_RUN if segments[0] == _RUNS else 0 :])
        return next((match[1] for match in found if match), None)

    def learning_from(self, text: str) -> "Subject":
        """The same one, knowing the devices in the keys that `text` names: all that tells of them in a log, once all
        else is erased."""
        if self.device is not None or self.user not in text:
            return self
        words = re.findall(rf"[^\s\"'=,()\[\]]*{re.escape(self.user)}-[^\s\"'=,()\[\]]*", text)
        return self.knowing(device for word in words if "/" in word and (device := self.device_in(word)))

    def dropped(self, name: str) -> bool:
        """Whether the object that landed as `name` is theirs.

        Of a name that breaks the contract nobody can be sure: it is theirs if the user's name (or the camera's) is a
        word of it. Such an object is in quarantine, or about to be, and serves nobody else.
        """
        try:
            return self.covers(parse_footage_name(name.rpartition("/")[2]).camera)
        except NameRefused:
            return re.search(rf"(?<![A-Za-z0-9]){re.escape(self.name)}(?![A-Za-z0-9])", name) is not None

    def has_dropped(self, key: object) -> bool:
        """Whether `key` is that of something in the drop zone that is theirs."""
        place = self.drop_zone
        return bool(place) and isinstance(key, str) and key.startswith(place) and self.dropped(key.removeprefix(place))

    def mentioned_in(self, text: str) -> bool:
        """Whether a sentence, a line of a log or a document mentions it."""
        return self._mention.search(text) is not None

    def redacted(self, text: str) -> str:
        """`text` with each mention replaced."""
        return self._mention.sub(FORGOTTEN, text)

    def is_told_by(self, record: dict[str, Any]) -> bool:
        """Whether the fields of a record say that it is about it."""
        if record.get("user") == self.user and self.device in (None, record.get("device")):
            return True
        return any(isinstance(name := record.get(key), str) and self.in_segment(name) for key in ("camera", "about"))

    @cached_property
    def _of_user(self) -> re.Pattern[str]:
        return re.compile(rf"{re.escape(self.user)}-([{_NAME}]{{1,64}})(?:\.[^/]*|-{_TIME}(?:\..*)?)?")

    @cached_property
    def _segment(self) -> re.Pattern[str]:
        device = f"[{_NAME}]{{1,64}}" if self.device is None else re.escape(self.device)
        return re.compile(rf"{re.escape(self.user)}-{device}(?:\.[^/]*|-{_TIME}(?:\..*)?)?")

    @cached_property
    def _mention(self) -> re.Pattern[str]:
        user = re.escape(self.user)
        if self.device is not None:
            return re.compile(rf"(?<![{_NAME}]){user}-{re.escape(self.device)}(?![{_NAME}])")
        forms = [
            rf"(?<![{_NAME}-]){user}-[{_NAME}]{{1,64}}-{_TIME}(?![{_NAME}])",  # a name of footage
            rf"(?<![{_NAME}])users\.{user}(?![{_NAME}])",  # a place in the rules
            rf"(?<![{_NAME}])user\\?[\"']?\s*[:=]\s*\\?[\"']?{user}(?![{_NAME}-])",  # a field
            # Keys that name the user alone.
            rf"(?<![{_NAME}])(?:telling|digests/sent/[0-9-]+|(?:digests|outbox)/[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}})"
            rf"/{user}(?![{_NAME}-])",
            *(rf"(?<![{_NAME}.-]){re.escape(address)}(?![{_NAME}])" for address in sorted(self.addresses)),
        ]
        if self.devices:
            devices = "|".join(re.escape(each) for each in sorted(self.devices))
            forms.insert(0, rf"(?<![{_NAME}]){user}-(?:{devices})(?![{_NAME}])")
        return re.compile("|".join(forms))


def without(subject: Subject, value: Any) -> Any:
    """A JSON value without `subject`; GONE where it is all about it.

    Records, references and names of it are taken out of lists and mappings; counts of its shards stay, under a name
    that tells nothing; sentences keep their words, but for the name.
    """
    if isinstance(value, str):
        if subject.in_segment(value) or (" " not in value and subject.in_key(value)):
            return GONE
        return subject.redacted(value)
    if isinstance(value, list):
        return [new for each in value if (new := without(subject, each)) is not GONE]
    if not isinstance(value, dict):
        return value
    if subject.is_told_by(value) or without(subject, value.get("key")) is GONE:
        return GONE
    if subject.has_dropped(value.get("key")):
        return GONE
    left: dict[str, Any] = {}
    for name, each in value.items():
        if subject.in_segment(name):
            if isinstance(each, dict) and "received" in each:
                left[_unnamed({*value, *left})] = without(subject, each)
        elif (new := without(subject, each)) is not GONE:
            left[name if not subject.mentioned_in(name) else subject.redacted(name)] = new
        elif isinstance(each, str):
            left[name] = FORGOTTEN
    return left


def tells_of(subject: Subject, value: Any) -> bool:
    """Whether a JSON value is about `subject` anywhere in it."""
    return bool(without(subject, value) != value)


def lines_without(subject: Subject, data: bytes) -> bytes:
    """Lines of text or JSON without those that mention `subject` or are about it; the others byte for byte."""
    subject = subject.learning_from(data.decode(errors="replace"))
    return b"".join(line for line in data.splitlines(keepends=True) if not _line_tells(subject, line))


def document_without(subject: Subject, data: bytes) -> bytes | None:
    """A JSON document without `subject`; None where nothing is left. What is not about it stays byte for byte.

    What is no JSON is taken as text.
    """
    text = data.decode(errors="surrogateescape")
    try:
        value = json.loads(text)
    except ValueError:
        return subject.redacted(text).encode(errors="surrogateescape")
    left = without(subject, value)
    if left is GONE:
        return None
    return data if left == value else json.dumps(left, indent=1, ensure_ascii=False).encode() + b"\n"


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, but for the names of fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)


def _line_tells(subject: Subject, line: bytes) -> bool:
    if subject.user.encode() not in line:
        return False
    text = line.decode(errors="replace")
    if subject.mentioned_in(text):
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return tells_of(subject, value)


def _unnamed(taken: set[str]) -> str:
    """A name for counts that nobody may know the camera of."""
    return next(name for n in range(1, len(taken) + 2) if (name := f"forgotten-{n}") not in taken)
