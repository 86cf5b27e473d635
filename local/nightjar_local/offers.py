"""`make images`: builds the images whose content is not there yet, and offers the Variable's value that deploys them.

An image whose content did not change keeps its tag: the deployed one, or else the newest that holds this content. So a
change to one stage is one new tag in the value. ALL=yes gives every image the new tag, for a release.

`detect` is built in variants: with DETECTOR="near oid" one with each of these detectors, and a value is offered for
each; without it, with the detector that is deployed, or else with the default one.
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
from nightjar_local.images import DETECT
from nightjar_local.layout import DEPLOYMENT, ENVIRONMENT_FILE, shown


class Builds(Protocol):
    """Where images are built: the local store, or a container builder with its registry.

    `detector` is of the image `detect` alone: the one that it holds, the default one if it is None.
    """

    @property
    def registry(self) -> str:
        """The first part of every reference."""

    def detector_of(self, tag: str) -> str | None:
        """The detector in the image `detect` with this tag; None if that is not known."""

    def tags_of(self, image: str, detector: str | None) -> Sequence[str]:
        """The tags that hold what the sources would give now, newest first."""

    def build(self, image: str, tag: str | None, detector: str | None) -> str:
        """Build `image`, unless it is there under this tag; returns its tag."""

    def keep(self, image: str, tag: str) -> None:
        """Do what is left to do for an image that is not built again."""


@dataclass(frozen=True)
class LocalStore:
    """The local image store."""

    registry: str = images.REGISTRY

    def detector_of(self, tag: str) -> str | None:
        """The detector in the image `detect` with this tag; None if that is not known."""
        return images.detector_of(tag)

    def tags_of(self, image: str, detector: str | None) -> Sequence[str]:
        """The tags that hold what the sources would give now, newest first."""
        return images.tags_of(image, detector)

    def build(self, image: str, tag: str | None, detector: str | None) -> str:
        """Build `image`, unless it is there under this tag; returns its tag."""
        return images.build_alone(image, tag, detector)

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

    def detector_of(self, tag: str) -> str | None:
        """None: this clone may not have built it."""

    def tags_of(self, image: str, detector: str | None) -> Sequence[str]:
        """The tags that this clone has built of what the sources would give now, newest first."""
        return self.builder.tags_of(image, detector)

    def build(self, image: str, tag: str | None, detector: str | None) -> str:
        """Build `image` and, if the builder pushes, push it; returns its tag."""
        return self.builder.build(image, tag, detector).rsplit(":", 1)[1]

    def keep(self, image: str, tag: str) -> None:
        """Push it, if the builder pushes and has not pushed it yet."""
        self.builder.push_once(image, tag)


@dataclass(frozen=True)
class Offer:
    """The values of the Variable that deploy the sources, one for each detector that was asked for.

    Their keys are the detectors' names; the only key is None if no detector was asked for. `built` images are new,
    those in `kept` keep their tags. `deployed` is the value as it is now, where it is known.
    """

    values: dict[str | None, dict[str, Any]]
    built: tuple[str, ...]
    kept: tuple[str, ...]
    deployed: dict[str, Any] | None


def offer(
    builds: Builds,
    tag: str | None,
    deployed: Images | None,
    *,
    everything: bool = False,
    detectors: Sequence[str] = (),
) -> Offer:
    """Build what changed, and `detect` with each of the detectors. With `everything`, build every image under `tag`.

    Where detectors are asked for, the tag of `detect` ends with the detector's name, also if `tag` is given. Raises
    LocalError if `tag` is none or names an image with other content, or if a build fails.
    """
    images.check_tag(tag)
    wanted = (*STAGE_IMAGES, AIRFLOW, TRIAL) if isinstance(builds, Containers) else STAGE_IMAGES
    same_as_deployed = builds.detector_of(deployed.detect) if deployed else None
    variants = [(DETECT, each, f"{tag}-{each}" if tag else None) for each in detectors]
    every = [each for each in wanted if not (each == DETECT and variants)]
    units = [*((image, same_as_deployed if image == DETECT else None, tag) for image in every), *variants]
    # For all of them before the first is built: a detector that does not go with an option is told at once.
    current = [builds.tags_of(image, detector) for image, detector, _ in units]
    tags: dict[tuple[str, str | None], str] = {}
    built, kept = [], []
    for (image, detector, given), known in zip(units, current, strict=True):
        same = [] if everything else known
        first = [deployed.tag(image)] if deployed and image in STAGE_IMAGES else []
        there = next((each for each in (*first, given, *same) if each in same), None)
        if there is None:
            tags[image, detector] = builds.build(image, given, detector)
            built.append(f"{image} with the detector {detector}" if detector else image)
        else:
            builds.keep(image, there)
            tags[image, detector] = there
            kept.append(f"{image}:{there}")
    candidate = {"detect_candidate": deployed.detect_candidate} if deployed else {}
    shared = {image: tags[image, None] for image in STAGE_IMAGES if image != DETECT}
    return Offer(
        values={
            asked: Images.model_validate(
                {"registry": builds.registry, **shared, DETECT: tags[DETECT, asked or same_as_deployed], **candidate}
            ).model_dump(by_alias=True)
            for asked in detectors or (None,)
        },
        built=tuple(built),
        kept=tuple(kept),
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
    """The images that were built and those that were not, the values, and how to set them."""
    nothing = "nothing, the images that are there hold these sources and keep their tags"
    lines = [f"Built: {', '.join(made.built) or nothing}"]
    if made.kept:
        lines.append(f"Unchanged: {', '.join(made.kept)}")
    for detector, value in made.values.items():
        lines += _how_to_deploy(detector, value, made.deployed)
    return "\n".join(lines)


def _how_to_deploy(detector: str | None, value: dict[str, Any], deployed: dict[str, Any] | None) -> list[str]:
    heading = [f"Detector {detector}:"] if detector else []
    if value == deployed:
        return [*heading, f"The Variable {VARIABLE} has this value: there is nothing to deploy."]
    changes, text = _changes(deployed, value), json.dumps(value)
    return [
        *heading,
        *([f"Against what is deployed: {changes}"] if changes else []),
        f"To deploy it, set the Airflow Variable {VARIABLE} (Admin > Variables) to",
        f"    {text}",
        f"or, where the command airflow reaches the deployment (on a laptop: source {shown(ENVIRONMENT_FILE)}),",
        f"    airflow variables set {VARIABLE} '{text}'",
    ]


def _changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    if before is None:
        return ""
    return ", ".join(f"{key} {before[key]} becomes {now[key]}" for key in now if before[key] != now[key])
