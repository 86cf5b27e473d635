"""Reproductions: `reproductions/<id>/`, of which everything expires together.

reproductions/<id>/run.json                      Reproduction: the run, and what each shard is worked from
reproductions/<id>/shards/<shard>/given.jsonl    the versions that a shard is worked from
reproductions/<id>/shards/<shard>/store/<key>    what its stages write, by its key in the bucket
reproductions/<id>/answer.json                   Answer: how the results compare
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date

from nightjar.domain.batch import BATCH_ID
from nightjar.domain.layout import last_segment
from nightjar.domain.reproduction.answer import Answer
from nightjar.domain.reproduction.request import Reproduction
from nightjar.errors import InputError, UsageError
from nightjar.runtime.current import read_current
from nightjar.runtime.manifests import read_record, write_bytes, write_record
from nightjar.runtime.overlay import GIVEN, OverlayStore, given_lines, open_overlay
from nightjar.runtime.store import ObjectStore
from nightjar.stores.erasure import erase_versions
from nightjar.stores.made_of_others import REPRODUCTIONS
from nightjar.stores.runs import HISTORY, LIVE, Run, Runs

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")


def reproduction_prefix(reproduction: str) -> str:
    """`reproductions/<id>/`, where `reproduction` is an id or a template."""
    return f"{REPRODUCTIONS}{reproduction}/"


def reproduction_key(reproduction: str) -> str:
    """The key of the request of a reproduction."""
    return f"{reproduction_prefix(reproduction)}run.json"


def answer_key(reproduction: str) -> str:
    """The key of the answer of a reproduction."""
    return f"{reproduction_prefix(reproduction)}answer.json"


def shard_place(prefix: str, shard: str) -> str:
    """The prefix of a shard's overlay in the reproduction with this prefix."""
    return f"{prefix}shards/{shard}/"


class Reproductions:
    """Reads and writes reproductions. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def write_request(self, request: Reproduction) -> None:
        """Keep the request."""
        write_record(self._store, reproduction_key(_checked(request.id)), request)

    def request(self, reproduction: str) -> Reproduction:
        """The request; raises InputError when there is none."""
        return read_record(self._store, reproduction_key(_checked(reproduction)), Reproduction)[0]

    def give(self, reproduction: str, shard: str, given: Iterable[tuple[str, str]], as_of: date | None) -> None:
        """Keep the versions (key and version) that a shard is worked from, and the UTC day that counts as today."""
        key = f"{shard_place(_prefix(reproduction), shard)}{GIVEN}"
        write_bytes(self._store, key, given_lines(given, as_of), content_type="application/x-ndjson")

    def overlay(self, reproduction: str, shard: str) -> OverlayStore:
        """The bucket as the stages of a shard see it; raises InputError when the shard was given nothing."""
        return open_overlay(self._store, shard_place(_prefix(reproduction), shard))

    def write_answer(self, answer: Answer) -> None:
        """Keep the answer."""
        write_record(self._store, answer_key(_checked(answer.id)), answer)

    def answer(self, reproduction: str) -> Answer | None:
        """The answer; None when there is none yet. Raises InputError for one that cannot be read."""
        current = read_current(self._store, answer_key(_checked(reproduction)), Answer)
        return current[0] if current else None

    def ids(self) -> list[str]:
        """The reproductions that are kept. Ids that `nightjar reproduce` gave begin with the time."""
        return [last_segment(folder) for folder in self._store.list_folders(REPRODUCTIONS)]

    def erase(self, reproduction: str) -> int:
        """Remove every version of everything of a reproduction; how many those were."""
        return erase_versions(self._store, _prefix(reproduction), lambda _: True)


def reproducible_run(store: ObjectStore, name: str) -> Run:
    """The run that a person means: `nightjar_live/<batch>`, `nightjar_history/<day>`, a batch id, or a day.

    Raises UsageError for anything else, InputError when there is no such run.
    """
    dag, _, rest = name.strip().strip("/").removeprefix("runs/").rpartition("/")
    runs, run = Runs(store), None
    if dag in ("", LIVE) and re.match(BATCH_ID, rest):
        run = runs.live(rest)
    elif dag in ("", HISTORY) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", rest, re.ASCII):
        with suppress(ValueError):  # no day of the calendar
            run = runs.history(date.fromisoformat(rest))
    if run is None:
        raise UsageError(
            f"expected a run whose shards were worked on, {LIVE}/<batch id>, {HISTORY}/<day>, a batch id or a day like "
            f"2026-11-20, got {name!r:.200}"
        )
    if not run.has_begun():
        raise InputError(f"expected a run at {run.prefix}, found none: it never began, or its records are gone")
    return run


def _prefix(reproduction: str) -> str:
    return reproduction_prefix(_checked(reproduction))


def _checked(reproduction: str) -> str:
    if not _ID.fullmatch(reproduction):
        raise UsageError(f"expected the id of a reproduction, of letters, digits and ._-, got {reproduction!r:.200}")
    return reproduction
