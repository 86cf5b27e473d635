"""The rules: as people put them, the last good ones, and by content, which is how a release names them.

config/rules.yaml             put by people
config/rules.last-good.yaml   the last ones that could be used
config/rules.checked.json     which version was checked last, and with what outcome
rules/<sha256>.yaml           every text that a run has used; a large one also in parts (`rules_parts`)
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules
from nightjar.domain.rules import Rules
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_record, reference, write_bytes, write_record
from nightjar.runtime.rules import LARGE, RulesError, checked_rules, parse_rules
from nightjar.runtime.rules_reader import reader_id
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    VersionInfo,
)
from nightjar.stores.rules_parts import read_parts, write_parts
from nightjar.stores.rules_redacted import is_text, is_whole

RULES_KEY = "config/rules.yaml"
LAST_GOOD_RULES_KEY = "config/rules.last-good.yaml"
CHECKED_KEY = "config/rules.checked.json"
USED_RULES = "rules/"
_YAML = "application/yaml"


def _content_key(sha256: str) -> str:
    return f"{USED_RULES}{sha256}.yaml"


class LastCheck(Stored):
    """`rules.checked.json`: the version of the rules that was checked last, by which code, and what runs were given."""

    version_id: str
    etag: str
    reader: str
    frozen: FrozenRules

    def is_of(self, info: ObjectInfo) -> bool:
        """Whether this release would find the same in the object."""
        return (self.version_id, self.etag, self.reader) == (info.version_id, info.etag, reader_id())


@dataclass(frozen=True)
class PutRules:
    """The rules as they are now, and the text and version that they replaced; None where there were none."""

    now: ObjectRef
    before: bytes | None
    before_version: str | None


@dataclass(frozen=True)
class RulesInForce:
    """The rules that the next run will use: `rules` as the object `ref`, put at `since`; none of it without good rules.

    `problems` are the mistakes in the newest rules, each with its line, when these are not used.
    """

    rules: Rules | None = None
    ref: ObjectRef | None = None
    since: datetime | None = None
    problems: tuple[str, ...] = ()


class RulesStore:
    """Reads the rules, and freezes them for a run."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def current(self) -> bytes:
        """The text of the rules as people put it; raises UsageError when there is none."""
        return self._newest()[0]

    def put(self, text: bytes) -> PutRules:
        """Make `text` the rules that runs use from now on, with a new version if it is another text.

        It is not checked here: `check_rules` does that. Raises UsageError when somebody else puts rules meanwhile.
        """
        try:
            before, info = self._store.get(RULES_KEY)
        except ObjectMissingError:
            before, info = None, None
        if info is not None and before == text:
            return PutRules(reference(info, text), before, info.version_id)
        try:
            written = write_bytes(
                self._store,
                RULES_KEY,
                text,
                content_type=_YAML,
                if_absent=info is None,
                if_match=info.etag if info else None,
            )
        except (ObjectExistsError, ObjectChangedError):
            raise UsageError(
                f"somebody else changed {RULES_KEY} at the same time: look at it, and put yours again"
            ) from None
        return PutRules(written, before, info.version_id if info else None)

    def newest(self) -> ObjectInfo | None:
        """The newest rules, whatever their size and whether good or not; None when there are none."""
        return self._store.head(RULES_KEY)

    def versions(self) -> list[VersionInfo]:
        """Every version of the rules that people put, the newest first."""
        versions = (each for each in self._store.list_versions(RULES_KEY) if each.key == RULES_KEY)
        stored = (each for each in versions if not each.is_delete_marker)
        return sorted(stored, key=lambda each: (each.is_latest, each.modified_at), reverse=True)

    def text_of(self, version: VersionInfo) -> bytes:
        """The text of one of `versions`; raises InputError when it has been removed since."""
        try:
            return self._store.get(RULES_KEY, version.version_id)[0]
        except ObjectMissingError:
            raise InputError(f"expected version {version.version_id} of {RULES_KEY}, it is gone") from None

    def checked(self) -> FrozenRules | None:
        """The rules for runs while the newest file stays the same; None before this release has checked them."""
        newest = self._store.head(RULES_KEY)
        return self._checked(newest) if newest else None

    def freeze(self) -> FrozenRules:
        """Keep the rules by content, for a release to name.

        They become the last good ones. When they are missing or wrong the last good ones are used, and `problem` says
        what is wrong; without those, raises UsageError naming the line. Rules that have been checked are not read
        again, however large they are.
        """
        newest = self._store.head(RULES_KEY)
        if newest and (frozen := self._checked(newest)) and self._store.head(frozen.key):
            return frozen
        return self._freeze()

    def _freeze(self) -> FrozenRules:
        info: ObjectInfo | None = None
        try:
            text, info = self._newest()
            frozen = self._frozen(text, reference(info, text), parse_rules(text, RULES_KEY))
            write_bytes(self._store, LAST_GOOD_RULES_KEY, text, content_type=_YAML)
        except UsageError as error:
            if (last_good := self._get(LAST_GOOD_RULES_KEY)) is None:
                raise
            text, source = last_good
            rules = parse_rules(text, LAST_GOOD_RULES_KEY, kept=True)  # it may have been good for an older Nightjar
            problems = map(str, error.problems) if isinstance(error, RulesError) else (str(error),)
            why = {"problem": f"the last good rules are used: {error}", "problems": tuple(problems)}
            frozen = self._frozen(text, source, rules).model_copy(update=why)
        if info is not None:
            mark = LastCheck(version_id=info.version_id, etag=info.etag, reader=reader_id(), frozen=frozen)
            write_record(self._store, CHECKED_KEY, mark)
        return frozen

    def _checked(self, info: ObjectInfo) -> FrozenRules | None:
        """The outcome of the last check, if it was of this version of the rules and by the code of this release."""
        try:
            last, _ = read_record(self._store, CHECKED_KEY, LastCheck)
        except InputError:  # none yet, or of a release that wrote it in another way
            return None
        return last.frozen if last.is_of(info) else None

    def last_check(self) -> FrozenRules | None:
        """The rules that the last run used, however large they are; None before the first, or of another release.

        Newer ones may have been put since.
        """
        try:
            return read_record(self._store, CHECKED_KEY, LastCheck)[0].frozen
        except InputError:
            return None

    def in_force(self) -> RulesInForce:
        """The rules that the next run will use, or none, and the mistakes in the newest ones. Changes nothing."""
        problems: tuple[str, ...] = ()
        for key in (RULES_KEY, LAST_GOOD_RULES_KEY):
            try:
                text, info = self._store.get(key)
                last = self._checked(info) if key == RULES_KEY and len(text) > LARGE else None
                is_good = last is not None and last.problem is None
                rules = checked_rules(text) if is_good else parse_rules(text, key, kept=key == LAST_GOOD_RULES_KEY)
                return RulesInForce(rules, reference(info, text), info.modified_at, problems)
            except ObjectMissingError:
                problems = problems or (f"expected the rules at {RULES_KEY!r} in the bucket, found none",)
            except RulesError as error:
                problems = problems or tuple(map(str, error.problems))
        return RulesInForce(problems=problems)

    def load(self, frozen: FrozenRules, cameras: Iterable[Camera] | None = None) -> tuple[Rules, ObjectRef]:
        """The rules of a release; raises InputError when they are gone or are others by now.

        With `cameras`, users of other cameras may be left out, which makes a large file small.
        """
        if frozen.parts is not None and cameras is not None:
            return read_parts(self._store, frozen.sha256, frozen.parts, {camera.user for camera in cameras})
        stored = self._get(frozen.key)
        if stored is None:
            raise InputError(f"expected the run's rules at {frozen.key!r}, found none")
        text, ref = stored
        if ref.sha256 != frozen.sha256 and not is_text(self._store.head(frozen.key), ref, frozen.sha256):
            raise InputError(f"expected rules with SHA-256 {frozen.sha256} at {frozen.key!r}, got {ref.sha256}")
        return checked_rules(text, frozen.key), ref

    def used(self, sha256: str) -> Rules | None:
        """The rules with this SHA-256, which a run has used; None when they are not kept."""
        stored = self._get(_content_key(sha256))
        return checked_rules(stored[0], _content_key(sha256)) if stored else None

    def _frozen(self, text: bytes, source: ObjectRef, rules: Rules) -> FrozenRules:
        key = _content_key(source.sha256)
        there = self._store.head(key)
        if not (is_kept := is_whole(there)):
            condition: Any = (
                {"if_match": there.etag} if there else {"if_absent": True}
            )  # a user who was forgotten is back
            with suppress(ObjectExistsError, ObjectChangedError):  # another run was first, with the same text
                self._store.put(key, text, content_type=_YAML, **condition)
        parts = write_parts(self._store, source.sha256, rules, again=there is not None and not is_kept)
        return FrozenRules(key=key, sha256=source.sha256, source=source, parts=parts)

    def _newest(self) -> tuple[bytes, ObjectInfo]:
        try:
            return self._store.get(RULES_KEY)
        except ObjectMissingError:
            raise UsageError(f"expected the rules at {RULES_KEY!r} in the bucket, found none") from None

    def _get(self, key: str) -> tuple[bytes, ObjectRef] | None:
        try:
            text, info = self._store.get(key)
        except ObjectMissingError:
            return None
        return text, reference(info, text)
