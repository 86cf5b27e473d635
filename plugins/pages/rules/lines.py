"""A text as numbered lines, with the problems of each; nothing in it can hide or turn its neighbours. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nightjar.runtime.lined_yaml import Problem

SHOWN_BYTES = 256 << 10  # of a text; a longer one is not shown whole
_AROUND = 2  # lines before and after one with a problem
# As YAML counts lines.
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
# Control characters as their pictures; those that turn the direction of a text, or join and hide, by their number.
_VISIBLE = {n: 0x2400 + n for n in range(0x20) if n != ord("\t")} | {0x7F: "\u2421"}
_VISIBLE |= {
    n: f"<U+{n:04X}>"
    for n in (0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


@dataclass(frozen=True)
class Line:
    """One line, counted from 1; `marked` if it holds what was searched for."""

    number: int
    text: str
    problems: tuple[str, ...] = ()
    marked: bool = False


def visible(text: str) -> str:
    """`text` with a sign for each character that cannot be seen or turns the direction."""
    return text.translate(_VISIBLE)


def decoded(text: bytes) -> str:
    """`text` for a person's eyes: what is no UTF-8 shows as a replacement sign."""
    return text.decode("utf-8-sig", "replace")


def lines_of(text: bytes, problems: Iterable[Problem] = (), search: str = "") -> list[Line]:
    """All lines of `text`; those are marked that contain `search`, upper and lower case alike."""
    by_line = defaultdict[int, list[str]](list)
    for problem in problems:
        by_line[problem.line].append(problem.message)
    wanted = search.casefold()
    lines = _BREAK.split(decoded(text))
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    return [
        Line(n, visible(line), tuple(by_line[n]) if n in by_line else (), bool(wanted) and wanted in line.casefold())
        for n, line in enumerate(lines, 1)
    ]


def excerpts(text: bytes, problems: Iterable[Problem]) -> list[list[Line]]:
    """The lines with problems and some around each, as blocks of lines that follow each other."""
    lines = lines_of(text, problems)
    wanted = sorted(
        {
            n
            for line in lines
            if line.problems
            for n in range(line.number - _AROUND, line.number + _AROUND + 1)
            if 1 <= n <= len(lines)
        }
    )
    return list(_blocks(lines, wanted))


def _blocks(lines: list[Line], numbers: Iterable[int]) -> Iterator[list[Line]]:
    block: list[Line] = []
    for n in numbers:
        if block and n != block[-1].number + 1:
            yield block
            block = []
        block.append(lines[n - 1])
    if block:
        yield block
