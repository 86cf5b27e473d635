"""The container images of the stages and of Airflow, built by a container builder (buildah, podman or docker)."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from nightjar_local.images import check_tag, digest_of_sources
from nightjar_local.layout import CACHE, ROOT
from nightjar_local.processes import LocalError

# Everything that images/airflow/Dockerfile copies, and the folder it stands in.
AIRFLOW_SOURCES = ("images/airflow", "images/tools", "images/base/nightjar", "dags", "operators", "plugins")
# Everything that images/Dockerfile copies for any stage, and itself; a stage's own folder comes on top.
SHARED_SOURCES = ("images/Dockerfile", "images/base")
# buildah keeps layers only when told to, by this variable; the stages share those of the Dockerfile's target `base`.
KEEP_LAYERS = {"BUILDAH_LAYERS": "true"}


@dataclass(frozen=True)
class Builder:
    """A builder's command and its settings.

    `index` is where pip finds packages, its own default if None. With `push`, built images go to the registry. The
    content behind each built reference is kept in `records`, so that this clone never reuses a tag with other content.
    Other machines' tags are for the registry to protect: it can be told to keep tags as they are.
    """

    command: str
    registry: str
    base_image: str
    index: str | None = None
    push: bool = False
    records: Path = CACHE / "containers"

    def build(self, image: str, tag: str | None = None) -> str:
        """Build `airflow` or a stage; returns its reference. By default the tag is made from the content.

        Raises LocalError if the tag is malformed or was built with other content, or if the builder is missing or
        fails.
        """
        check_tag(tag)
        if shutil.which(self.command) is None:
            raise LocalError(f"expected the container builder {self.command} on the PATH")
        digest = self.content_digest(image)
        reference = f"{self.registry}/{image}:{tag or f'sha-{digest[:12]}'}"
        record = self.records / quote(reference, safe="")
        if record.exists() and record.read_text() != digest:
            raise LocalError(f"{reference} was built with other content; a tag is never reused: choose another TAG")
        arguments = {"BASE_IMAGE": self.base_image} | ({"PIP_INDEX_URL": self.index} if self.index else {})
        if image == "airflow":
            dockerfile, context = ROOT / "images" / "airflow" / "Dockerfile", ROOT
        else:
            dockerfile, context = ROOT / "images" / "Dockerfile", ROOT / "images"
            arguments["STAGE"] = image
        command = [self.command, "build", "-t", reference, "-f", str(dockerfile)]
        command += [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        print(f"images: {self.command} builds {reference}", flush=True)
        _run([*command, str(context)])
        self._push_if_asked(reference)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(digest)
        return reference

    def tags_of(self, image: str) -> list[str]:
        """The tags that this clone has built of what the sources would give now, newest first."""
        digest = self.content_digest(image)
        prefix = quote(f"{self.registry}/{image}:", safe="")
        records = sorted(self.records.glob(f"{prefix}*"), key=lambda record: record.stat().st_mtime_ns, reverse=True)
        return [unquote(each.name.removeprefix(prefix)) for each in records if each.read_text() == digest]

    def push_once(self, image: str, tag: str) -> None:
        """Push an image that was built before, if this builder pushes and this clone has not pushed it yet."""
        reference = f"{self.registry}/{image}:{tag}"
        if not self._pushed(reference).exists():
            self._push_if_asked(reference)

    def _push_if_asked(self, reference: str) -> None:
        if self.push:
            _run([self.command, "push", reference])
            self._pushed(reference).parent.mkdir(parents=True, exist_ok=True)
            self._pushed(reference).touch()

    def _pushed(self, reference: str) -> Path:
        return self.records / "pushed" / quote(reference, safe="")

    def content_digest(self, image: str) -> str:
        """SHA-256 of everything that decides what the image holds: Dockerfile, copied sources, build arguments.

        The base image counts by its reference: name it by digest, or by a tag that is never reused.
        """
        sources = AIRFLOW_SOURCES if image == "airflow" else (*SHARED_SOURCES, f"images/{image}")
        return digest_of_sources((ROOT / each for each in sources), f"base {self.base_image}", f"index {self.index}")


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


def _run(command: list[str], cwd: Path = ROOT) -> None:
    environment = {**os.environ, **KEEP_LAYERS}
    result = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-30:])
        raise LocalError(f"{' '.join(command)} ended with exit code {result.returncode}:\n{said}")
