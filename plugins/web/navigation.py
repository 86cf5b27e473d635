"""The navigation as Airflow's processes need it: read from the text of each `page.py`, which is not imported.

Every process of Airflow loads plugins, but only the API server serves pages: FastAPI, templates and DuckDB stay out of
schedulers and workers.
"""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True)
class Entry:
    """A page's line in the navigation."""

    name: str
    title: str
    order: int


def entries(folder: Path = PAGES) -> list[Entry]:
    """The entries of all pages in `folder` that are in the navigation, in its order.

    Raises ValueError for a page whose PAGE is not a call with literals.
    """
    found = [_literals(file) for file in folder.glob("*/page.py")]
    shown = [Entry(each["name"], each["title"], each["order"]) for each in found if each.get("navigation", True)]
    return sorted(shown, key=lambda each: (each.order, each.name))


def _literals(file: Path) -> dict[str, Any]:
    """The arguments of `PAGE = Page(…)` that are literals."""
    for node in ast.parse(file.read_text()).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        named = any(isinstance(target, ast.Name) and target.id == "PAGE" for target in targets)
        if named and isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            literals = {
                each.arg: each.value.value
                for each in node.value.keywords
                if each.arg and isinstance(each.value, ast.Constant)
            }
            if {"name", "title", "order"} <= literals.keys():
                return literals
    raise ValueError(f"expected PAGE = Page(name=…, title=…, order=…) with literals in {file}, got none")
