"""Who did what, in Airflow's audit log."""

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fastapi import Request

if TYPE_CHECKING:
    from plugins.web.access import Person

log = logging.getLogger(__name__)

_LONGEST_EVENT = 60  # characters, of the column
_LONGEST_RUN = 250  # the same
_LONGEST_VALUE = 500  # characters of one value; names and addresses can be of any length


@dataclass(frozen=True)
class AuditLine:
    """One act. `extra` says what it was about, and how it ended."""

    event: str
    person: str
    dag_id: str
    run_id: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """`extra` as the log keeps it."""
        return json.dumps({key: value[:_LONGEST_VALUE] for key, value in self.extra.items()})


class AuditLog(Protocol):
    """Where the lines go."""

    def write(self, line: AuditLine) -> None:
        """Keep the line."""


class MemoryAudit:
    """The log in memory, for tests and for looking at the pages without Airflow."""

    def __init__(self) -> None:
        self.lines: list[AuditLine] = []

    def write(self, line: AuditLine) -> None:
        """Keep the line."""
        self.lines.append(line)


def audit(
    request: Request, person: "Person", event: str, *, dag_id: str, run_id: str | None = None, **extra: str
) -> None:
    """Write into Airflow's audit log that `person` did `event`, such as `nightjar.mute`.

    It is called once the act is done. A log that cannot be written does not undo it: then the server's own log has it.
    """
    line = AuditLine(event[:_LONGEST_EVENT], person.name, dag_id, run_id and run_id[:_LONGEST_RUN], extra)
    try:
        audit_log: AuditLog = request.app.state.audit
        audit_log.write(line)
    except Exception:  # the database, in any of its ways
        log.exception("the audit log did not take: %s of %r, %s", line.event, line.person, line.as_json())
