"""A deployment keeps its settings, keeps them to itself, and finds ports."""

import json
import socket
import stat
from pathlib import Path

import pytest

from nightjar_local import settings
from nightjar_local.processes import LocalError, free_ports
from nightjar_local.s3_server import access_of


def test_they_are_kept_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ui, s3 = free_ports(2)
    monkeypatch.setenv("NIGHTJAR_UI_PORT", str(ui))
    monkeypatch.setenv("NIGHTJAR_S3_PORT", str(s3))
    path = tmp_path / "deployment" / "settings.json"
    first = settings.for_deployment(path)
    assert (first.ui_port, first.s3_port) == (ui, s3)
    assert settings.for_deployment(path) == first == settings.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_taken_port_is_replaced_and_the_secrets_stay(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        before = settings.Settings(ui_port=port, s3_port=free_ports(1)[0])
        settings.store(path, before)
        after = settings.for_deployment(path)
    assert after.ui_port != port
    assert after.s3_port == before.s3_port
    assert (after.password, after.token) == (before.password, before.token)


def test_every_deployment_has_secrets_of_its_own() -> None:
    one, other = settings.for_once(), settings.for_once()
    same = {key for key, value in vars(one).items() if value == vars(other)[key]}
    assert same == {"bucket", "region", "s3_endpoint", "session_token", "kubeconfig"}


def test_there_are_none_before_they_are_made(tmp_path: Path) -> None:
    assert settings.load(tmp_path / "settings.json") is None


@pytest.mark.parametrize("there", [None, "old", "x" * 10_000])
def test_private_files_are_replaced_whole(tmp_path: Path, there: str | None) -> None:
    path = tmp_path / "folder" / "file"
    if there is not None:
        path.parent.mkdir()
        path.write_text(there)
    settings.write_private(path, json.dumps(1))
    assert path.read_text() == "1"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


ENDPOINT = "https://s3.example.com"
CALLER = {
    "NIGHTJAR_S3_ENDPOINT": f"{ENDPOINT}/",
    "NIGHTJAR_BUCKET": "theirs",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def s3_of(chosen: settings.Settings) -> tuple[str | None, str, str, str, str, str | None]:
    return (
        chosen.s3_endpoint,
        chosen.bucket,
        chosen.region,
        chosen.access_key_id,
        chosen.secret_access_key,
        chosen.session_token,
    )


@pytest.mark.parametrize(
    ("more", "region", "session_token"),
    [
        ({}, "us-east-1", None),
        ({"AWS_DEFAULT_REGION": "eu-central-1", "AWS_SESSION_TOKEN": ""}, "eu-central-1", None),
        ({"AWS_DEFAULT_REGION": "a", "AWS_REGION": "b", "AWS_SESSION_TOKEN": "token"}, "b", "token"),
    ],
)
def test_a_caller_brings_an_s3_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str], region: str, session_token: str | None
) -> None:
    path = tmp_path / "settings.json"
    own = settings.for_deployment(path)
    for name, value in {**CALLER, **more}.items():
        monkeypatch.setenv(name, value)
    theirs = settings.for_deployment(path)
    assert s3_of(theirs) == (ENDPOINT, "theirs", region, "key", "secret", session_token)
    assert settings.for_deployment(path) == theirs == settings.load(path)
    assert (theirs.password, theirs.token) == (own.password, own.token)

    for name in {**CALLER, **more}:
        monkeypatch.delenv(name)
    again = settings.for_deployment(path)
    assert (again.s3_endpoint, again.bucket, again.region, again.session_token) == (None, "nightjar", "us-east-1", None)
    assert {"key", "secret"}.isdisjoint({again.access_key_id, again.secret_access_key})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"NIGHTJAR_BUCKET": ""}, f"NIGHTJAR_S3_ENDPOINT={ENDPOINT} also needs NIGHTJAR_BUCKET$"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "also needs AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY$",
        ),
        ({"NIGHTJAR_S3_ENDPOINT": "s3.example.com"}, "to begin with http:// or https://, got 's3.example.com'"),
    ],
)
def test_half_an_s3_server_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], complaint: str
) -> None:
    for name, value in {**CALLER, **change}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LocalError, match=complaint):
        settings.for_deployment(tmp_path / "settings.json")
    assert settings.load(tmp_path / "settings.json") is None


def test_a_shell_that_has_sourced_the_environment_means_the_deployments_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.json"
    own = settings.for_deployment(path)
    for name, value in access_of(own).environment().items():
        monkeypatch.setenv(name, value)
    assert settings.for_deployment(path) == own
