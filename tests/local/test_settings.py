"""A deployment keeps its settings, keeps them to itself, and finds ports."""

import json
import socket
import stat
from pathlib import Path

import pytest

from nightjar_local import settings
from nightjar_local.processes import free_ports


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
    assert same == {"bucket"}


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
