"""All routes of an app, found by walking it, and addresses that lead to them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plugins.web.access import Acting
from plugins.web.addresses import MOUNT

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Found:
    """One route: its address, with `filler` for whatever it takes, its methods, whether it changes something."""

    path: str
    methods: frozenset[str]
    changes: bool

    def address(self, filler: str = "x") -> str:
        return f"{MOUNT}{re.sub(r'{[^}]*}', filler, self.path)}"


def walk(routes: Any, before: str = "") -> Iterator[Found]:
    """The routes, and those of whatever is mounted below them."""
    for route in routes:
        path = f"{before}{route.path}"
        if getattr(route, "routes", None) is not None:
            yield from walk(route.routes, path)
        else:
            calls = [each.call for each in route.dependant.dependencies]
            yield Found(path, frozenset(route.methods), any(isinstance(call, Acting) for call in calls))
