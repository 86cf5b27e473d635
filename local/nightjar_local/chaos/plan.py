"""Which fault comes when: the same seed gives the same plan."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

# Seconds from one fault of a kind to the next, at the least and at the most.
BETWEEN_PROCESSES = (6.0, 12.0)
BETWEEN_S3 = (2.0, 6.0)
BETWEEN_MAIL = (8.0, 16.0)
FREEZE_SECONDS = (3.0, 15.0)
MOST_S3_CALLS = 4


class Victim(StrEnum):
    """Whose process is hit."""

    STAGE = "stage"
    WORKER = "worker"  # of the executor
    SCHEDULER = "scheduler"
    API_SERVER = "api-server"
    DAG_PROCESSOR = "dag-processor"
    TRIGGERER = "triggerer"
    S3 = "seaweedfs"


class S3Spoil(StrEnum):
    """A way to spoil a call to S3."""

    RESET = "connection reset"  # S3 never hears of it
    LOST_ANSWER = "answer lost"  # S3 has done it
    DELAY = "delayed"
    ERROR_500 = "answered 500"
    ERROR_503 = "answered 503"
    CUT = "answer cut"  # in the middle of its body


class MailSpoil(StrEnum):
    """A way in which the mail API treats a message badly."""

    ERROR_500 = "answered 500"
    BUSY = "answered 429"
    LOST_ANSWER = "answer lost"  # the message is on its way


@dataclass(frozen=True)
class ProcessFault:
    """A process is killed, or frozen for `freeze_seconds`. `pick`, from 0 to 1, says which of several."""

    at: float
    victim: Victim
    freeze_seconds: float | None
    pick: float


@dataclass(frozen=True)
class S3Fault:
    """The next `calls` calls to S3 are spoilt."""

    at: float
    spoil: S3Spoil
    calls: int


@dataclass(frozen=True)
class MailFault:
    """The next message to the mail API is spoilt."""

    at: float
    spoil: MailSpoil


Fault = ProcessFault | S3Fault | MailFault


def named(fault: ProcessFault) -> str:
    """The kind of a fault, in words."""
    return f"{fault.victim} {'killed' if fault.freeze_seconds is None else 'frozen'}"


def make_plan(seed: int, seconds: float) -> list[Fault]:
    """The faults of a round, each `at` so many seconds after its start, in order.

    Every kind comes before any comes again, so that a short round has as many kinds as it can.
    """
    # Each kind of fault draws from a generator of its own: more of one kind would not change another.
    faults = [*_processes(seed, seconds), *_s3(seed, seconds), *_mail(seed, seconds)]
    return sorted(faults, key=lambda fault: fault.at)


def _processes(seed: int, seconds: float) -> Iterator[Fault]:
    chance = _chance(seed, "processes")
    victims, kills = _decks(list(Victim), chance), _decks([True, False], chance)
    for at in _moments(chance, BETWEEN_PROCESSES, seconds):
        freeze = None if next(kills) else round(chance.uniform(*FREEZE_SECONDS), 1)
        yield ProcessFault(at, next(victims), freeze, round(chance.random(), 3))


def _s3(seed: int, seconds: float) -> Iterator[Fault]:
    chance = _chance(seed, "s3")
    spoils = _decks(list(S3Spoil), chance)
    for at in _moments(chance, BETWEEN_S3, seconds):
        yield S3Fault(at, next(spoils), chance.randint(1, MOST_S3_CALLS))


def _mail(seed: int, seconds: float) -> Iterator[Fault]:
    chance = _chance(seed, "mail")
    spoils = _decks(list(MailSpoil), chance)
    for at in _moments(chance, BETWEEN_MAIL, seconds):
        yield MailFault(at, next(spoils))


def _chance(seed: int, kind: str) -> random.Random:
    return random.Random(f"{seed} {kind}")  # noqa: S311 - the same every time is the point


def _moments(chance: random.Random, between: tuple[float, float], seconds: float) -> Iterator[float]:
    at = chance.uniform(*between)
    while at < seconds:
        yield round(at, 1)
        at += chance.uniform(*between)


def _decks(cards: Sequence[T], chance: random.Random) -> Iterator[T]:
    """The cards in a random order, then again in another, for ever."""
    while True:
        yield from chance.sample(cards, len(cards))
