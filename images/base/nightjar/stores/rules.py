"""The rules: as people put them, the last good ones, and by content, which is how a release names them.

config/rules.yaml             put by people
config/rules.last-good.yaml   the last ones that could be used
rules/<sha256>.yaml           every text that a run has used
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules
from nightjar.domain.rules import Rules
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import reference, write_bytes
from nightjar.runtime.rules import RulesError, parse_rules
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore

RULES_KEY = "config/rules.yaml"
LAST_GOOD_RULES_KEY = "config/rules.last-good.yaml"
_YAML = "application/yaml"


def _content_key(sha256: str) -> str:
    return f"rules/{sha256}.yaml"


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
        return self._current()[0]

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

    def freeze(self) -> FrozenRules:
        """Keep the rules by content, for a release to name.

        They become the last good ones. When they are missing or wrong the last good ones are used, and `problem` says
        what is wrong; without those, raises UsageError naming the line.
        """
        try:
            text, source = self._current()
            parse_rules(text, RULES_KEY)
        except UsageError as error:
            if (last_good := self._get(LAST_GOOD_RULES_KEY)) is None:
                raise
            text, source = last_good
            parse_rules(text, LAST_GOOD_RULES_KEY, kept=True)  # it may have been good for an older Nightjar
            problems = map(str, error.problems) if isinstance(error, RulesError) else (str(error),)
            return self._frozen(text, source, f"the last good rules are used: {error}", tuple(problems))
        write_bytes(self._store, LAST_GOOD_RULES_KEY, text, content_type=_YAML)
        return self._frozen(text, source)

    def in_force(self) -> RulesInForce:
        """The rules that the next run will use, or none, and the mistakes in the newest ones. Changes nothing."""
        problems: tuple[str, ...] = ()
        for key in (RULES_KEY, LAST_GOOD_RULES_KEY):
            try:
                text, info = self._store.get(key)
                rules = parse_rules(text, key, kept=key == LAST_GOOD_RULES_KEY)
                return RulesInForce(rules, reference(info, text), info.modified_at, problems)
            except ObjectMissingError:
                problems = problems or (f"expected the rules at {RULES_KEY!r} in the bucket, found none",)
            except RulesError as error:
                problems = problems or tuple(map(str, error.problems))
        return RulesInForce(problems=problems)

    def load(self, frozen: FrozenRules) -> tuple[Rules, ObjectRef]:
        """The rules of a release; raises InputError when they are gone or are others by now."""
        stored = self._get(frozen.key)
        if stored is None:
            raise InputError(f"expected the run's rules at {frozen.key!r}, found none")
        text, ref = stored
        if ref.sha256 != frozen.sha256:
            raise InputError(f"expected rules with SHA-256 {frozen.sha256} at {frozen.key!r}, got {ref.sha256}")
        return parse_rules(text, frozen.key, kept=True), ref

    def _frozen(
        self, text: bytes, source: ObjectRef, problem: str | None = None, problems: tuple[str, ...] = ()
    ) -> FrozenRules:
        key = _content_key(source.sha256)
        if self._store.head(key) is None:
            with suppress(ObjectExistsError):  # another run was first, with the same text
                self._store.put(key, text, content_type=_YAML, if_absent=True)
        return FrozenRules(key=key, sha256=source.sha256, source=source, problem=problem, problems=problems)

    def _current(self) -> tuple[bytes, ObjectRef]:
        current = self._get(RULES_KEY)
        if current is None:
            raise UsageError(f"expected the rules at {RULES_KEY!r} in the bucket, found none")
        return current

    def _get(self, key: str) -> tuple[bytes, ObjectRef] | None:
        try:
            text, info = self._store.get(key)
        except ObjectMissingError:
            return None
        return text, reference(info, text)
