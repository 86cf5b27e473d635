"""Pages and how they are found: a folder of `plugins/pages` that has a `page.py` with a PAGE is one."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

PAGES = Path(__file__).resolve().parent.parent / "pages"
_LARGEST_BODY = 64 * 1024  # bytes


@dataclass(frozen=True)
class Page:
    """One page of the UI, with everything below its path.

    `name` is the folder below `plugins/pages` and the first part of the path: `/nightjar-ui/<name>/`. `title`
    and `order` place it in the navigation; pages of runs and tasks have navigation=False. Every route asks for
    Airflow's permission to read runs of the DAG `dag_id`. `largest_body` bounds what may be sent to it, in bytes.
    """

    name: str
    title: str
    order: int
    dag_id: str
    router: APIRouter
    navigation: bool = True
    largest_body: int = _LARGEST_BODY


@dataclass(frozen=True)
class PageFolder:
    """A page, and the folder that has its `templates` and `static`."""

    page: Page
    folder: Path


def discover(folder: Path = PAGES, package: str = "plugins.pages") -> tuple[PageFolder, ...]:
    """The pages in `folder`, which is the package `package`, in the order of the navigation.

    Raises ValueError where a page's name is not that of its folder.
    """
    found = [
        PageFolder(_page(f"{package}.{each.parent.name}.page", each.parent.name), each.parent)
        for each in folder.glob("*/page.py")
    ]
    return tuple(sorted(found, key=lambda each: (each.page.order, each.page.name)))


def in_navigation(pages: Sequence[PageFolder]) -> list[Page]:
    """The pages that the navigation shows, in its order."""
    return [each.page for each in pages if each.page.navigation]


def _page(module: str, name: str) -> Page:
    page = importlib.import_module(module).PAGE
    if not isinstance(page, Page) or page.name != name:
        raise ValueError(f"expected PAGE in {module} to be a Page called {name!r}, got {page!r}")
    return page
