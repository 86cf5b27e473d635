"""The Variable `nightjar_images` through Airflow's own models, which the API server has, and who edited it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.errors import TryAgainError

_EVENTS = ("patch_variable", "post_variable")  # as Airflow's REST API and UI name them in the audit log
_MOST_LINES = 200


class AirflowVariable:
    """Reads and sets it in Airflow's database. `session` opens a session with it; by default Airflow's own.

    Every method raises TryAgainError when the database does not answer.
    """

    def __init__(self, session: Callable[[], AbstractContextManager[Any]] | None = None) -> None:
        self._open = session

    def get(self) -> str | None:
        """Its value; None when there is no such Variable."""
        from airflow.models.variable import Variable
        from sqlalchemy import select

        with self._session() as session:
            row = session.scalar(select(Variable).where(Variable.key == VARIABLE))
            return None if row is None else str(row.val)

    def set(self, value: str) -> None:
        """Set it."""
        from airflow.models.variable import Variable

        with self._session() as session:
            Variable.set(key=VARIABLE, value=json.dumps(json.loads(value)), description=DESCRIPTION, session=session)

    def edits(self) -> list[dict[str, Any]]:
        """Who edited it and when, the newest first, as Airflow's audit log has it: `owner` and `when` of each."""
        from airflow.models import Log
        from sqlalchemy import select

        query = (
            select(Log.owner, Log.dttm)
            .where(Log.event.in_(_EVENTS), Log.extra.contains(VARIABLE))
            .order_by(Log.dttm.desc())
            .limit(_MOST_LINES)
        )
        with self._session() as session:
            return [{"owner": owner, "when": when.isoformat()} for owner, when in session.execute(query)]

    @contextmanager
    def _session(self) -> Iterator[Any]:
        from airflow.utils.session import create_session
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with (self._open or (lambda: create_session(scoped=False)))() as session:
                yield session
        except SQLAlchemyError as error:
            raise TryAgainError(f"Airflow's database does not answer: {type(error).__name__}") from error
