"""The docs are checked against the code: tables are fresh, links lead somewhere, commands and folders exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from docs.generate import TABLES, pages, render, settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = pages()
TEXT = {page: page.read_text() for page in PAGES}
CODE = {page: re.findall(r"`([^`\n]+)`", text) for page, text in TEXT.items()}  # in prose, not in blocks
# Below these, a path in the docs may leave out the beginning: `nightjar/errors.py` stands in images/base.
BASES = (ROOT, *sorted(path for path in (ROOT / "images").iterdir() if path.is_dir()))
# Variables of Airflow's processes and of make that no class of settings reads.
OTHER_VARIABLES = {"NIGHTJAR_RUNTIME", "NIGHTJAR_UI_PORT", "NIGHTJAR_S3_PORT"}


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_tables_that_repeat_the_code_are_fresh(page: Path) -> None:
    assert page.read_text() == render(page.read_text()), "stale: run `make docs`"


def test_every_table_stands_somewhere() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert {name for name in TABLES if f"<!-- {name} -->" in text} == set(TABLES)


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
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
    text = "".join(TEXT.values())
    documented = set(re.findall(r"\bmake ([a-z]+)(?=[\s`])", "\n".join(re.findall(r"^    .*$|`[^`]+`", text, re.M))))
    assert documented == rules


def is_path(code: str) -> bool:
    """Whether code in prose names a file or folder of this repository."""
    ours = r"(docs|images|tests|operators|dags|local|nightjar|nightjar_[a-z]+|\.ci)/[A-Za-z0-9_./<>*-]*"
    return bool(re.fullmatch(rf"{ours}|[A-Za-z0-9_-]+\.(py|md|toml)|Makefile", code))


def stands_somewhere(path: str) -> bool:
    """Whether a path, in which `<…>` stands for anything, is there; a name alone may stand in any folder."""
    pattern = re.sub(r"<[^>]+>", "*", path).rstrip("/")
    if "/" in pattern:
        return any(any(base.glob(pattern)) for base in BASES)
    return (ROOT / pattern).exists() or any(
        any((ROOT / folder).rglob(pattern)) for folder in ("images", "tests", "docs")
    )


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    assert [code for code in CODE[page] if is_path(code) and not stands_somewhere(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_names_that_a_page_finds_in_a_file_stand_in_it(page: Path) -> None:
    for name, path in re.findall(r"`(\w+)`[^`.;]{0,60}? in\s+`([\w/]+\.py)`", TEXT[page]):
        [file] = [base / path for base in BASES if (base / path).exists()]
        assert re.search(rf"\b{name}\b", file.read_text()), f"{page_name(page)}: expected {name} in {path}"


# The changelog also names settings that are gone.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=page_name)
def test_the_settings_that_a_page_names_exist(page: Path) -> None:
    known = set(re.findall(r"`(\w+)`", settings())) | OTHER_VARIABLES
    assert set(re.findall(r"\bNIGHTJAR_\w*[A-Z0-9]\b", TEXT[page])) - known == set()


def test_the_tests_that_contributors_are_shown_exist() -> None:
    commands = re.findall(r"^    \.nightjar/venv/dev/bin/pytest (.+)$", TEXT[ROOT / "CONTRIBUTING.md"], re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        file = shlex.split(command)[0]
        assert "def test_" in (ROOT / file).read_text(), file


def test_decisions_are_numbered_dated_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    assert [record.name[:5] for record in records] == [f"{number:04}-" for number in range(1, len(records) + 1)]
    for number, record in enumerate(records, 1):
        title, date = record.read_text().split("\n\n")[:2]
        assert title.startswith(f"# {number}. ")
        assert re.match(r"\d{4}-\d{2}-\d{2}, (in force|superseded by \[)", date), record.name
        assert f"{number}. [{title.partition('. ')[2]}]({record.name})" in TEXT[folder / "README.md"]


def test_the_changelog_has_the_release_of_the_package_or_is_about_to() -> None:
    version = tomllib.loads((ROOT / "images" / "base" / "pyproject.toml").read_text())["project"]["version"]
    heads = re.findall(r"^## (.+)$", TEXT[ROOT / "CHANGELOG.md"], re.MULTILINE)
    assert heads[0].startswith("Unreleased")
    assert any(re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)", head) for head in heads)


def test_the_folders_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    folders = re.findall(r"^\| `([a-z/]+)/` \|", text, flags=re.MULTILINE)
    assert len(folders) >= 6
    for folder in folders:
        assert (ROOT / folder).is_dir(), folder
