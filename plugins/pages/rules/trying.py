"""A dry run as the page asks for it: bounded, and of the detector that is deployed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from nightjar.domain.near import near_names
from nightjar.domain.rules import Rules
from nightjar.errors import InputError
from nightjar.queries.deployed import detector_folder
from nightjar.queries.rules_check import check_here
from nightjar.queries.rules_state import rules_for, rules_state
from nightjar.queries.trial import Asked, Bounds, places_to_try, run_trial
from nightjar.queries.trial_words import in_force_in_words
from nightjar.runtime.lined_yaml import Problem
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detection_history import TooMuchError
from nightjar.stores.detections import Detections
from plugins.pages.rules.period import Period
from plugins.pages.rules.tried import Tried

MOST_BYTES = 1 << 20  # of a text to try
# About 75,000 pictures with nine objects each: some ten seconds on a quiet core, 200 MiB of memory.
BOUNDS = Bounds(camera_days=5_000, detection_bytes=128 << 20, seconds=60.0)
_RECENT = timedelta(days=62)
_SHOWN_PROBLEMS = 100
_NEAR = 5_000  # users among whom near names are looked for


@dataclass(frozen=True)
class Question:
    """The text to try, as bytes of YAML; the period; and the user whose cameras are tried, or all (empty)."""

    text: bytes
    period: Period
    user: str = ""


@dataclass(frozen=True)
class Refused:
    """Why there is no result: problems of the text (the first ones, `number` in all), or a sentence."""

    problems: tuple[Problem, ...] = ()
    number: int = 0
    sentence: str = ""


@dataclass(frozen=True)
class Remarks:
    """Warnings of the check about rules that can be used: labels unseen by the detector with this tag, and warnings."""

    detector: str
    unseen: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


class UnknownUserError(ValueError):
    """The user is in neither of the rules; the message says so, with names that may be meant."""


def days_with_detections(store: ObjectStore, today: date) -> list[date]:
    """The days on which the deployed detector saw pictures, lately or else ever; none where there is no detector."""
    try:
        folder = detector_folder(store, None)
    except InputError:
        return []
    detections = Detections(store)
    return list(detections.days(folder, today - _RECENT, today)) or list(detections.days(folder, date.min, today))


def answer(
    store: ObjectStore, question: Question, bounds: Bounds = BOUNDS, clock: Callable[[], float] = time.monotonic
) -> tuple[Tried | Refused, Remarks | None]:
    """The result of a dry run, or why there is none, and what the check says. Raises UnknownUserError.

    Errors of the bucket as a whole (TryAgainError, UsageError) are the caller's.
    """
    began = clock()
    checked, detector = check_here(store, question.text)
    if checked.rules is None:
        return Refused(problems=checked.problems[:_SHOWN_PROBLEMS], number=len(checked.problems)), None
    remarks = Remarks(detector, checked.unseen[:_SHOWN_PROBLEMS], checked.warnings[:_SHOWN_PROBLEMS])
    try:
        period = question.period
        asked = Asked(detector_folder(store, None), period.start, period.end, question.user)
        state = rules_state(store)
        users = {place.camera.user for place in places_to_try(store, asked)} | ({question.user} - {""})
        in_force = rules_for(store, state, users)
        if question.user:
            _check_user(question.user, checked.rules, in_force)
        trial = run_trial(store, asked, in_force, checked.rules, bounds)
    except TooMuchError as error:
        return Refused(sentence=f"{_sentence(error)} Choose a shorter period, or one user."), remarks
    except InputError as error:
        return Refused(sentence=_sentence(error)), remarks
    shown = state.in_force
    words = in_force_in_words(shown.key, shown.since, shown.sha256) if shown else in_force_in_words()
    return Tried.of(trial, question.text, words, clock() - began), remarks


def _sentence(error: InputError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _check_user(name: str, *rules: Rules | None) -> None:
    known = {user for each in rules if each for user in each.users}
    if name not in known:
        near = near_names(name, {user: (user,) for user in known}) if len(known) <= _NEAR else []
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise UnknownUserError(f"expected a user of one of the rules, got {name[:80]!r}{hint}")


class Turns:
    """At most so many dry runs at once in this process, whoever asks: each takes a core and some hundred megabytes."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Take one of them while the block runs; False if all are taken."""
        is_mine = self._free.acquire(blocking=False)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._free.release()
