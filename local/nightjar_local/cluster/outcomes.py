"""The outcomes of a test of a cluster: a line for each thing that was looked at, and how long it took."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nightjar.errors import NightjarError

State = Literal["passed", "failed", "noted", "not tried"]


@dataclass(frozen=True)
class Outcome:
    """One thing that was looked at. `noted` is worth a sentence and no failure."""

    name: str
    state: State
    sentence: str = ""
    seconds: float | None = None


class Outcomes:
    """Collects outcomes, and says each one as it comes, with the seconds since the start."""

    def __init__(self) -> None:
        self.all: list[Outcome] = []
        self._start = time.monotonic()

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return any(each.state == "failed" for each in self.all)

    def say(self, sentence: str) -> None:
        """Print what goes on."""
        print(f"{time.monotonic() - self._start:5.0f} s  {sentence}", flush=True)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome."""
        self.all.append(outcome)
        self.say(f"{outcome.state}: {outcome.name}{f': {outcome.sentence}' if outcome.sentence else ''}")

    def expect(self, name: str, problems: list[str], passed: str = "") -> None:
        """Passed with the sentence `passed` if there are no problems, else failed with all of them."""
        self.add(Outcome(name, "failed" if problems else "passed", "; ".join(problems) or passed))

    @contextlib.contextmanager
    def timed(self, name: str, *, needed: bool = False) -> Iterator[list[str]]:
        """Passed, with its seconds, unless a NightjarError comes out; what is put into the list is its sentence.

        With `needed` the error goes on: without this, nothing that follows makes sense.
        """
        began = time.monotonic()
        said: list[str] = []
        try:
            yield said
        except NightjarError as error:
            self.add(Outcome(name, "failed", str(error), time.monotonic() - began))
            if needed:
                raise
        else:
            self.add(Outcome(name, "passed", "; ".join(said), time.monotonic() - began))


def as_table(outcomes: list[Outcome]) -> str:
    """The outcomes for a terminal, a line each, with the first line of its sentence."""
    width = max((len(each.name) for each in outcomes), default=0)
    return "\n".join(_line(each, width) for each in outcomes)


def _line(outcome: Outcome, width: int) -> str:
    seconds = " " * 7 if outcome.seconds is None else f"{outcome.seconds:5.0f} s"
    sentence = next(iter(outcome.sentence.splitlines()), "")
    return f"  {outcome.state:9s} {outcome.name:{width}s} {seconds}  {sentence}".rstrip()
