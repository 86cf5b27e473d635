"""Bumps: the changes of the Variable `nightjar_images` and what they led to; the content that image tags stand for."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from nightjar.domain.layout import digest
from nightjar.domain.model import Part, Stored
from nightjar.domain.release import Images, StageRelease
from nightjar.errors import UsageError

CANDIDATE = "detect_candidate"  # the key of the Variable that names a detector beside the deployed one
LONGEST_WHY = 500  # characters


class BumpKind(StrEnum):
    """How a bump was made; `edited` is one that nobody announced, such as by Airflow's page of Variables."""

    RELEASE = "release"
    PROMOTE = "promote"
    DROP = "drop"
    EDITED = "edited"
    FIRST = "first"


class Bump(Stored):
    """One change of the Variable: when, by whom, from what to what, and why.

    `before` and `after` are values of the Variable; `before` is None for the first one that is known. `by` is None
    where that is not known. `releases` are the identities of the releases that runs were pinned to by it, in order.
    """

    at: datetime
    by: str | None = None
    kind: Annotated[BumpKind | str, Field(union_mode="left_to_right")] = BumpKind.RELEASE
    why: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any]
    releases: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`<UTC stamp>-<8 hex>`: sorts by time, and differs for two bumps of one millisecond."""
        text = f"{self.at.isoformat()} {self.by} {sorted(self.after.items())}"
        return f"{self.at:%Y%m%dT%H%M%S}{self.at.microsecond // 1000:03d}Z-{digest(text, 8)}"

    @property
    def changes(self) -> list[str]:
        """The changes, a sentence for each key, such as `detect: 1.0.0 → 1.4.0`."""
        before = self.before or {}
        keys = [key for key in {**self.after, **before} if before.get(key) != self.after.get(key)]
        return [f"{key}: {_shown(before.get(key))} → {_shown(self.after.get(key))}" for key in keys]


class CurrentImages(Stored):
    """The value of the Variable that the newest run was pinned by, and since when.

    `digests` are the content digests of its images in `place`, where known; `bump` is the id of the bump that did it.
    `releases` are the identities of the newest releases made of it, which differ by rules or settings.
    """

    value: dict[str, Any]
    since: datetime
    bump: str
    place: str = ""
    digests: dict[str, str] = Field(default_factory=dict)
    releases: tuple[str, ...] = ()


class ReleaseRecord(Stored):
    """A release that runs were pinned to: its stages and rules, and the first run that was, since when."""

    identity: str
    stages: dict[str, StageRelease]
    rules_key: str
    rules_sha256: str
    first_run: str
    since: datetime
    bump: str | None = None


class PinnedRun(Stored):
    """That the run with prefix `run` was pinned to a release at `at`."""

    run: str
    at: datetime
    bump: str | None = None


class RegistryDigest(Part):
    """The content of a tag in one place: `digest` (`sha256:…`), as `by` had it at `at`, when it was first seen.

    `registry` is a registry with its path, or `<registry> (image store)` for the image store of a laptop.
    """

    registry: str
    digest: str
    at: datetime
    by: str


class ImageDigests(Stored):
    """The content of `<image>:<tag>`, by registry: the same tag is another thing on a laptop than in a registry."""

    image: str
    tag: str
    digests: tuple[RegistryDigest, ...] = ()

    def of(self, registry: str) -> RegistryDigest | None:
        """The content of the tag in `registry`; None when it is not known."""
        return next((each for each in self.digests if each.registry == registry), None)


def value_of(images: Images) -> dict[str, Any]:
    """The value of the Variable."""
    return images.model_dump(by_alias=True)


def same_value(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two values of the Variable name the same images; a key that is left out is one without a value."""
    keys = {*one, *other}
    return all(one.get(key) == other.get(key) for key in keys)


def with_tags(images: Images, tags: Mapping[str, str | None]) -> Images:
    """`images` with other tags, by the keys of the Variable; those that are not named stay."""
    return Images.model_validate({**value_of(images), **tags})


def promoted(images: Images) -> Images:
    """The candidate deployed, and no candidate; raises UsageError when there is none."""
    return with_tags(images, {"detect": _candidate(images), CANDIDATE: None})


def dropped(images: Images) -> Images:
    """No candidate any more; raises UsageError when there is none."""
    _candidate(images)
    return with_tags(images, {CANDIDATE: None})


def _candidate(images: Images) -> str:
    if images.detect_candidate is None:
        raise UsageError(f"expected a candidate detector in {CANDIDATE} of the Variable, there is none")
    return images.detect_candidate


def checked_why(text: str) -> str:
    """Why a bump is made, in one line; raises UsageError for nothing, for more lines, or for too much."""
    line = text.strip()
    if not line or len(line) > LONGEST_WHY or not line.isprintable():
        raise UsageError(
            f"expected a line of 1 to {LONGEST_WHY} characters that says why, got {len(line)} characters"
            f"{'' if line.isprintable() else ', of which some are no text'}"
        )
    return line


def refuse_other_content(image: str, tag: str, known: RegistryDigest, digest_now: str) -> None:
    """Raise UsageError, naming both digests, when a tag holds other content than it held when it was first seen."""
    if known.digest != digest_now:
        raise UsageError(
            f"expected {known.registry}/{image}:{tag} to be {known.digest}, as {known.by} had it at "
            f"{known.at:%Y-%m-%d %H:%M:%S} UTC, got {digest_now}: the tag was used again for other content. Give that "
            f"content a tag of its own and bump to it, or put the first content back"
        )


def _shown(tag: object) -> str:
    return "nothing" if tag is None else str(tag)
