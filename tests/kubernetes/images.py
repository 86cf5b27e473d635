"""Container images, stood in for by virtual environments on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?P<registry>{PART}(?::\d+)?(?:/{PART})*)/(?P<name>{PART}):(?P<tag>\w[\w.-]{{0,127}})", re.ASCII
)


@dataclass(frozen=True)
class LocalImage:
    """What a pod's container is started from.

    Attributes:
        directory: a virtual environment; its `bin` comes first on the container's PATH.
        entrypoint: the command of a container whose spec has none.
    """

    directory: Path
    entrypoint: tuple[str, ...] = ()


Registry = Callable[[str], LocalImage | None]
"""Gives the image of a reference, None if there is none to pull."""


def image_store(directory: Path) -> Registry:
    """A registry of the images in a local store, `<directory>/<stage>/<tag>/`, whatever their registry is called."""

    def pull(reference: str) -> LocalImage | None:
        parsed = REFERENCE.fullmatch(reference)
        if parsed is None:
            return None
        image = directory / parsed["name"] / parsed["tag"]
        return LocalImage(image, ("python", "-m", f"nightjar_{parsed['name']}")) if image.is_dir() else None

    return pull
