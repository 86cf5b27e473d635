"""The question for a lineage, and its answer."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from nightjar.domain.lineage.growing import Lineage, grow
from nightjar.domain.lineage.nodes import Kind
from nightjar.errors import InputError
from nightjar.queries.lineage.asked import Where, asked
from nightjar.queries.lineage.described import thing
from nightjar.queries.lineage.down import expand_down
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import ImageOf, RulesOf
from nightjar.queries.lineage.up import Period, expand_up
from nightjar.runtime.store import ObjectStore, ObjectUnreadableError

MOST_EACH, MOST_NODES = 20, 400  # neighbours of a thing, and nodes of a graph, unless more are asked for
DAYS_FOR_IDS = 35  # an id is looked for so many days back, and one ahead
DAYS_OF_RUNS = 7  # the work of an image or of rules is looked for in the runs of these days


@dataclass(frozen=True)
class Question:
    """The lineage of the thing called `name`: down to the originals, or with `is_up` to all that it took part in.

    At most `most` neighbours of each thing and `most_nodes` in all. `first` and `last` bound where an id, or the work
    of an image or of rules, is looked for; by default that is the last 35 days, and 7 days.
    """

    name: str
    is_up: bool = False
    most: int = MOST_EACH
    most_nodes: int = MOST_NODES
    first: datetime | None = None
    last: datetime | None = None


def lineage_of(store: ObjectStore, question: Question, now: datetime) -> Lineage:
    """The answer to `question`; raises InputError when there is no such thing."""
    reading = Reading(store)
    try:
        subject = asked(reading, question.name, _where(question, now), is_up=question.is_up)
        root = thing(reading, subject)
    except ObjectUnreadableError as error:
        raise InputError(str(error)) from error
    if not question.is_up:
        if root.node.kind is Kind.IMAGE:
            raise InputError("expected a thing that was made of others: an image is asked about upward only (--up)")
        return grow(root, partial(expand_down, reading, question.most), most_nodes=question.most_nodes)
    last = question.last or now
    period = Period(question.first or last - timedelta(days=DAYS_OF_RUNS), last)
    answer = grow(root, partial(expand_up, reading, question.most, period), most_nodes=question.most_nodes, is_up=True)
    if isinstance(subject, ImageOf | RulesOf):
        answer = replace(answer, notes=(_looked_in(period), *answer.notes))
    return answer


def _where(question: Question, now: datetime) -> Where:
    last = question.last.date() if question.last else now.date() + timedelta(days=1)
    first = question.first.date() if question.first else _earlier(last, DAYS_FOR_IDS)
    return Where(first, last)


def _earlier(day: date, days: int) -> date:
    return day - timedelta(days=min(days, (day - date.min).days))


def _looked_in(period: Period) -> str:
    span = f"{period.first:%Y-%m-%d %H:%M} to {period.last:%Y-%m-%d %H:%M} UTC"
    return f"looked for in the runs of {span}; a history run counts by the day that it worked on"
