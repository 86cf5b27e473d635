"""A page of refusals, each with what its `reason.json` says; one that cannot be read is told beside the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightjar.errors import InputError
from nightjar.queries.refused import Refused
from nightjar.queries.refused_rows import Cursor, RefusedOf, RefusedRow, rows_before
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.quarantine import Quarantine, parse_folder
from nightjar.stores.warehouse import Warehouse

_READERS = 16
LIFTED = "It holds no longer: the footage passed a later look, or was erased."


@dataclass(frozen=True)
class Listed:
    """A refusal of the list. Without `refused`, `problem` says why its `reason.json` does not tell more."""

    row: RefusedRow
    refused: Refused | None
    problem: str = ""

    @property
    def is_lifted(self) -> bool:
        """Whether the refusal has left quarantine since the warehouse recorded it."""
        return self.problem == LIFTED


@dataclass(frozen=True)
class RefusedPage:
    """Refusals, newest first; `older` is the cursor of the next page, None at the end."""

    listed: tuple[Listed, ...]
    older: str | None


def list_refused(
    store: ObjectStore, warehouse: Warehouse, wanted: RefusedOf, before: Cursor | None, most: int
) -> RefusedPage:
    """At most `most` refusals that are `wanted`, from behind the place `before` on."""
    rows = rows_before(warehouse, wanted, before, most + 1)
    shown = rows[:most]
    older = shown[-1].cursor if len(rows) > most else None
    return RefusedPage(tuple(in_parallel(lambda row: _listed(store, row), shown, _READERS)), older)


def refused_in(store: ObjectStore, rows: Sequence[RefusedRow]) -> tuple[list[Refused], int]:
    """The refusals of `rows` that stand, and how many `reason.json` could not be read."""
    listed = list(in_parallel(lambda row: _listed(store, row), rows, _READERS))
    unreadable = sum(each.refused is None and not each.is_lifted for each in listed)
    return [each.refused for each in listed if each.refused], unreadable


def _listed(store: ObjectStore, row: RefusedRow) -> Listed:
    try:
        folder = parse_folder(row.folder)
        entry = Quarantine(store).at(folder)
    except (InputError, ValueError) as error:
        return Listed(row, None, str(error))
    return Listed(row, Refused.of(folder, entry)) if entry else Listed(row, None, LIFTED)
