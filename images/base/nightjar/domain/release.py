"""The release: everything that decides the results of one run: each stage's image and settings, and the rules."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Input, Part, Stored
from nightjar.domain.stages import STAGE_IMAGES, stage_named
from nightjar.errors import InputError, UsageError

VARIABLE = "nightjar_images"
DESCRIPTION = "The image tag of every stage; a run freezes it as it starts."  # of the Variable

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


class Images(Input):
    """The Airflow Variable `nightjar_images`: one registry, one tag a stage; a candidate detector beside, or none."""

    registry: Annotated[str, AfterValidator(_registry)]
    collect: Tag
    validate_: Annotated[Tag, Field(alias="validate")]
    detect: Tag
    assess: Tag
    notify: Tag
    report: Tag
    detect_candidate: Tag | None = None

    def tag(self, image: str) -> str:
        """The tag of `image`; raises UsageError for a name that is no image."""
        if image not in STAGE_IMAGES:
            raise UsageError(f"expected an image, one of {', '.join(STAGE_IMAGES)}, got {image!r}")
        return str(getattr(self, "validate_" if image == "validate" else image))

    def trying(self, tag: str) -> "Images":
        """The same with `tag` as the detector; raises UsageError for a tag that is none."""
        try:
            return Images.model_validate({**self.model_dump(by_alias=True), "detect": tag})
        except ValidationError as error:
            raise UsageError(f"expected the tag of a candidate detector: {_sentence(error.errors()[0])}") from None

    def reference(self, stage: str) -> str:
        """`<registry>/<image>:<tag>` of the image that holds `stage`; raises UsageError for a name that is no stage."""
        image = stage_named(stage).image
        return f"{self.registry}/{image}:{self.tag(image)}"


def parse_images(text: str) -> Images:
    """The value of the Variable; raises UsageError, naming every key that is missing, unknown or wrong."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"expected Variable {VARIABLE} to be JSON: {error}") from None
    try:
        return Images.model_validate(value)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'value'}: {_sentence(e)}" for e in error.errors())
        raise UsageError(f"Variable {VARIABLE} is wrong: {found}") from None


def _sentence(error: ErrorDetails) -> str:
    plain = {"missing": "missing key", "extra_forbidden": "unknown key"}
    return plain.get(error["type"]) or error["msg"].removeprefix("Value error, ")


def image_tag(reference: str) -> str:
    """The tag of `<registry>/<stage>:<tag>`; raises UsageError when there is none."""
    _, slash, last = reference.rpartition("/")
    _, colon, tag = last.rpartition(":")
    if not (slash and colon and _TAG.fullmatch(tag)):
        raise UsageError(f"expected an image reference <registry>/<stage>:<tag>, got {reference!r}")
    return tag


class FrozenRules(Part):
    """The rules that a run uses: `key` holds them by content. `source` is the object they were read from.

    `problem` says what is wrong with newer rules, when the last good ones are used instead of them; `problems` are the
    same mistakes one by one, each with its line. `parts` names the parts of a large file, by which a stage reads the
    users of its cameras only; None for a file that is read as a whole.
    """

    key: str
    sha256: str
    source: ObjectRef
    problem: str | None = None
    problems: tuple[str, ...] = ()
    parts: ObjectRef | None = None


class StageRelease(Part):
    """One stage of a release. `settings` are environment variables with their values; secrets are not among them.

    `digest` is the image's content digest (`sha256:…`), where the place that it comes from tells one.
    """

    image: str
    digest: str | None = None
    settings: dict[str, str] = Field(default_factory=dict)

    @property
    def pinned_image(self) -> str:
        """The image by its digest, `<registry>/<image>:<tag>@sha256:…`, where it is known: no push changes that."""
        return f"{self.image}@{self.digest}" if self.digest else self.image

    @property
    def identity(self) -> str:
        """16 hex digits that two releases of a stage share if their image and settings are the same."""
        text = json.dumps([self.image, self.digest, sorted(self.settings.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Release(Stored):
    """`release.json`: written once for each start of a run, and handed to every later task of it."""

    SCHEMA = 2

    run: str
    start: str = ""  # the start of the run, and the DAG run, that this was made for: `Started.identity`
    stages: dict[str, StageRelease]
    rules: FrozenRules

    @model_validator(mode="before")
    @classmethod
    def _of_0_1(cls, value: Any) -> Any:
        """Release 0.1 froze the images only, and no settings."""
        if isinstance(value, dict) and "images" in value and "stages" not in value:
            return {"stages": {stage: {"image": image} for stage, image in value["images"].items()}, **value}
        return value

    @property
    def identity(self) -> str:
        """16 hex digits that two runs share if every stage's image and settings are the same, and the rules."""
        text = json.dumps([sorted((name, stage.identity) for name, stage in self.stages.items()), self.rules.sha256])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def rules_problems(self) -> tuple[str, ...]:
        """The mistakes in the newest rules, for which the last good ones are used; none when the newest are used."""
        return self.rules.problems or ((self.rules.problem,) if self.rules.problem else ())

    def stage(self, name: str) -> StageRelease:
        """The release of one stage; raises InputError when this release has none of that name."""
        if name not in self.stages:
            raise InputError(f"expected a release with a stage {name}, got {', '.join(sorted(self.stages))}")
        return self.stages[name]

    def with_settings(self, stage: str, settings: Mapping[str, str]) -> "Release":
        """The same release with other `settings` of one stage; those that are not named stay."""
        changed = self.stage(stage)
        changed = changed.model_copy(update={"settings": {**changed.settings, **settings}})
        return self.model_copy(update={"stages": {**self.stages, stage: changed}})


class Started(Stored):
    """`started.json`: the DAG run that works on a run folder. Its being there tells that the batch was handed over.

    `start` differs for every start of the run from its beginning, and is the same for the retries of one start.
    """

    dag_run: str
    start: str

    @property
    def identity(self) -> str:
        """Differs for every start of every DAG run."""
        return f"{self.dag_run} {self.start}"


class Ended(Stored):
    """`ended.json`: how the last start of a run ended, for whoever sees the bucket and not Airflow.

    `state` is `success` or `failed`, `problems` say what failed.
    """

    state: str
    problems: tuple[str, ...] = ()
    ended_at: datetime


class Deployed(Stored):
    """`config/deployed.json`: the stages as the newest release has them, and the first run that had them so."""

    run: str
    since: datetime
    stages: dict[str, StageRelease]
