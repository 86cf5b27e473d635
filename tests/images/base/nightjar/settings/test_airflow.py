"""Where Airflow is, by the environment."""

from pathlib import Path

import pytest

from nightjar.errors import UsageError
from nightjar.settings.airflow import connect, is_reachable

URL = "https://airflow.example.com/nightjar/"


def test_a_login_is_taken_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not is_reachable()
    monkeypatch.setenv("NIGHTJAR_AIRFLOW_URL", URL)
    assert is_reachable()
    (tmp_path / "password").write_text("battery staple\n")
    monkeypatch.setenv("NIGHTJAR_AIRFLOW_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("NIGHTJAR_AIRFLOW_USER", "erin")
    with connect() as api:
        assert api.user == "erin"
        assert "staple" not in repr(vars(api)["_client"])
    monkeypatch.setenv("NIGHTJAR_AIRFLOW_TOKEN", "a.b.c")
    with connect() as api:
        assert api.user == "erin"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "expected NIGHTJAR_AIRFLOW_URL, the address of Airflow"),
        ({"URL": "airflow.example.com"}, "NIGHTJAR_AIRFLOW_URL: String should match"),
        ({"URL": "https://erin:secret@airflow.example.com"}, "NIGHTJAR_AIRFLOW_URL"),
        ({"URL": URL}, "expected the password of admin at Airflow in NIGHTJAR_AIRFLOW_PASSWORD, or in a file"),
        ({"URL": URL, "PASSWORD_FILE": "/nowhere/at/all"}, "expected a password in /nowhere/at/all, .*No such file"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"NIGHTJAR_AIRFLOW_{name}", value)
    with pytest.raises(UsageError, match=message):
        connect()
