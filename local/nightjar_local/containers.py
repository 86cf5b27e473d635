"""The container images of the stages, of Airflow and for trying, built by a builder (buildah, podman or docker)."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local import detectors
from nightjar_local.images import DETECT, check_tag, digest_of_sources, tag_of
from nightjar_local.layout import CACHE, ROOT
from nightjar_local.processes import LocalError

# The images besides those of the stages, each with a folder and a Dockerfile of its own below images/.
AIRFLOW, TRIAL = "airflow", "trial"
# Everything that the Dockerfiles copy, and the files themselves. A stage's own folder comes on top of SHARED_SOURCES.
SHARED_SOURCES = ("images/Dockerfile", "images/base", "images/tools")
AIRFLOW_SOURCES = ("images/airflow", "images/tools", "images/base/nightjar", "dags", "operators", "plugins")
TRIAL_SOURCES = ("images/trial", "images/tools")
# The target of images/Dockerfile that makes the detection model. It has to be said: buildah 1.28 leaves out a target
# that only the default of an argument names.
SHIPPED_MODEL = "shipped-model"
# Optional variables of the environment, each with its build argument and the images that take it.
OPTIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "RUNTIME_IMAGE": ("RUNTIME_IMAGE", STAGE_IMAGES),
    "AIRFLOW_RUNTIME_IMAGE": ("RUNTIME_IMAGE", (AIRFLOW,)),
    "MODEL_IMAGE": ("MODEL_IMAGE", ("detect",)),
    "DETECT_REQUIREMENTS": ("REQUIREMENTS", ("detect",)),
    "NPM_CONFIG_REGISTRY": ("NPM_CONFIG_REGISTRY", ("detect",)),
    "SOURCE": ("SOURCE", (*STAGE_IMAGES, AIRFLOW, TRIAL)),
}
LITERT_ONLY = "requirements.txt"  # of detect, without TensorFlow
# buildah keeps layers only when told to, by this variable; the stages share those of the Dockerfile's target `base`.
KEEP_LAYERS = {"BUILDAH_LAYERS": "true"}


@dataclass(frozen=True)
class Builder:
    """A builder's command and its settings.

    `index` is where packages come from, the installer's own default if None. `options` are values of variables in
    OPTIONS, such as RUNTIME_IMAGE, in which the stages run. With `push`, built images go to the registry. The content
    behind each built reference is kept in `records`, so that this clone never reuses a tag with other content. Other
    machines' tags are for the registry to protect: it can be told to keep tags as they are.
    """

    command: str
    registry: str
    base_image: str
    index: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    push: bool = False
    records: Path = CACHE / "containers"

    def build(self, image: str, tag: str | None = None, detector: str | None = None) -> str:
        """Build a stage's image, `airflow` or `trial`; returns its reference. Without a tag, the content gives it.

        `detector` names the one that `detect` holds; the default one if it is None. Raises LocalError if the tag is
        malformed or was built with other content, if the detector and the options do not go together, or if the builder
        is missing or fails.
        """
        check_tag(tag)
        if shutil.which(self.command) is None:
            raise LocalError(f"expected the container builder {self.command} on the PATH")
        digest = self.content_digest(image, detector)
        reference = f"{self.registry}/{image}:{tag or tag_of(digest, self.detector(image, detector))}"
        record = self.records / quote(reference, safe="")
        if record.exists() and record.read_text() != digest:
            raise LocalError(f"{reference} was built with other content; a tag is never reused: choose another TAG")
        folder = image if image in (AIRFLOW, TRIAL) else "."
        command = [self.command, "build", "-t", reference, "-f", str(ROOT / "images" / folder / "Dockerfile")]
        arguments = self.arguments(image, detector) | {"VERSION": reference.rpartition(":")[2], "REVISION": _revision()}
        command += [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        print(f"images: {self.command} builds {reference}", flush=True)
        _run([*command, str(ROOT)])
        self._push_if_asked(reference)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(digest)
        return reference

    def tags_of(self, image: str, detector: str | None = None) -> list[str]:
        """The tags that this clone has built of what the sources would give now, newest first."""
        digest = self.content_digest(image, detector)
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

    def content_digest(self, image: str, detector: str | None = None) -> str:
        """SHA-256 of everything that decides what the image holds: Dockerfile, copied sources, build arguments.

        Other images count by their references: name them by digest, or by a tag that is never reused. The labels, with
        the version and the revision, do not count: a commit that changes no source makes no new image.
        """
        arguments = self.arguments(image, detector)
        own = {AIRFLOW: AIRFLOW_SOURCES, TRIAL: TRIAL_SOURCES}.get(image, (*SHARED_SOURCES, f"images/{image}"))
        sources = [ROOT / each for each in own]
        if image == DETECT:
            folder = sources.pop()
            chosen = self.detector(image, detector)
            sources += [path for path in sorted(folder.iterdir()) if path != folder / "model"]
            sources += detectors.sources(chosen) if chosen else []
        return digest_of_sources(sources, *(f"{name} {value}" for name, value in sorted(arguments.items())))

    def arguments(self, image: str, detector: str | None = None) -> dict[str, str]:
        """The build arguments that decide what the image holds; those that its Dockerfile knows.

        Raises LocalError if the detector and the options do not go together.
        """
        arguments = {"BASE_IMAGE": self.base_image} | ({"PIP_INDEX_URL": self.index} if self.index else {})
        if chosen := self.detector(image, detector):
            arguments |= {"MODEL_IMAGE": SHIPPED_MODEL, "DETECTOR": chosen}
        for name, value in self.options.items():
            argument, images = OPTIONS[name]
            arguments |= {argument: value} if image in images else {}
        return arguments | ({} if image in (AIRFLOW, TRIAL) else {"STAGE": image})

    def detector(self, image: str, detector: str | None = None) -> str | None:
        """The detector that the image holds: `detector`, else the default one; None where no detector of ours is in it.

        Raises LocalError if no detector has that name, if MODEL_IMAGE brings another, or if it has no model for
        TensorFlow, which DETECT_REQUIREMENTS asks for.
        """
        if image != DETECT:
            return None
        if own := self.options.get("MODEL_IMAGE"):
            if detector:
                raise LocalError(f"MODEL_IMAGE={own} brings a detector of its own: leave DETECTOR={detector} out")
            return None
        chosen = detectors.check(detector or detectors.default())
        requirements = self.options.get("DETECT_REQUIREMENTS", LITERT_ONLY)
        if requirements != LITERT_ONLY and chosen != detectors.REFERENCE:
            raise LocalError(
                f"DETECT_REQUIREMENTS={requirements} is for TensorFlow, and the detector {chosen} has no model for it: "
                f"add DETECTOR={detectors.REFERENCE}"
            )
        return chosen


def builder_from_environment() -> Builder | None:
    """The builder that BUILDER names, None if it names none. REGISTRY, BASE_IMAGE, PIP_INDEX_URL, PUSH and
    those in OPTIONS go with it.

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
        options={name: os.environ[name] for name in OPTIONS if os.environ.get(name)},
        push=os.environ.get("PUSH") == "yes",
    )


def _revision() -> str:
    """The commit that the sources are of; `unknown` outside a git clone."""
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else "unknown"


def _run(command: list[str], cwd: Path = ROOT) -> None:
    environment = {**os.environ, **KEEP_LAYERS}
    result = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-30:])
        raise LocalError(f"{' '.join(command)} ended with exit code {result.returncode}:\n{said}")
