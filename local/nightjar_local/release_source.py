"""The images that `nightjar release` may deploy on a laptop: those of the local store, or of a registry for pods."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nightjar.domain.stages import STAGES
from nightjar.errors import UsageError
from nightjar_local.layout import IMAGES

_SECONDS = 120  # for a program to say how it is used, on a busy machine


@dataclass(frozen=True)
class StoreSource:
    """The local image store."""

    store: Path = IMAGES

    def place(self, registry: str) -> str:
        """As freeze_release records what is in a store."""
        return f"{registry} (image store)"

    def digest(self, image: str, reference: str) -> str:
        """The digest of what an image was built from; raises UsageError when it is not built or does not start."""
        tag = reference.rpartition(":")[2]
        folder = self.store / image / tag
        record = folder / "image.json"
        if not record.exists():
            tags = sorted(path.parent.name for path in (self.store / image).glob("*/image.json"))
            raise UsageError(
                f"expected the image {image}:{tag} in the local image store, which has {', '.join(tags) or 'none'}; "
                f"make release STAGE={image} TAG={tag} builds it"
            )
        for stage in STAGES.values():
            if stage.image == image:
                least = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.environ.get("HOME", "/")}
                check_start([str(folder / "venv" / "bin" / "python")], stage.module, f"{image}:{tag}", least, folder)
        return f"sha256:{json.loads(record.read_text())['digest']}"


def check_start(
    python: list[str], module: str, name: str, environment: Mapping[str, str], folder: Path | None = None
) -> None:
    """Let the program of a stage say how it is used; raises UsageError, with the end of its output, if it does not."""
    command = [*python, "-m", module, "--help"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"expected {module} of the image {name} to start: {error}") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise UsageError(f"expected {module} of the image {name} to start, it ended with {done.returncode}:\n{said}")


def source_for(environment: Mapping[str, str]) -> StoreSource | None:
    """The local store, where stages run as processes of this machine; None where they are pods, with a registry."""
    return StoreSource() if environment.get("NIGHTJAR_RUNTIME") == "local" else None
