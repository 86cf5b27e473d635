"""The rules in force for some cameras, at a cost that a page may have: a large file is never read as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules, Rules
from nightjar.errors import InputError
from nightjar.runtime.rules import LARGE, CheckedRules, check_rules
from nightjar.runtime.store import ObjectMissingError, ObjectStore, ObjectUnreadableError
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RULES_KEY, RulesStore


@dataclass(frozen=True)
class RulesNow:
    """The rules in force: `rules` have the cameras that were asked for, and all others where `is_whole`.

    `problems` are the mistakes in the newest rules, for which the last good ones are in force. `notes` say what else
    a reader has to know, such as that the newest rules are too large to be read before a run has read them.
    """

    rules: Rules | None
    is_whole: bool
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, camera: Camera) -> CameraRules | None:
        """The rules of `camera`; None for one that they do not know."""
        return self.rules.device(camera) if self.rules else None


def rules_now(store: ObjectStore, cameras: Iterable[Camera]) -> RulesNow:
    """The rules in force, with `cameras` at least: whole where the file is small, else from the parts of the last run.

    A text is parsed once, however often it is asked for.
    """
    problems: tuple[str, ...] = ()
    for key in (RULES_KEY, LAST_GOOD_RULES_KEY):
        info = store.head(key)
        if info is None:
            problems = problems or (f"expected the rules at {key!r} in the bucket, found none",)
            continue
        if info.size > LARGE:
            return _large(store, cameras, problems)
        try:
            text = store.get(key)[0]
        except ObjectMissingError:  # removed since
            continue
        except ObjectUnreadableError as error:
            problems = problems or (str(error),)
            continue
        checked = _checked(text, kept=key == LAST_GOOD_RULES_KEY)
        if checked.rules is not None:
            return RulesNow(checked.rules, is_whole=True, problems=problems)
        problems = problems or tuple(map(str, checked.problems))
    return RulesNow(None, is_whole=True, problems=problems)


@lru_cache(maxsize=4)  # the newest and the last good ones, before and after a change
def _checked(text: bytes, kept: bool) -> CheckedRules:
    return check_rules(text, kept=kept)


def _large(store: ObjectStore, cameras: Iterable[Camera], problems: tuple[str, ...]) -> RulesNow:
    rules = RulesStore(store)
    frozen = rules.last_check()
    if frozen is None or frozen.parts is None:
        note = "The rules file is large, and no run has read it yet: the next run does, and its rules are shown then."
        return RulesNow(None, is_whole=False, problems=problems, notes=(note,))
    newest = store.head(RULES_KEY)
    notes: tuple[str, ...] = ()
    if newest is not None and not frozen.problems and newest.version_id != frozen.source.version_id:
        notes = ("These are the rules that the last run used. Newer ones were put, which the next run uses.",)
    try:
        loaded = rules.load(frozen, cameras)[0]
    except InputError as error:
        return RulesNow(None, is_whole=False, problems=(*problems, *frozen.problems, str(error)))
    return RulesNow(loaded, is_whole=False, problems=problems or frozen.problems, notes=notes)
