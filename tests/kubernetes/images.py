"""Container images, stood in for by virtual environments on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?P<registry>{PART}(?::\d+)?(?:/{PART})*)/(?P<name>{PART}):(?P<tag>\w[\w.-]{{0,127}})(?:@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)


@dataclass(frozen=True)
class LocalImage:
    """The image that a pod's container is started from.

    Attributes:
        bin: a folder of programs, such as a virtual environment's; it comes first on the container's PATH.
        entrypoint: the command of a container whose spec has none.
        workdir: where its command starts; None for a folder of the pod's own.
    """

    bin: Path
    entrypoint: tuple[str, ...] = ()
    workdir: Path | None = None


Registry = Callable[[str], LocalImage | None]
"""Gives the image of a reference, None if there is none to pull."""


def image_store(directory: Path) -> Registry:
    """The images in a local store, `<directory>/<stage>/<tag>/venv`, whatever their registry is called."""

    def pull(reference: str) -> LocalImage | None:
        parsed = REFERENCE.fullmatch(reference)
        if parsed is None:
            return None
        image = directory / parsed["name"] / parsed["tag"]
        programs = image / "venv" / "bin"
        entrypoint = ("python", "-m", f"nightjar_{parsed['name']}")
        return LocalImage(programs, entrypoint, workdir=image) if programs.is_dir() else None

    return pull
