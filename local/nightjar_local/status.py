"""Each component of a deployment: its state, since when, how often it was started again, and why it died last."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightjar_local import journal
from nightjar_local.daemon import Daemon
from nightjar_local.journal import Entry, history
from nightjar_local.layout import DEPLOYMENT, shown
from nightjar_local.supervision import IS_RUNNING, Component, Supervisor

HEADINGS = ("component", "state", "since", "restarts", "last death")


@dataclass(frozen=True)
class Status:
    """A component now. `restarts` counts since `make up`; `last_death` may be from before it."""

    name: str
    state: str
    since: str
    restarts: int
    last_death: str

    @property
    def is_running(self) -> bool:
        """Whether it does its work."""
        return self.state == IS_RUNNING


def status(supervisor: Supervisor) -> list[Status]:
    """Every component of a deployment that is up; raises LocalError if its supervisor does not answer."""
    return describe(supervisor.components(), journal.read(supervisor.journal))


def section() -> str:
    """The components of the local deployment, for `nightjar status`."""
    supervisor = Daemon(DEPLOYMENT).supervisor
    if supervisor.process() is None:
        return f"No local deployment is up. Why the last one ended is in {shown(supervisor.log)}."
    return as_table(status(supervisor))


def describe(components: Sequence[Component], entries: Sequence[Entry]) -> list[Status]:
    """The components as the supervisor sees them now, with their past from the journal."""
    statuses = []
    for component in components:
        past = history(entries, component.name)
        statuses.append(
            Status(component.name, component.state, past.since or "", past.restarts, past.last_death or "none")
        )
    return statuses


def as_table(statuses: Sequence[Status]) -> str:
    """The components for a terminal, a line each."""
    rows = [HEADINGS, *((each.name, each.state, each.since, str(each.restarts), each.last_death) for each in statuses)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
