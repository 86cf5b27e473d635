"""The users of a large rules file: checked one by one, and read again one by one when they are asked for."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from pydantic import ValidationError

from nightjar.domain.names import Camera
from nightjar.domain.rules import User
from nightjar.domain.rules.file import Users
from nightjar.domain.rules.references import KnownNames, areas_missing_of, wrong_references_of
from nightjar.runtime.lined_yaml import Document, Problem, read_yaml
from nightjar.runtime.plain_yaml import NotPlainError, PlainReader
from nightjar.runtime.rules_problems import Deployment, Findings, look_at
from nightjar.runtime.rules_split import Entry, SplitRules

_MOST = 1_000  # problems, and warnings; a file with more has one mistake many times, or is no rules file
_validated = Users.__pydantic_validator__.validate_python


class LazyUsers(Mapping[str, User]):
    """The users of a text, of which only their names and places are held."""

    def __init__(self, split: SplitRules, kept: bool) -> None:
        self._split, self._kept = split, kept
        self._reader = PlainReader()
        self._number: dict[str, int] = {}
        self._starts = array("q")
        self._devices: list[tuple[str, ...]] = []  # of each user whose content was seen; most have the same few
        self._alike: dict[tuple[str, ...], tuple[str, ...]] = {}

    @classmethod
    def of(cls, split: SplitRules, kept: bool) -> "LazyUsers":
        """The users of a text that is known to be good."""
        users = cls(split, kept)
        for start, entry in split.entries():
            first = entry.text.partition("\n")[0]
            name = first.strip().partition(":")[0]
            users.add(name if name.isidentifier() else next(iter(users.content(entry))), start)
        return users

    def add(self, name: str, start: int, content: object = None) -> None:
        """Know the user called `name`, whose entry begins at `start`, and the devices in its content."""
        self._number[name] = len(self._starts)
        self._starts.append(start)
        if content is not None:
            devices = _devices(content)
            self._devices.append(self._alike.setdefault(devices, devices))

    @property
    def around(self) -> tuple[str, str]:
        """The text of the file before the users, and behind them."""
        return self._split.before, self._split.after

    def first_line(self, name: str) -> int:
        """The line in which the user begins."""
        return self._split.text.count("\n", 0, self._starts[self._number[name]]) + 1

    def __getitem__(self, name: str) -> User:
        content = self.content(Entry(self.text(name), 1))
        return Users.model_validate({"users": content}).users[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._number)

    def __len__(self) -> int:
        return len(self._number)

    def __contains__(self, name: object) -> bool:
        return name in self._number

    def text(self, name: str) -> str:
        """The entry of the user, as it is written; raises KeyError."""
        number = self._number[name]
        last = number + 1 == len(self._starts)
        return self._split.text[self._starts[number] : self._split.end if last else self._starts[number + 1]]

    def cameras(self) -> Iterator[Camera]:
        """Every camera, without reading all that there is about it."""
        seen = len(self._devices) == len(self._starts)
        for name, number in self._number.items():
            devices = self._devices[number] if seen else _devices(self.content(Entry(self.text(name), 1))[name])
            yield from (Camera(name, device) for device in devices)

    def is_same(self, other: Mapping[str, User], name: str) -> bool:
        """Whether the user is written in the same way in `other`."""
        return isinstance(other, LazyUsers) and other.text(name) == self.text(name)

    def content(self, entry: Entry) -> dict[str, object]:
        """The entry of one user, by the user's name."""
        try:
            name, value = self._reader.entry(entry.text)
            return {name: value}
        except NotPlainError:
            document = _document(entry, self._kept)
            users = document.value["users"] if isinstance(document.value, dict) else None
            return dict(users) if isinstance(users, dict) else {}


def _devices(user: object) -> tuple[str, ...]:
    devices = user.get("devices") if isinstance(user, dict) else None
    return tuple(devices) if isinstance(devices, dict) else ()


def look_at_users(
    split: SplitRules, head: Mapping[str, object], deployment: Deployment, kept: bool, found: Findings
) -> LazyUsers | None:
    """Check every user of the file, whose `head` says the rest, and put into `found` all that there is to say.

    None where an entry is not the entry of one user after all; then the file has to be read as a whole.
    """
    known = KnownNames.of(head)
    users, reader = LazyUsers(split, kept), PlainReader()
    for start, entry in split.entries():
        if len(found.problems) > _MOST:
            rest = f"more than {_MOST:,} problems: the users from here on were not checked"
            found.problems.append(Problem(entry.line, rest))
            break
        user: tuple[str, object] | None = None
        with suppress(NotPlainError, ValidationError):
            name, content = reader.entry(entry.text)
            _validated({"users": {name: content}})
            if name not in users and not _needs_a_look(name, content, known, deployment, found):
                user = name, content
        if user is None and (user := _look_closely(entry, known, deployment, kept, found)) is None:
            if split.is_small:
                return None
            # The whole cannot be read either, so the mistake is told where it shows.
            found.problems += _mistakes(entry, kept)
        elif user[0] in users:
            again = f"users.{user[0]}: given twice, first in line {users.first_line(user[0])}"
            found.problems.append(Problem(entry.line, again))
        else:
            users.add(user[0], start, user[1] or {})
    return users


def _needs_a_look(name: str, content: object, known: KnownNames, deployment: Deployment, found: Findings) -> bool:
    """Whether there is something to say about a user whose content is valid by itself."""
    if not known.has_areas and _knows(content, known.refs):
        wrong: Iterable[object] = ()
    else:
        wrong = wrong_references_of(name, content, known)
    if any(True for _ in wrong):
        return True
    if len(found.warnings) > _MOST:
        return False
    if known.has_areas and any(True for _ in areas_missing_of(name, content, known)):
        return True
    return any(True for _ in deployment.unknown({"users": {name: content}}))


def _knows(user: object, names: frozenset[str]) -> bool:
    """Whether every rule in the lists of a user is plainly known."""
    assert isinstance(user, dict)
    lists = [user.get("rules")]
    devices = user.get("devices")
    if devices:
        lists += [device.get("rules") for device in devices.values() if device]
    return all(str(ref) in names for each in lists if each for ref in each)


def _document(entry: Entry, kept: bool) -> Document:
    """The entry as a file that has this user only, with the lines of the whole."""
    return read_yaml(f"users:\n{entry.text}".encode(), any_number=kept, first_line=entry.line - 1)


def _mistakes(entry: Entry, kept: bool) -> list[Problem]:
    """The mistakes in a text that is not one user."""
    expected = Problem(entry.line, "expected a user: a name, and a mapping below it")
    return _document(entry, kept).problems or [expected]


def _look_closely(
    entry: Entry, known: KnownNames, deployment: Deployment, kept: bool, found: Findings
) -> tuple[str, object] | None:
    """Look at one user as at a whole file, with its lines; its name and content, or None where it is not one user."""
    document = _document(entry, kept)
    content = document.value if isinstance(document.value, dict) else {}
    users = content.get("users")
    if not isinstance(users, dict) or len(users) != 1 or len(content) != 1:
        return None
    looked = look_at(document, deployment, known)[1]
    found.add(looked, lambda line: line)
    return next(iter(users.items()))
