"""Looking at pictures with an image of the local store, for `nightjar evaluate`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from nightjar.errors import UsageError
from nightjar_local import detectors
from nightjar_local.images import DETECT, build_alone, check_tag
from nightjar_local.layout import IMAGES
from nightjar_local.processes import LocalError


def look(tag: str, folder: Path) -> Iterator[str]:
    """Finds of the image `detect:<tag>` in the JPEGs below `folder`, as JSON lines.

    The name of a detector stands for its image, which is built if it is not there. Raises UsageError for a tag that the
    store does not have, and for an image that cannot look.
    """
    image = IMAGES / DETECT / _tag(tag)
    argv = [str(image / "venv" / "bin" / "python"), "-m", "nightjar_detect.looking", str(folder), "--name", tag]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode:
        raise UsageError(f"the image {DETECT}:{tag} ended with exit code {process.returncode}; it says why above")


def _tag(name: str) -> str:
    """The tag in the store that `name` means."""
    try:
        check_tag(name)
        if (IMAGES / DETECT / name / "image.json").exists():
            return name
        if name in detectors.names():
            return build_alone(DETECT, detector=name)
    except LocalError as error:
        raise UsageError(str(error)) from None
    tags = sorted(path.parent.name for path in (IMAGES / DETECT).glob("*/image.json"))
    there = ", ".join((*detectors.names(), *tags))
    raise UsageError(f"expected a detector or a tag of {DETECT} in the local store ({there}), got {name!r}")
