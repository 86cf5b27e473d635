"""Bounds of templates, scripts and styles, found by walking the folders: nothing inline, nothing from elsewhere."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
SAMPLES = Path(__file__).resolve().parents[1] / "sample_pages"
VENDOR = PLUGINS / "web" / "static" / "vendor"
VENDORED = tomllib.loads((VENDOR / "vendor.toml").read_text())["file"]

TEMPLATES = sorted([*PLUGINS.rglob("*.j2"), *SAMPLES.rglob("*.j2")])
OURS = sorted(
    file
    for file in PLUGINS.rglob("static/**/*")
    if file.suffix in (".js", ".css", ".svg") and "vendor" not in file.parts
)

FORBIDDEN = {
    "an inline script": r"<script(?![^>]*\ssrc=)[^>]*>",
    "an inline style": r"<style\b|\sstyle\s*=",
    "a handler in an attribute": r"<[^>]*\s(?:on[a-z]+\s*=|hx-on\b)",
    "an address with javascript": r"javascript:",
    "text that is not escaped": r"\|\s*safe\b|autoescape\s+false|Markup",
    "something from elsewhere": r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//""",
    "an expression of htmx that needs eval": r"hx-(?:vals|headers)\s*=\s*['\"]js:|hx-vars|hx-trigger\s*=\s*\"[^\"]*\[",
}
EXAMPLES = {
    "an inline script": "<script defer>alert(1)</script>",
    "an inline style": '<p style="color: red">',
    "a handler in an attribute": '<img onerror="x">',
    "an address with javascript": '<a href="javascript:x">',
    "text that is not escaped": "{{ name | safe }}",
    "something from elsewhere": '<script src="//cdn.example.com/x.js"></script>',
    "an expression of htmx that needs eval": '<p hx-trigger="click[ctrlKey]">',
}


def test_there_are_templates() -> None:
    assert {"base.html.j2", "login.html.j2"} <= {each.name for each in TEMPLATES} and OURS


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda each: "/".join(each.parts[-3:]))
def test_a_template_holds_nothing_that_the_policy_or_a_name_could_turn_against_us(file: Path) -> None:
    text = re.sub(r"{#.*?#}", "", file.read_text(), flags=re.DOTALL)
    assert {wrong for wrong, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)} == set()


@pytest.mark.parametrize("wrong", FORBIDDEN)
def test_the_patterns_find_it(wrong: str) -> None:
    assert re.search(FORBIDDEN[wrong], EXAMPLES[wrong])


@pytest.mark.parametrize("file", OURS, ids=lambda each: "/".join(each.parts[-3:]))
def test_scripts_and_styles_load_nothing_and_write_no_html(file: Path) -> None:
    text = file.read_text().replace("http://www.w3.org/2000/svg", "")
    for pattern in (
        r"https?://",
        r"\beval\(",
        r"new Function",
        r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write",
        r"@import",
    ):
        assert not re.search(pattern, text), pattern


def test_no_python_of_the_pages_marks_text_as_safe() -> None:
    marked = [file for file in PLUGINS.rglob("*.py") if re.search(r"\bMarkup\(|autoescape=False", file.read_text())]
    assert marked == []


def test_every_file_of_others_is_as_its_package_has_it() -> None:
    listed = {each["path"]: each for each in VENDORED}
    files = {file.relative_to(VENDOR).as_posix() for file in VENDOR.rglob("*") if file.is_file()} - {"vendor.toml"}
    assert files == set(listed) | {each["licence_file"] for each in VENDORED}
    for path, each in listed.items():
        assert hashlib.sha256((VENDOR / path).read_bytes()).hexdigest() == each["sha256"], path
        assert each["package"] and each["version"] and each["licence"]
        assert (VENDOR / each["licence_file"]).read_text().strip()
