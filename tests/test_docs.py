"""The docs are checked against the code: tables are fresh, links lead somewhere, commands and folders exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import TABLES, pages, render

ROOT = Path(__file__).resolve().parent.parent
PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_that_repeat_the_code_are_fresh(page: Path) -> None:
    assert page.read_text() == render(page.read_text()), "stale: run `make docs`"


def test_every_table_stands_somewhere() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert {name for name in TABLES if f"<!-- {name} -->" in text} == set(TABLES)


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    for link in links:
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_documented_make_targets_exist_and_all_are_documented() -> None:
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = "".join(page.read_text() for page in PAGES)
    assert set(re.findall(r"\bmake ([a-z]+)(?=[\s`])", text)) - {"a", "is"} <= rules
    assert {"demo", "up", "down", "images", "test", "bench", "lock"} <= rules


COMMANDS = sorted(
    {
        match
        for page in PAGES
        for match in re.findall(r"^\s+(nightjar [a-z][^#\n]*)|`(nightjar [a-z][^`]*)`", page.read_text(), re.M)
    }
)


@pytest.mark.parametrize("command", [a or b for a, b in COMMANDS])
def test_documented_commands_are_understood(command: str) -> None:
    words = command.split()[1:]
    verbs = [word for word in words if not word.startswith("-")][: 2 if words[0] == "rules" else 1]
    usage = subprocess.run(
        [sys.executable, "-m", "nightjar.cli", *verbs, "--help"], capture_output=True, text=True, check=True
    ).stdout
    for flag in (word for word in words if word.startswith("--")):
        assert flag in usage, f"{command!r}: no {flag} in\n{usage}"


def test_the_folders_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    folders = re.findall(r"^\| `([a-z/]+)/` \|", text, flags=re.MULTILINE)
    assert len(folders) >= 6
    for folder in folders:
        assert (ROOT / folder).is_dir(), folder
