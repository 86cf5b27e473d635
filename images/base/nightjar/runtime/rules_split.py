"""A rules file as its users and all the rest, without reading either.

The users are the entries of the block mapping `users:` at the left edge, told apart by their indentation. That is only
done where it cannot be anything else: `users:` stands once, every line below it is indented at least as far as the
first, and no line break but `\\n` occurs. An entry may still be the middle of a text over several lines; then it is no
YAML by itself, and whoever reads it finds out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nightjar.runtime.lined_yaml import MOST_BYTES, Document

_USERS = re.compile(r"^users:[ ]*(?:#[^\n]*)?$", re.MULTILINE)
_AT_THE_EDGE = re.compile(r"^[^ \n#]", re.MULTILINE)
_FIRST = re.compile(r"^( +)[^ \n#]", re.MULTILINE)
_MOST_BYTES = 1 << 30
_OTHER_BREAKS = "\r\x85\u2028\u2029\ufeff"


@dataclass(frozen=True)
class Entry:
    """The text of one user, and its first line in the file, counted from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class SplitRules:
    """The text `before` the key `users:` and `after` them; they stand in `text` from `start` to `end`, indented so far.

    `users_line` is the line of the key.
    """

    text: str
    before: str
    after: str
    start: int
    end: int
    indent: int
    users_line: int

    @classmethod
    def of(cls, data: bytes) -> "SplitRules | None":
        """`data` as users and the rest; None where that is not plain."""
        if len(data) > _MOST_BYTES:
            return None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if any(each in text for each in (_OTHER_BREAKS[0] if text.isascii() else _OTHER_BREAKS)):
            return None
        keys = list(_USERS.finditer(text))
        first = _FIRST.search(text, keys[0].end()) if len(keys) == 1 else None
        if not first:
            return None
        [key] = keys
        behind = _AT_THE_EDGE.search(text, key.end())
        end = behind.start() if behind else len(text)
        indent = len(first[1])
        if first.start() >= end or re.compile(rf"^ {{1,{indent - 1}}}[^ \n#]", re.M).search(text, key.end(), end):
            return None
        before, after = text[: key.start()], text[end:]
        return cls(text, before, after, first.start(), end, indent, text.count("\n", 0, key.start()) + 1)

    @property
    def head(self) -> str:
        """The file without its users."""
        return f"{self.before}users: {{}}\n{self.after}"

    @property
    def is_small(self) -> bool:
        """Whether the file can be read as a whole."""
        return len(self.text) <= MOST_BYTES

    def is_head(self, document: Document) -> bool:
        """Whether `document`, read from `head`, has its users where the text has them: in no quotes, for example."""
        is_empty = isinstance(document.value, dict) and document.value.get("users") == {}
        return is_empty and document.lines.get(("users",)) == self.users_line

    def line_of_head(self, line: int) -> int:
        """The line of the text that is `line` of the head."""
        behind = self.text.count("\n", 0, self.end) - self.users_line if line > self.users_line else 0
        return line + behind

    def starts(self) -> Iterator[int]:
        """Where each entry begins in the text."""
        pattern = re.compile(rf"^ {{{self.indent}}}[^ \n#]", re.MULTILINE)
        return (found.start() for found in pattern.finditer(self.text, self.start, self.end))

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Each entry, with its place in the text."""
        line = self.text.count("\n", 0, self.start) + 1
        starts = self.starts()
        at = next(starts)
        for following in starts:
            text = self.text[at:following]
            yield at, Entry(text, line)
            line += text.count("\n")
            at = following
        yield at, Entry(self.text[at : self.end], line)
