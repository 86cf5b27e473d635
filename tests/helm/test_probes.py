"""The probes that pods run: what they take for an address, and what they say when nobody can tell."""

import runpy
from typing import Any

import pytest

from tests.helm.chart import CHART

PROBES = ("heartbeat.py", "wait_for_setup.py")
# Nothing listens on the discard port of loopback.
NOWHERE = "postgresql+psycopg2://nightjar:pass@127.0.0.1:9/nightjar"


def probe(file: str) -> dict[str, Any]:
    """The names of the file."""
    return runpy.run_path(str(CHART / "files" / file))


@pytest.mark.parametrize("file", PROBES)
@pytest.mark.parametrize(
    ("sqlalchemy", "plain"),
    [
        ("postgresql+psycopg2://u:p@h:5432/d?sslmode=require", "postgresql://u:p@h:5432/d?sslmode=require"),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://u:a+b@h/d", "postgresql://u:a+b@h/d"),
    ],
)
def test_an_address_without_its_driver(file: str, sqlalchemy: str, plain: str) -> None:
    assert probe(file)["address"](sqlalchemy) == plain


def test_a_database_that_is_away_restarts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", NOWHERE)
    assert probe("heartbeat.py")["main"](["TriggererJob", "120"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("cannot tell")
    assert "pass@" not in said


def test_a_database_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", NOWHERE)
    assert probe("wait_for_setup.py")["is_ready"]() is False
    assert capsys.readouterr().out.startswith("cannot tell")
