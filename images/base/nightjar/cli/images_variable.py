"""The Variable `nightjar_images` for the command line: by Airflow's REST API, or by the command `airflow` beside it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightjar.cli.backfill import Airflow, call_airflow, patient
from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.errors import UsageError
from nightjar.queries.releasing import ImagesVariable
from nightjar.settings.airflow import connect, is_reachable

if TYPE_CHECKING:
    from nightjar.runtime.airflow_api import AirflowApi


@dataclass(frozen=True)
class ByApi:
    """Asks Airflow's REST API, as the user that signed in."""

    api: "AirflowApi"

    def get(self) -> str | None:
        """Its value; None when there is no such Variable."""
        return self.api.variable(VARIABLE)

    def set(self, value: str) -> None:
        """Set it."""
        self.api.set_variable(VARIABLE, value, DESCRIPTION)


@dataclass(frozen=True)
class ByCommand:
    """Calls `airflow variables`, for a machine that has the command and its database: any of Airflow's pods."""

    airflow: Airflow

    def get(self) -> str | None:
        """Its value; None when there is no such Variable."""
        try:
            said = self.airflow(["variables", "get", VARIABLE])
        except UsageError as error:
            if "does not exist" in str(error):
                return None
            raise
        # Airflow's own log lines stand before its answer.
        return next((line for line in reversed(said.splitlines()) if line.startswith("{")), said.strip())

    def set(self, value: str) -> None:
        """Set it."""
        self.airflow(["variables", "set", VARIABLE, json.dumps(json.loads(value)), "--description", DESCRIPTION])


@contextmanager
def opened() -> Iterator[tuple[ImagesVariable, str | None]]:
    """The Variable, and who Airflow takes us for, where it was asked by a login.

    Raises UsageError where the environment names no Airflow and there is no command `airflow` either.
    """
    if is_reachable():
        with connect() as api:
            yield ByApi(api), api.user
    else:
        yield ByCommand(patient(call_airflow)), None
