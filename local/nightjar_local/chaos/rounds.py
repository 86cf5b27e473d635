"""A round: which faults came, what was left, and both as a table for a terminal."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nightjar_local.chaos.accounting import Remains, problems, repeated
from nightjar_local.processes import LocalError
from nightjar_local.status import Status

DEFAULT_MINUTES = 5.0
MOST_PROBLEMS = 20  # that are shown
MOST_MINUTES = 30.0  # longer, and the footage would be as old as what alerts nobody


@dataclass
class Round:
    """A round that was run: its faults, counted by kind, and what was left."""

    seed: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    restarts: Sequence[Status] = ()
    settled_after: float = 0.0
    remains: Remains | None = None

    @property
    def problems(self) -> list[str]:
        """Everything that does not hold."""
        return ["the round was not finished"] if self.remains is None else problems(self.remains)


def seed_and_minutes(environment: Mapping[str, str]) -> tuple[int, float]:
    """SEED and MINUTES, by default another seed each time, and five; raises LocalError if they cannot be."""
    try:
        seed = int(environment.get("SEED") or random.randrange(1_000_000))  # noqa: S311 - no secret
        minutes = float(environment.get("MINUTES") or DEFAULT_MINUTES)
    except ValueError as error:
        raise LocalError(f"expected SEED to be a whole number and MINUTES a number: {error}") from None
    if not 0 < minutes <= MOST_MINUTES:
        raise LocalError(f"expected MINUTES to be above 0 and at most {MOST_MINUTES:.0f}, got {minutes:g}")
    return seed, minutes


def as_account(result: Round) -> str:
    """The account: the faults, the ends of all that landed, and whether it holds."""
    rows = [("seed", f"{result.seed}, {result.seconds:.0f} s of faults"), *_faults(result)]
    if result.remains is not None:
        rows += _came_of_it(result, result.remains)
    width = max(len(name) for name, _ in rows)
    table = "\n".join(f"  {name:{width}}  {text}" for name, text in rows)
    if not result.problems:
        return f"{table}\n\nThe account holds."
    shown = [f"  {problem}" for problem in result.problems[:MOST_PROBLEMS]]
    if more := len(result.problems) - len(shown):
        shown.append(f"  and {more} problems more")
    return "\n".join([table, "", "The account does not hold:", *shown])


def _faults(result: Round) -> Iterator[tuple[str, str]]:
    for name, number in sorted(result.done.items()):
        yield name, str(number)
    if result.missed:
        yield "not there to be hit", ", ".join(f"{name} {number}" for name, number in sorted(result.missed.items()))


def _came_of_it(result: Round, remains: Remains) -> Iterator[tuple[str, str]]:
    restarts = {each.name: each.restarts for each in result.restarts if each.restarts}
    yield "started again", ", ".join(f"{name} {number}" for name, number in restarts.items()) or "nothing"
    yield "settled after", f"{result.settled_after:.0f} s"
    yield "objects landed", str(len(remains.uploads))
    yield "live runs", _counted(Counter(run.state for run in remains.runs))
    yield "pictures ended", _counted(remains.ends)
    yield "events", _counted(Counter(alert.state or "not alerted" for alert in remains.alerts))
    marked = sum(message.is_marked for message in remains.messages)
    yield "messages", f"{len(remains.messages)}, {repeated(remains)} of them repeated, {marked} marked so"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"
