"""A text as numbered lines: as YAML counts them, and with nothing hidden in it."""

import pytest

from nightjar.runtime.lined_yaml import Problem, read_yaml
from plugins.pages.rules.lines import excerpts, lines_of, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb", ["a", "b"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        ("a\u2028b\x85c".encode(), ["a", "b", "c"]),
        (b"a\x00b\tc", ["a\u2400b\tc"]),
        (b"caf\xe9", ["caf\ufffd"]),
        ("name: \u202eevil".encode(), ["name: <U+202E>evil"]),
        ("zero\u200bwidth \U0001f98a".encode(), ["zero<U+200B>width \U0001f98a"]),
    ],
)
def test_lines(text: bytes, expected: list[str]) -> None:
    assert [line.text for line in lines_of(text)] == expected
    assert [line.number for line in lines_of(text)] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_lines_are_counted_as_the_reader_counts_them(end: str) -> None:
    text = end.join(["version: 1", "rules: {}", "users: &x {}"]).encode()
    [problem] = read_yaml(text).problems
    assert lines_of(text, [problem])[2].problems == (problem.message,)


def test_problems_and_marks_stand_at_their_lines() -> None:
    lines = lines_of(b"one\ntwo\nONE two", [Problem(2, "a"), Problem(2, "b"), Problem(9, "beyond")], search="One")
    assert [(line.problems, line.marked) for line in lines] == [((), True), (("a", "b"), False), ((), True)]


def test_excerpts_are_blocks_around_problems() -> None:
    text = "\n".join(str(n) for n in range(1, 21)).encode()
    problems = [Problem(n, "wrong") for n in (1, 5, 20, 99)]
    assert [[line.number for line in block] for block in excerpts(text, problems)] == [[*range(1, 8)], [18, 19, 20]]
    assert excerpts(text, []) == []


def test_ordinary_text_stays_as_it_is() -> None:
    text = "".join(map(chr, range(0x20, 0x7F))) + "\täöü 日本語 עברית"
    assert visible(text) == text
