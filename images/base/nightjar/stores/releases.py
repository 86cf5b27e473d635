"""Releases: what was deployed when, by whom and why, and which runs were pinned to it.

releases/bumps/<YYYY>/<MM>/<UTC stamp>-<8 hex>.json   Bump: made before the Variable is set, or by the run that saw it
releases/current.json                                 CurrentImages: of the newest run
releases/images/<image>/<tag>.json                    ImageDigests: the content of a tag, by registry
releases/<identity>/release.json                      ReleaseRecord
releases/<identity>/runs/<dag>/<run>.json             PinnedRun

A run costs one read and one write here; more only when something is new.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from nightjar.domain.bumps import (
    Bump,
    BumpKind,
    CurrentImages,
    ImageDigests,
    PinnedRun,
    RegistryDigest,
    ReleaseRecord,
    refuse_other_content,
    same_value,
)
from nightjar.domain.layout import last_segment
from nightjar.domain.model import Stored
from nightjar.domain.release import Release
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.manifests import write_record
from nightjar.runtime.store import ObjectExistsError, ObjectStore
from nightjar.stores.runs import folder_of

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Stored)

RELEASES = "releases/"
_BUMPS, _IMAGES, _CURRENT = f"{RELEASES}bumps/", f"{RELEASES}images/", f"{RELEASES}current.json"
_RELEASE, _RUNS = "release.json", "runs/"
_TRIES = 5
_MOST_RELEASES = 50  # kept in current.json, newest last: releases of one bump differ by rules and settings
_LOOKED_AT = 50  # bumps among which a run looks for the one that announced what it sees


@dataclass(frozen=True)
class RunOfRelease:
    """A run that was pinned to a release: `dag` and `run` name its folder, `at` is when."""

    dag: str
    run: str
    at: datetime


class Releases:
    """Reads and writes the history of releases."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def announce(self, bump: Bump) -> None:
        """Write down a bump; done before the Variable is set, so that the next run finds why."""
        try:
            write_record(self._store, _bump_key(bump.id), bump, if_absent=True)
        except ObjectExistsError:
            raise TryAgainError(f"expected no bump {bump.id} yet, it is there already") from None

    def withdraw(self, bump: Bump) -> None:
        """Take back a bump that came to nothing."""
        self._store.delete(_bump_key(bump.id))

    def bumps(self, most: int) -> list[Bump]:
        """The newest bumps, at most so many, newest first; one that cannot be read is left out with a warning."""
        bumps: list[Bump] = []
        for key in self._bump_keys():
            if len(bumps) >= most:
                break
            if bump := self._read(key, Bump):
                bumps.append(bump)
        return bumps

    def current(self) -> CurrentImages | None:
        """The images that the newest run was pinned by; None before the first run, or when that cannot be read."""
        return self._read(_CURRENT, CurrentImages)

    def take_note(self, value: Mapping[str, Any], now: datetime) -> CurrentImages:
        """The account of `value`, the Variable as a run sees it at `now`: made when it is not what the last run saw.

        The bump is the newest that announced this value since then, or else one without a name and a reason.
        """
        for _ in range(_TRIES):
            current, etag = self._current()
            if current and same_value(current.value, value):
                return current
            announced = next((b for b in self.bumps(_LOOKED_AT) if _is_of(b, current, value)), None)
            bump = announced or Bump(
                at=now,
                kind=BumpKind.EDITED if current else BumpKind.FIRST,
                before=dict(current.value) if current else None,
                after=dict(value),
            )
            if announced is None:
                self.announce(bump)
            after = CurrentImages(value=dict(value), since=now, bump=bump.id)
            if replace_current(self._store, _CURRENT, after, etag):
                return after
            if announced is None:  # another run was quicker, and has noted it
                self.withdraw(bump)
        raise TryAgainError(f"expected {_CURRENT!r} to hold still, other runs wrote it {_TRIES} times in a row")

    def check_digests(
        self,
        current: CurrentImages | None,
        place: str,
        tags: Mapping[str, str],
        now_held: Mapping[str, str],
        by: str,
        now: datetime,
    ) -> dict[str, str]:
        """The digests of the images with these `tags` in `place`, by image: `now_held` where told, else as recorded.

        What is new is recorded in the name of `by`. Raises UsageError, naming both digests, for a tag that holds other
        content than it held when it was recorded, in whichever deployment on this bucket that was.
        """
        digests: dict[str, str] = {}
        of_last_run = current.digests if current and current.place == place else {}
        for image, tag in tags.items():
            held = now_held.get(image)
            if image in of_last_run and held in (None, of_last_run[image]):
                digests[image] = of_last_run[image]
            elif known := self.digest_of(place, image, tag, held, by, now):
                digests[image] = known
        return digests

    def digest_of(self, registry: str, image: str, tag: str, held: str | None, by: str, now: datetime) -> str | None:
        """The digest of an image: `held`, which is recorded when none is, or else the recorded one; None for neither.

        Raises UsageError as `check_digests` does.
        """
        key = _image_key(image, tag)
        for _ in range(_TRIES):
            try:
                found = read_current(self._store, key, ImageDigests)
            except InputError as error:  # a damaged note must not hold back alerts
                log.warning("%s; %s:%s is not checked", error, image, tag)
                return held
            document, etag = found or (ImageDigests(image=image, tag=tag), None)
            recorded = document.of(registry)
            if recorded is not None:
                refuse_other_content(image, tag, recorded, held or recorded.digest)
                return recorded.digest
            if held is None:
                return None
            new = RegistryDigest(registry=registry, digest=held, at=now, by=by)
            after = document.model_copy(update={"digests": (*document.digests, new)})
            if replace_current(self._store, key, after, etag):
                return held
        raise TryAgainError(f"expected {key!r} to hold still, others wrote it {_TRIES} times in a row")

    def recorded_digest(self, registry: str, image: str, tag: str) -> str | None:
        """The digest that is recorded of an image; None when none is, or when that cannot be read."""
        document = self._read(_image_key(image, tag), ImageDigests)
        recorded = document.of(registry) if document else None
        return recorded.digest if recorded else None

    def record(self, release: Release, run: str, now: datetime, current: CurrentImages | None) -> None:
        """Write down that the run with prefix `run` is pinned to `release`, at `now`.

        `current` is the account of the Variable by which it was made, with its digests; None for a release that is no
        deployment, such as that of a candidate.
        """
        identity, bump = release.identity, current.bump if current else None
        if current is None or identity not in current.releases:
            self._first(release, run, now, bump)
            if current is not None:
                self._extend(identity, current)
        write_record(self._store, _run_key(identity, run), PinnedRun(run=run, at=now, bump=bump))

    def release(self, identity: str) -> ReleaseRecord | None:
        """The record of a release; None when there is none."""
        return self._read(f"{RELEASES}{identity}/{_RELEASE}", ReleaseRecord)

    def identities(self) -> list[str]:
        """The identities of all releases that runs were pinned to."""
        names = (last_segment(folder) for folder in self._store.list_folders(RELEASES))
        return [name for name in names if f"{RELEASES}{name}/" not in (_BUMPS, _IMAGES)]

    def runs(self, identity: str) -> list[RunOfRelease]:
        """The runs that were pinned to a release, newest first."""
        folder = f"{RELEASES}{identity}/{_RUNS}"
        runs = []
        for info in self._store.list_objects(folder):
            dag, _, name = info.key.removeprefix(folder).removesuffix(".json").partition("/")
            runs.append(RunOfRelease(dag, name, info.modified_at))
        return sorted(runs, key=lambda each: each.at, reverse=True)

    def _first(self, release: Release, run: str, now: datetime, bump: str | None) -> None:
        record = ReleaseRecord(
            identity=release.identity,
            stages=release.stages,
            rules_key=release.rules.key,
            rules_sha256=release.rules.sha256,
            first_run=run,
            since=now,
            bump=bump,
        )
        try:
            write_record(self._store, f"{RELEASES}{record.identity}/{_RELEASE}", record, if_absent=True)
        except ObjectExistsError:
            return

    def _extend(self, identity: str, seen: CurrentImages) -> None:
        """Add a release to the account of its bump, and to what is current. Nothing depends on it but the history."""
        bump_id = seen.bump
        for _ in range(_TRIES):
            current, etag = self._current()
            if current is None or current.bump != bump_id:
                break
            others = [each for each in current.releases if each != identity]
            changes = {"releases": (*others, identity)[-_MOST_RELEASES:], "place": seen.place, "digests": seen.digests}
            after = current.model_copy(update=changes)
            if after == current or replace_current(self._store, _CURRENT, after, etag):
                break
        for _ in range(_TRIES):
            found = read_current(self._store, _bump_key(bump_id), Bump)
            if found is None or identity in found[0].releases:
                return
            after_bump = found[0].model_copy(update={"releases": (*found[0].releases, identity)})
            if replace_current(self._store, _bump_key(bump_id), after_bump, found[1]):
                return
        log.warning("release %s is missing in the account of bump %s, which others write", identity, bump_id)

    def _current(self) -> tuple[CurrentImages | None, str | None]:
        """The document and its etag. No run depends on its past, so one that cannot be read is written anew."""
        try:
            return read_current(self._store, _CURRENT, CurrentImages) or (None, None)
        except InputError as error:
            log.warning("%s; it is written anew", error)
            there = self._store.head(_CURRENT)
            return None, there.etag if there else None

    def _bump_keys(self) -> Iterator[str]:
        for year in sorted(self._store.list_folders(_BUMPS), reverse=True):
            for month in sorted(self._store.list_folders(year), reverse=True):
                yield from sorted((info.key for info in self._store.list_objects(month)), reverse=True)

    def _read(self, key: str, kind: type[D]) -> D | None:
        try:
            found = read_current(self._store, key, kind)
        except InputError as error:
            log.warning("%s", error)
            return None
        return found[0] if found else None


def _is_of(bump: Bump, current: CurrentImages | None, value: Mapping[str, Any]) -> bool:
    """Whether `bump` announced `value` since the last run saw another one."""
    return same_value(bump.after, value) and (current is None or bump.at >= current.since) and not bump.releases


def _bump_key(bump_id: str) -> str:
    return f"{_BUMPS}{bump_id[:4]}/{bump_id[4:6]}/{bump_id}.json"


def _image_key(image: str, tag: str) -> str:
    return f"{_IMAGES}{image}/{tag}.json"


def _run_key(identity: str, run: str) -> str:
    return f"{RELEASES}{identity}/{_RUNS}{folder_of(run)}.json"
