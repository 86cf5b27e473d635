"""The users of a large rules file: checked one by one, and read again one by one when they are asked for."""

from array import array
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from nightjar.domain.names import Camera
from nightjar.domain.rules import User
from nightjar.domain.rules.file import Users
from nightjar.domain.rules.references import KnownNames
from nightjar.runtime.lined_yaml import Problem, read_yaml
from nightjar.runtime.plain_yaml import NotPlainError, PlainReader
from nightjar.runtime.rules_problems import Deployment, Findings, look_at
from nightjar.runtime.rules_split import Entry, SplitRules

_MOST_PROBLEMS = 1_000  # a file with more has one mistake many times, or is no rules file
_validated = Users.__pydantic_validator__.validate_python


class LazyUsers(Mapping[str, User]):
    """The users of a text, of which only their names and places are held."""

    def __init__(self, split: SplitRules, kept: bool) -> None:
        self._split, self._kept = split, kept
        self._reader = PlainReader()
        self._number: dict[str, int] = {}
        self._starts = array("q")

    @classmethod
    def of(cls, split: SplitRules, kept: bool) -> "LazyUsers":
        """The users of a text that is known to be good."""
        users = cls(split, kept)
        for start, entry in split.entries():
            first = entry.text.partition("\n")[0]
            name = first.strip().partition(":")[0]
            users.add(name if name.isidentifier() else next(iter(users.content(entry))), start)
        return users

    def add(self, name: str, start: int) -> None:
        """Know the user called `name`, whose entry begins at `start`."""
        self._number[name] = len(self._starts)
        self._starts.append(start)

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
        for name in self:
            user = self.content(Entry(self.text(name), 1))[name]
            devices = user.get("devices") if isinstance(user, dict) else None
            for device in devices if isinstance(devices, dict) else ():
                yield Camera(name, device)

    def is_same(self, other: Mapping[str, User], name: str) -> bool:
        """Whether the user is written in the same way in `other`."""
        return isinstance(other, LazyUsers) and other.text(name) == self.text(name)

    def content(self, entry: Entry) -> dict[str, object]:
        """What the entry of one user says, by the user's name."""
        try:
            name, value = self._reader.entry(entry.text)
            return {name: value}
        except NotPlainError:
            document = read_yaml(f"users:\n{entry.text}".encode(), any_number=self._kept)
            users = document.value["users"] if isinstance(document.value, dict) else None
            return dict(users) if isinstance(users, dict) else {}


def look_at_users(
    split: SplitRules, head: Mapping[str, object], deployment: Deployment, kept: bool, found: Findings
) -> LazyUsers | None:
    """Check every user of the file, whose `head` says the rest, and put into `found` all that there is to say.

    None where an entry is not the entry of one user after all; then the file has to be read as a whole.
    """
    known = KnownNames.of(head)
    users, reader = LazyUsers(split, kept), PlainReader()
    names = frozenset((*known.areas, *known.groups))
    has_areas = any(known.areas.values())
    for start, entry in split.entries():
        try:
            name, value = reader.entry(entry.text)
            _validated({"users": {name: value}})
            is_fine = not has_areas and name not in users and _knows(value, names)
            is_fine = is_fine and (deployment.channels is None or "channels" not in entry.text)
        except (NotPlainError, ValidationError):
            is_fine, name = False, ""
        if not is_fine:
            looked = _look_closely(entry, known, deployment, kept, found)
            if looked is None:
                return None
            name = looked
            if name in users:
                again = f"users.{name}: given twice, first in line {users.first_line(name)}"
                found.problems.append(Problem(entry.line, again))
                continue
        users.add(name, start)
        if len(found.problems) > _MOST_PROBLEMS:
            rest = f"more than {_MOST_PROBLEMS:,} problems: the users from here on were not checked"
            found.problems.append(Problem(entry.line, rest))
            break
    return users


def _knows(user: object, names: frozenset[str]) -> bool:
    """Whether every rule in the lists of a user is plainly known."""
    assert isinstance(user, dict)
    lists = [user.get("rules")]
    devices = user.get("devices")
    if devices:
        lists += [device.get("rules") for device in devices.values() if device]
    return all(str(ref) in names for each in lists if each for ref in each)


def _look_closely(entry: Entry, known: KnownNames, deployment: Deployment, kept: bool, found: Findings) -> str | None:
    """Look at one user as at a whole file, with its lines; the user's name, or None where it is not one user."""
    document = read_yaml(f"users:\n{entry.text}".encode(), any_number=kept)
    users = document.value.get("users") if isinstance(document.value, dict) else None
    if not isinstance(users, dict) or len(users) != 1 or len(document.value or ()) != 1:
        return None
    looked = look_at(document, deployment, known)[1]
    found.add(looked, lambda line: line - 2 + entry.line)
    return str(next(iter(users)))
