"""The findings of a dry run as a page shows them, kept for a while so that one can turn its pages.

They are held in this process's memory: few, small, and each for the person who asked.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nightjar.domain.dry_run import Message
from nightjar.domain.rules_comparison import Change, Count
from nightjar.queries import trial_words
from nightjar.queries.trial import Trial
from plugins.web.boxes import Box, boxes_of

PAGE_SIZE = 50
MOST_ROWS = 2_000  # of a result: gained and lost ones first
MOST_COUNTS = 200  # users and rules in the table
_KEPT = 8  # results
_SECONDS = 1800.0  # for which each is kept
CHANGED = "changed"


@dataclass(frozen=True)
class Row:
    """An alert that is gained, lost or sent by both; `why` is the reason for which the other rules do not send it."""

    change: Change
    at: datetime
    local: str
    user: str
    camera: str
    site: str | None
    what: str
    rule_id: int
    rule_name: str
    severity: str
    why: str
    key: str
    width: int
    height: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Tried:
    """A result: the text that was tried, what was asked, the sums, and the rows that are kept (of `total`)."""

    text: bytes
    headline: str
    sums: tuple[int, int, int, int]
    pictures: int
    cameras: int
    unknown: int
    detector: str
    start: datetime
    end: datetime
    user: str
    in_force: str
    held_before: str
    held_after: str
    counts: tuple[Count, ...]
    counts_more: int
    rows: tuple[Row, ...]
    total: int
    seconds: float

    @classmethod
    def of(cls, trial: Trial, text: bytes, in_force: str, seconds: float) -> "Tried":
        """The kept part of `trial`, which took so many seconds."""
        changed = [(n, pair) for n, pair in enumerate(trial.pairs) if pair.change is not Change.SAME]
        same = [(n, pair) for n, pair in enumerate(trial.pairs) if pair.change is Change.SAME]
        kept = [*changed, *same][:MOST_ROWS]
        counts = sorted(trial.counts, key=lambda c: (-(c.gained + c.lost), c.user, c.rule_id))
        return cls(
            text=text,
            headline=trial_words.headline(trial),
            sums=trial_words.sums(trial),
            pictures=trial.pictures,
            cameras=trial.cameras,
            unknown=trial.unknown,
            detector=trial.asked.detector,
            start=trial.asked.start,
            end=trial.asked.end,
            user=trial.asked.user,
            in_force=in_force,
            held_before=trial_words.held_in_words(trial.held_before),
            held_after=trial_words.held_in_words(trial.held_after),
            counts=tuple(counts[:MOST_COUNTS]),
            counts_more=max(0, len(counts) - MOST_COUNTS),
            rows=tuple(_row(pair.change, pair.message, trial.why.get(n, "")) for n, pair in kept),
            total=len(trial.pairs),
            seconds=seconds,
        )

    @property
    def first(self) -> date:
        """The first day that was asked for."""
        return self.start.date()

    @property
    def last(self) -> date:
        """The last day that was asked for."""
        return (self.end - timedelta(days=1)).date()

    def chosen(self, change: str, user: str, rule: int | None) -> list[Row]:
        """The rows with this change (`changed`: gained or lost; empty: any), of this user and rule if given."""
        return [
            row
            for row in self.rows
            if change in ("", row.change) or (change == CHANGED and row.change is not Change.SAME)
            if user in ("", row.user) and rule in (None, row.rule_id)
        ]


def _row(change: Change, message: Message, why: str) -> Row:
    lead, best = message.lead, message.lead.best
    return Row(
        change=change,
        at=message.at,
        local=trial_words.when(message),
        user=message.camera.user,
        camera=message.camera.name,
        site=lead.camera.site,
        what=trial_words.what(message),
        rule_id=lead.topic.rule_id,
        rule_name=lead.rule.name,
        severity=str(lead.rule.severity),
        why=trial_words.why_in_words(why) if why else "",
        key=best.picture.standard_key,
        width=best.picture.width,
        height=best.picture.height,
        boxes=tuple(boxes_of(best.objects)),
    )


class Results:
    """The latest results, each for the person who asked. Safe to use from threads; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str, Tried]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, person: str, tried: Tried) -> str:
        """Keep `tried` for `person`; its id."""
        identity = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[identity] = self._clock(), person, tried
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return identity

    def find(self, person: str, identity: str) -> Tried | None:
        """The result with this id; None if it is another person's, or no longer kept."""
        with self._lock:
            for old in [key for key, (since, *_) in self._kept.items() if self._clock() - since > _SECONDS]:
                del self._kept[old]
            _, owner, tried = self._kept.get(identity, (0.0, "", None))
        return tried if owner == person else None


def page_of(rows: Sequence[Row], number: int) -> Iterable[Row]:
    """The rows of page `number`, counted from 1."""
    return rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
