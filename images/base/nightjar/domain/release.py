"""The release: the image of every stage and the rules that one run is pinned to."""

import json
import re
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Record
from nightjar.errors import UsageError

STAGES = ("collect", "validate", "detect", "assess", "notify", "report")
VARIABLE = "nightjar_images"

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_REGISTRY = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


def _tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise ValueError(f"expected an image tag of 1 to 128 letters, digits, '_', '.' or '-', got {text!r}")
    if text == "latest":
        raise ValueError("expected a tag that is never reused, got 'latest'")
    return text


def _registry(text: str) -> str:
    if not _REGISTRY.fullmatch(text):
        raise ValueError(f"expected a registry and path like registry.example.com/nightjar, got {text!r}")
    return text


Tag = Annotated[str, AfterValidator(_tag)]


class Images(Record):
    """The Airflow Variable `nightjar_images`: one registry, one tag a stage; a candidate detector beside, or none."""

    registry: Annotated[str, AfterValidator(_registry)]
    collect: Tag
    validate_: Annotated[Tag, Field(alias="validate")]
    detect: Tag
    assess: Tag
    notify: Tag
    report: Tag
    detect_candidate: Tag | None = None

    def tag(self, stage: str) -> str:
        """The tag of `stage`; raises UsageError for a stage that is not one."""
        if stage not in STAGES:
            raise UsageError(f"expected a stage, one of {', '.join(STAGES)}, got {stage!r}")
        return str(getattr(self, "validate_" if stage == "validate" else stage))

    def reference(self, stage: str) -> str:
        """`<registry>/<stage>:<tag>`."""
        return f"{self.registry}/{stage}:{self.tag(stage)}"

    def references(self) -> dict[str, str]:
        """The image reference of every stage."""
        return {stage: self.reference(stage) for stage in STAGES}


def parse_images(text: str) -> Images:
    """The value of the Variable; raises UsageError, naming every key that is missing, unknown or wrong."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"expected Variable {VARIABLE} to be JSON: {error}") from None
    try:
        return Images.model_validate(value)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'value'}: {e['msg']}" for e in error.errors())
        raise UsageError(f"Variable {VARIABLE} is wrong: {found}") from None


def image_tag(reference: str) -> str:
    """The tag of `<registry>/<stage>:<tag>`; raises UsageError when there is none."""
    _, slash, last = reference.rpartition("/")
    _, colon, tag = last.rpartition(":")
    if not (slash and colon and _TAG.fullmatch(tag)):
        raise UsageError(f"expected an image reference <registry>/<stage>:<tag>, got {reference!r}")
    return tag


class FrozenRules(Record):
    """Which rules a run uses: a frozen copy in the run's folder. `problem` is set when the last good ones are used."""

    key: str
    sha256: str
    source: ObjectRef
    problem: str | None = None


class Release(Record):
    """`release.json`: written once a run, create-only, and handed to every later task."""

    run: str
    images: dict[str, str]
    rules: FrozenRules
