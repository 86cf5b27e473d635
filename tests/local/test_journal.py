"""The journal of what started and ended."""

from pathlib import Path

import pytest

from nightjar_local import journal
from nightjar_local.journal import SUPERVISOR, WITHOUT_SUPERVISOR, Entry, History, Kind, history

UP = ("supervisor", "started", "")


def entries(*lines: tuple[str, Kind, str]) -> list[Entry]:
    return [Entry(f"{number}", *line) for number, line in enumerate(lines)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], History()),
        ([(SUPERVISOR, "started", "")], History()),
        ([UP, ("a", "started", "")], History("1", 0)),
        ([UP, ("b", "started", ""), ("b", "died", "why"), ("a", "started", "")], History("3", 0)),
        ([UP, ("a", "started", ""), ("a", "died", "why")], History("2", 0, "2 why")),
        ([UP, ("a", "started", ""), ("a", "died", "why"), ("a", "started", "")], History("3", 1, "2 why")),
        (
            [UP, ("a", "started", ""), ("a", "explains", "because"), ("a", "died", "why"), ("a", "started", "")],
            History("4", 1, "3 why: because"),
        ),
        # What it logs to ends with its supervisor, and then a worker that logs something does.
        (
            [UP, ("a", "started", ""), ("a", "explains", "a worker ended"), ("a", "died", WITHOUT_SUPERVISOR)],
            History("3", 0, f"3 {WITHOUT_SUPERVISOR}"),
        ),
        # Told to stop, and started by hand: no restart, and no death.
        ([UP, ("a", "started", ""), ("a", "stopped", ""), ("a", "started", "")], History("3", 0)),
        # The reason stays over the next `make up`, the count begins anew.
        ([UP, ("a", "started", ""), ("a", "died", "why"), UP, ("a", "started", "")], History("4", 0, "2 why")),
        (
            [UP, ("a", "explains", "an earlier end"), ("a", "started", ""), ("a", "died", "why")],
            History("3", 0, "3 why"),
        ),
    ],
)
def test_history(lines: list[tuple[str, Kind, str]], expected: History) -> None:
    assert history(entries(*lines), "a") == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], False),
        ([("b", "started", "")], False),
        ([("a", "started", "")], True),
        ([("a", "started", ""), ("a", "explains", "")], True),
        ([("a", "started", ""), ("a", "died", "")], False),
        ([("a", "started", ""), ("a", "stopped", "")], False),
    ],
)
def test_is_open(lines: list[tuple[str, Kind, str]], expected: bool) -> None:
    assert journal.is_open(entries(*lines), "a") is expected


def test_lines_are_read_back_and_broken_ones_left_out(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "components.jsonl"
    assert journal.read(file) == []
    journal.append(file, "a", "started")
    with file.open("a") as out:
        out.write('{"at": "cut sho\n{"of": "another kind"}\n[]\n')
    journal.append(file, "a", "died", "why ✂")
    assert [(entry.component, entry.kind, entry.text) for entry in journal.read(file)] == [
        ("a", "started", ""),
        ("a", "died", "why ✂"),
    ]
    assert file.stat().st_mode & 0o077 == 0
