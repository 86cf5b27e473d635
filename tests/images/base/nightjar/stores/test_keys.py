"""Keys are built in nightjar.stores, and nowhere else: no other production code spells a folder of the bucket."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
PRODUCTION = ("images", "operators", "dags", "local")
STORES = ROOT / "images" / "base" / "nightjar" / "stores"
# The top folders of the bucket.
FOLDERS = (
    *("incoming", "claims", "footage", "standard", "quarantine", "validations", "detections", "detectors"),
    *("threats", "events", "journals", "alerts", "outbox", "records", "reports", "rules", "config", "runs"),
    *("health", "troubles", "operator", "comparisons", "releases", "reproductions"),
)
_KEY = re.compile(rf"({'|'.join(FOLDERS)})/")


def literals(tree: ast.AST) -> Iterator[str]:
    """The strings that code works with, without docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def spelled_keys(source: str) -> list[str]:
    """The literals of `source` that are a key or begin one: no blanks, and a top folder in front."""
    return [text for text in literals(ast.parse(source)) if _KEY.match(text) and " " not in text]


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("", []),
        ('key = f"standard/{day}/"', ["standard/"]),
        ('store.get("outbox/a/b.eml")', ["outbox/a/b.eml"]),
        ('"""`standard/` holds originals."""', []),
        ('raise InputError("standard/ holds no such object")', []),
        ('path = "model/standard/"', []),
        ('name = "standard"', []),
    ],
)
def test_what_is_a_spelled_key(source: str, keys: list[str]) -> None:
    assert spelled_keys(source) == keys


def test_no_other_code_spells_a_key() -> None:
    spelled = {
        f"{file.relative_to(ROOT)}: {key}"
        for part in PRODUCTION
        for file in sorted((ROOT / part).rglob("*.py"))
        if not file.is_relative_to(STORES)
        for key in spelled_keys(file.read_text())
    }
    assert spelled == set()


def test_there_is_code_to_look_at() -> None:
    assert any(spelled_keys(file.read_text()) for file in STORES.glob("*.py"))
