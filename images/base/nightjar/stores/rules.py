"""The rules: as people put them, the last good ones, and by content, which is how a release names them.

config/rules.yaml             put by people
config/rules.last-good.yaml   the last ones that could be used
rules/<sha256>.yaml           every text that a run has used
"""

from contextlib import suppress

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules
from nightjar.domain.rules import Rules
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import reference, write_bytes
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.store import ObjectExistsError, ObjectMissingError, ObjectStore

RULES_KEY = "config/rules.yaml"
LAST_GOOD_RULES_KEY = "config/rules.last-good.yaml"
_YAML = "application/yaml"


def _content_key(sha256: str) -> str:
    return f"rules/{sha256}.yaml"


class RulesStore:
    """Reads the rules, and freezes them for a run."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def current(self) -> bytes:
        """The text of the rules as people put it; raises UsageError when there is none."""
        return self._current()[0]

    def put(self, text: bytes) -> None:
        """Make `text` the rules that runs use from now on. It is not checked here: `parse_rules` does that."""
        write_bytes(self._store, RULES_KEY, text, content_type=_YAML)

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
            parse_rules(text, LAST_GOOD_RULES_KEY)  # it may have been good for an older Nightjar
            return self._frozen(text, source, f"the last good rules are used: {error}")
        write_bytes(self._store, LAST_GOOD_RULES_KEY, text, content_type=_YAML)
        return self._frozen(text, source, None)

    def load(self, frozen: FrozenRules) -> tuple[Rules, ObjectRef]:
        """The rules of a release; raises InputError when they are gone or are others by now."""
        stored = self._get(frozen.key)
        if stored is None:
            raise InputError(f"expected the run's rules at {frozen.key!r}, found none")
        text, ref = stored
        if ref.sha256 != frozen.sha256:
            raise InputError(f"expected rules with SHA-256 {frozen.sha256} at {frozen.key!r}, got {ref.sha256}")
        return parse_rules(text, frozen.key), ref

    def _frozen(self, text: bytes, source: ObjectRef, problem: str | None) -> FrozenRules:
        key = _content_key(source.sha256)
        if self._store.head(key) is None:
            with suppress(ObjectExistsError):  # another run was first, with the same text
                self._store.put(key, text, content_type=_YAML, if_absent=True)
        return FrozenRules(key=key, sha256=source.sha256, source=source, problem=problem)

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
