"""`make images`: builds the images whose content is not there yet, and offers the Variable's value that deploys them.

An image whose content did not change keeps its tag: the deployed one, or else the newest that holds this content. So a
change to one stage is one new tag in the value. ALL=yes gives every image the new tag, for a release.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nightjar.domain.release import VARIABLE, Images, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar_local import images
from nightjar_local.containers import AIRFLOW, TRIAL, Builder
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.layout import DEPLOYMENT, ENVIRONMENT_FILE, shown


class Builds(Protocol):
    """Where images are built: the local store, or a container builder with its registry."""

    @property
    def registry(self) -> str:
        """The first part of every reference."""

    def tags_of(self, image: str) -> Sequence[str]:
        """The tags that hold what the sources would give now, newest first."""

    def build(self, image: str, tag: str | None) -> str:
        """Build `image`, unless it is there under this tag; returns its tag."""

    def keep(self, image: str, tag: str) -> None:
        """Do what is left to do for an image that is not built again."""


@dataclass(frozen=True)
class LocalStore:
    """The local image store."""

    registry: str = images.REGISTRY

    def tags_of(self, image: str) -> Sequence[str]:
        """The tags that hold what the sources would give now, newest first."""
        return images.tags_of(image)

    def build(self, image: str, tag: str | None) -> str:
        """Build `image`, unless it is there under this tag; returns its tag."""
        return images.build_alone(image, tag)

    def keep(self, image: str, tag: str) -> None:
        """Nothing: an image in the store stays as it is."""


@dataclass(frozen=True)
class Containers:
    """A container builder."""

    builder: Builder

    @property
    def registry(self) -> str:
        """That of the builder."""
        return self.builder.registry

    def tags_of(self, image: str) -> Sequence[str]:
        """The tags that this clone has built of what the sources would give now, newest first."""
        return self.builder.tags_of(image)

    def build(self, image: str, tag: str | None) -> str:
        """Build `image` and, if the builder pushes, push it; returns its tag."""
        return self.builder.build(image, tag).rsplit(":", 1)[1]

    def keep(self, image: str, tag: str) -> None:
        """Push it, if the builder pushes and has not pushed it yet."""
        self.builder.push_once(image, tag)


@dataclass(frozen=True)
class Offer:
    """The value of the Variable that deploys the sources. `built` images are new, those in `kept` keep their tags.

    `deployed` is the value as it is now, where it is known.
    """

    value: dict[str, Any]
    built: tuple[str, ...]
    kept: tuple[str, ...]
    deployed: dict[str, Any] | None


def offer(builds: Builds, tag: str | None, deployed: Images | None, *, everything: bool = False) -> Offer:
    """Build what changed. With `everything`, build every image under `tag`.

    Raises LocalError if `tag` is none or names an image with other content, or if a build fails.
    """
    images.check_tag(tag)
    wanted = (*STAGE_IMAGES, AIRFLOW, TRIAL) if isinstance(builds, Containers) else STAGE_IMAGES
    tags: dict[str, str] = {}
    built = []
    for image in wanted:
        same = [] if everything else builds.tags_of(image)
        first = [deployed.tag(image)] if deployed and image in STAGE_IMAGES else []
        kept = next((each for each in (*first, tag, *same) if each in same), None)
        if kept is None:
            tags[image] = builds.build(image, tag)
            built.append(image)
        else:
            builds.keep(image, kept)
            tags[image] = kept
    candidate = {"detect_candidate": deployed.detect_candidate} if deployed else {}
    value = {"registry": builds.registry, **{image: tags[image] for image in STAGE_IMAGES}, **candidate}
    return Offer(
        value=Images.model_validate(value).model_dump(by_alias=True),
        built=tuple(built),
        kept=tuple(f"{image}:{tags[image]}" for image in wanted if image not in built),
        deployed=deployed.model_dump(by_alias=True) if deployed else None,
    )


def deployed_images() -> Images | None:
    """The images of the local deployment that is up; None when none is, or when its Variable is no good."""
    daemon = Daemon(DEPLOYMENT)
    if daemon.supervisor.process() is None:
        return None
    with Deployment(DEPLOYMENT, daemon.settings()).api() as api:
        text = api.variable(VARIABLE)
    try:
        return parse_images(text) if text else None
    except UsageError:
        return None


def as_text(made: Offer) -> str:
    """The images that were built and those that were not, the value, and how to set it."""
    nothing = "nothing, the images that are there hold these sources and keep their tags"
    lines = [f"Built: {', '.join(made.built) or nothing}"]
    if made.kept:
        lines.append(f"Unchanged: {', '.join(made.kept)}")
    if made.value == made.deployed:
        return "\n".join([*lines, f"The Variable {VARIABLE} has this value: there is nothing to deploy."])
    changes = _changes(made.deployed, made.value)
    value = json.dumps(made.value)
    return "\n".join(
        [
            *lines,
            *([f"Against what is deployed: {changes}"] if changes else []),
            f"To deploy it, set the Airflow Variable {VARIABLE} (Admin > Variables) to",
            f"    {value}",
            f"or, where the command airflow reaches the deployment (on a laptop: source {shown(ENVIRONMENT_FILE)}),",
            f"    airflow variables set {VARIABLE} '{value}'",
        ]
    )


def _changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    if before is None:
        return ""
    return ", ".join(f"{key} {before[key]} becomes {now[key]}" for key in now if before[key] != now[key])
