"""The words of people about events that a page shows: one listing a day, and only what was said is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from nightjar.domain.events import EventRef
from nightjar.domain.reactions import Review
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.reactions import Reviews

_AT_ONCE = 16


@dataclass(frozen=True)
class Word:
    """The last review of an event, or the `problem` for which it cannot be read; neither where there is none."""

    review: Review | None = None
    problem: str = ""


def word_about(store: ObjectStore, ref: EventRef) -> Word:
    """The last word about the event."""
    try:
        return Word(Reviews(store).get(ref))
    except InputError as error:
        return Word(problem=str(error))


def words_about(store: ObjectStore, refs: Iterable[EventRef]) -> Mapping[str, Word]:
    """The last words about these events, by id; those of which nothing was said are left out."""
    wanted = {ref.id: ref for ref in refs}
    days = sorted({ref.day for ref in wanted.values()})
    listed = in_parallel(Reviews(store).refs_of_day, days, _AT_ONCE)
    said = [ref for refs_of_day in listed for ref in refs_of_day if wanted.get(ref.id) == ref]
    return {
        ref.id: word for ref, word in zip(said, in_parallel(partial(word_about, store), said, _AT_ONCE), strict=True)
    }
