"""Bumping the Variable `nightjar_images`: checked, recorded with who and why, then set."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nightjar.domain.bumps import Bump, BumpKind, checked_why, value_of, with_tags
from nightjar.domain.release import VARIABLE, Images, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import NightjarError, UsageError
from nightjar.stores.releases import Releases

if TYPE_CHECKING:
    from nightjar.runtime.store import ObjectStore

_SECONDS = 20.0  # for a registry to tell whether an image is there


class ImagesVariable(Protocol):
    """The Variable `nightjar_images` in Airflow."""

    def get(self) -> str | None:
        """Its value; None when there is no such Variable."""

    def set(self, value: str) -> None:
        """Set it."""


class ImageSource(Protocol):
    """Where the images of a deployment come from."""

    def place(self, registry: str) -> str:
        """The name under which the digests of its images are recorded."""

    def digest(self, image: str, reference: str) -> str | None:
        """The content digest of `reference`; None where that cannot be told.

        Raises UsageError for an image that is not there, or does not start.
        """


class RegistrySource:
    """The registry that the Variable names, as far as it answers; `doubts` are sentences about what it did not tell."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self.doubts: list[str] = []

    def place(self, registry: str) -> str:
        """The registry itself."""
        return registry

    def digest(self, image: str, reference: str) -> str | None:
        """The digest that the registry tells; None, and a doubt, when it does not."""
        from nightjar.runtime.registry import DigestUnknownError, Registries, logins

        with Registries(logins(self._config), _SECONDS) as registries:
            try:
                return registries.digest(reference)
            except DigestUnknownError as error:
                self.doubts.append(f"{image}: not checked, {error}")
                return None


def bump_images(
    store: "ObjectStore",
    variable: ImagesVariable,
    change: Callable[[Images], Images],
    *,
    kind: BumpKind,
    by: str,
    why: str,
    now: datetime,
    source: ImageSource | None = None,
) -> Bump:
    """Change the Variable, and write down who did it and why; returns the bump. Runs that are under way keep theirs.

    Without a `source` the images are not looked at. Raises UsageError for a Variable that is not there or wrong, for a
    change that changes nothing, for a reason that is none, for an image that is not there or does not start, and for a
    tag that holds other content than it held when it was first seen; nothing is changed then.
    """
    line = checked_why(why)
    before = current_images(variable)
    after = change(before)
    if after == before:
        raise UsageError(f"expected a change of Variable {VARIABLE}, it has this value already: {_text(after)}")
    if after.detect_candidate == after.detect:
        raise UsageError(f"expected a candidate detector other than the deployed one, got {after.detect} for both")
    bump = Bump(at=now, by=by, kind=kind, why=line, before=value_of(before), after=value_of(after))
    releases = Releases(store)
    for image, tag in changed_tags(before, after) if source else ():
        held = source.digest(image, f"{after.registry}/{image}:{tag}") if source else None
        place = source.place(after.registry) if source else after.registry
        releases.digest_of(place, image, tag, held, f"the bump of {by}", now)
    releases.announce(bump)
    try:
        if current_images(variable) != before:
            raise UsageError(
                f"Variable {VARIABLE} was changed by somebody else meanwhile; look, and give the command again"
            )
        variable.set(_text(after))
    except NightjarError:
        releases.withdraw(bump)
        raise
    return bump


def current_images(variable: ImagesVariable) -> Images:
    """The Variable as it is now; raises UsageError when there is none, or a wrong one."""
    text = variable.get()
    if text is None:
        raise UsageError(
            f"expected an Airflow Variable {VARIABLE}, there is none: `make up` or the chart sets the first one"
        )
    return parse_images(text)


def changed_tags(before: Images, after: Images) -> list[tuple[str, str]]:
    """Each image with its tag that `after` deploys or tries and `before` does not; all, when the registry changes."""
    pairs = [(image, after.tag(image)) for image in STAGE_IMAGES]
    if after.detect_candidate:
        pairs.append(("detect", after.detect_candidate))
    if after.registry != before.registry:
        return pairs
    known = {(image, before.tag(image)) for image in STAGE_IMAGES}
    return [pair for pair in pairs if pair not in known | {("detect", before.detect_candidate)}]


def tags_changed(words: list[str]) -> Callable[[Images], Images]:
    """The change that words like `detect=1.4.0` ask for; `detect_candidate=` ends a candidate.

    Raises UsageError for a word that is none, or names no key of the Variable; a wrong tag is told when it is made.
    """
    keys = (*STAGE_IMAGES, "detect_candidate", "registry")
    tags: dict[str, str | None] = {}
    for word in words:
        key, equals, tag = word.partition("=")
        if not equals or key not in keys or (not tag and key != "detect_candidate"):
            raise UsageError(f"expected <image>=<tag>, the image one of {', '.join(keys)}, got {word!r}")
        tags[key] = tag or None
    if not tags:
        raise UsageError("expected at least one <image>=<tag>, such as detect=1.4.0")

    def change(images: Images) -> Images:
        return parse_images(json.dumps({**value_of(images), **tags}))

    return change


def going_back(store: "ObjectStore", bump_id: str | None) -> Callable[[Images], Images]:
    """The change that takes back the bump with this id (a part of its beginning is enough), or the newest one.

    Raises UsageError for an id that is none, for one of several, and for a bump with nothing before it.
    """
    bumps = Releases(store).bumps(1000 if bump_id else 1)
    named = [bump for bump in bumps if bump_id is None or bump.id.startswith(bump_id)]
    if len(named) != 1:
        came = f"{bump_id!r}, which {len(named)} are" if bump_id else "none that is known"
        raise UsageError(f"expected one bump, as `nightjar releases` names them, got {came}")
    [bump] = named
    if bump.before is None:
        raise UsageError(f"expected a bump with a value before it, {bump.id} is the first one that is known")
    value = bump.before
    return lambda _: parse_images(json.dumps(value))


def candidate_is(tag: str | None) -> Callable[[Images], Images]:
    """The change that makes `tag` the candidate detector."""
    return lambda images: with_tags(images, {"detect_candidate": tag})


def _text(images: Images) -> str:
    return json.dumps(value_of(images))
