"""A client of one page alone, whose routes are made once for each process: making all costs a third of a second."""

from functools import cache
from typing import Any

from plugins.web.pages import PageFolder, discover
from tests.plugins.web_world import PagesClient, make_client


@cache
def _found() -> dict[str, PageFolder]:
    return {each.page.name: each for each in discover()}


def make_client_of(name: str, store: Any = None, **more: Any) -> PagesClient:
    """As `make_client`, with the page called `name` and no other."""
    return make_client(store, pages=(_found()[name],), **more)
