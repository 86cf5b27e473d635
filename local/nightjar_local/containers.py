"""The stages' container images, built from their Dockerfiles by a container builder (buildah, podman or docker)."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nightjar.domain.release import STAGES, Images
from nightjar_local.images import content_digest
from nightjar_local.layout import CACHE, ROOT
from nightjar_local.processes import LocalError


@dataclass(frozen=True)
class Builder:
    """A builder and what it builds with.

    `index` is where pip finds packages, its own default if None. With `push`, what is built goes to the registry. What
    was built under which reference is kept in `records`, so that a tag is never reused with other content.
    """

    command: str
    registry: str
    base_image: str
    index: str | None = None
    push: bool = False
    records: Path = CACHE / "containers"

    def build(self, image: str, base_image: str, tag: str | None = None) -> str:
        """Build `base`, `airflow` or a stage on `base_image`; returns its reference. The tag is its content by default.

        Raises LocalError if the tag was built with other content, or if the builder is not there or fails.
        """
        if shutil.which(self.command) is None:
            raise LocalError(f"expected the container builder {self.command} on the PATH")
        reference = f"{self.registry}/{image}:{tag or tag_of(image)}"
        self._check_tag(image, reference)
        folder = ROOT / "images" / image
        context = ROOT if image == "airflow" else folder
        arguments = {"BASE_IMAGE": base_image, **({"PIP_INDEX_URL": self.index} if self.index else {})}
        command = [self.command, "build", "-t", reference, "-f", str(folder / "Dockerfile")]
        command += [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        print(f"images: {self.command} builds {reference}", flush=True)
        _run([*command, str(context)])
        if self.push:
            _run([self.command, "push", reference])
        record = self._record(reference)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(content_digest(image))
        return reference

    def build_all(self, stages: Iterable[str] = STAGES, tag: str | None = None) -> dict[str, Any]:
        """Build base, the stages on it, and airflow; returns the value of the Variable `nightjar_images`."""
        base = self.build("base", self.base_image, tag)
        tags = {stage: self.build(stage, base, tag).rsplit(":", 1)[1] for stage in stages}
        self.build("airflow", self.base_image, tag)
        return Images.model_validate({"registry": self.registry, **tags}).model_dump(by_alias=True)

    def _check_tag(self, image: str, reference: str) -> None:
        record = self._record(reference)
        if record.exists() and record.read_text() != content_digest(image):
            raise LocalError(f"{reference} was built with other content; a tag is never reused: choose another TAG")

    def _record(self, reference: str) -> Path:
        return self.records / quote(reference, safe="")


def builder_from_environment() -> Builder | None:
    """The builder that BUILDER names, with REGISTRY, BASE_IMAGE, PIP_INDEX_URL and PUSH; None if it names none.

    Raises LocalError if one of those it needs is missing.
    """
    command = os.environ.get("BUILDER")
    if not command:
        return None
    missing = [name for name in ("REGISTRY", "BASE_IMAGE") if not os.environ.get(name)]
    if missing:
        raise LocalError(
            f"BUILDER={command} also needs {' and '.join(missing)}: REGISTRY=registry.example.com/nightjar, "
            f"BASE_IMAGE=an image with Python 3.11, venv and pip, best by digest"
        )
    return Builder(
        command,
        os.environ["REGISTRY"],
        os.environ["BASE_IMAGE"],
        index=os.environ.get("PIP_INDEX_URL") or None,
        push=os.environ.get("PUSH") == "yes",
    )


def tag_of(image: str) -> str:
    """The tag that an image's content gives it."""
    return f"sha-{content_digest(image)[:12]}"


def _run(command: list[str], cwd: Path = ROOT) -> None:
    result = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-30:])
        raise LocalError(f"{' '.join(command)} ended with exit code {result.returncode}:\n{said}")
