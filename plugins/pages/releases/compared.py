"""The comparison of a candidate with the deployed detector, as the page of releases shows it."""

from dataclasses import dataclass

from nightjar.domain.comparison.documents import Comparison, Example, Kind, Tally
from nightjar.errors import InputError
from nightjar.queries import comparison_words as words
from nightjar.runtime.store import ObjectStore
from nightjar.stores.comparisons import Candidates, Comparisons
from plugins.web.boxes import Box, boxes_of

_EXAMPLES = 8
_LEAST = 0.3  # probability of an object whose box is drawn, of many that detectors guess at


@dataclass(frozen=True)
class Pair:
    """A picture with the boxes of each side."""

    example: Example
    before: list[Box]
    after: list[Box]


@dataclass(frozen=True)
class Compared:
    """A comparison made ready: its line, the sums by kind and by label, sentences, and pictures side by side."""

    comparison: Comparison
    headline: str
    totals: list[tuple[str, Tally]]
    labels: list[tuple[str, Tally]]
    sentences: list[str]
    pairs: list[Pair]


def compared_with(store: ObjectStore, tag: str | None) -> tuple[Compared | None, str]:
    """The comparison of the candidate `tag`, None before there is one; and what is wrong with it, if it is damaged."""
    if tag is None:
        return None, ""
    try:
        record = Candidates(store).get(tag)
        comparison = Comparisons(store).get(record.comparison) if record and record.comparison else None
    except InputError as error:
        return None, str(error)
    return (_ready(comparison), "") if comparison else (None, "")


def _ready(comparison: Comparison) -> Compared:
    speeds = (words.speed_in_words(comparison.speed_before), words.speed_in_words(comparison.speed_after))
    sentences = [
        *(words.reviewed_in_words(each) for each in comparison.words),
        f"deployed: {speeds[0]}; candidate: {speeds[1]}",
        *([f"the candidate cannot see {', '.join(comparison.unseen)}, which rules name"] if comparison.unseen else ()),
        *(f"not done by the candidate: {failed}" for failed in comparison.failed[:5]),
    ]
    pairs = [
        Pair(each, boxes_of(each.before, _LEAST), boxes_of(each.after, _LEAST))
        for each in comparison.examples[:_EXAMPLES]
    ]
    labels = comparison.of_kind(comparison.by_label, Kind.OBJECTS)
    return Compared(
        comparison,
        words.headline(comparison),
        [(str(kind), comparison.total(kind)) for kind in Kind],
        [(each.name, each.tally) for each in labels],
        [f"{each[:1].upper()}{each[1:]}." for each in sentences],
        pairs,
    )
