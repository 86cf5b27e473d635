"""Secrets as files: which are read, what wins, and that a mistake shows no secret."""

from pathlib import Path

import pytest

from nightjar.errors import UsageError
from nightjar.runtime.secret_files import take_up_secrets


def mounted(folder: Path, **files: str) -> dict[str, str]:
    """An environment that names secrets as Kubernetes mounts them: each file a link into a folder that is replaced."""
    secret = folder / "nightjar-s3"
    (secret / "..2026_11_26").mkdir(parents=True)
    (secret / "..data").symlink_to("..2026_11_26")
    for name, text in files.items():
        (secret / "..data" / name).write_bytes(text.encode("latin-1"))
        (secret / name).symlink_to(f"..data/{name}")
    return {"NIGHTJAR_SECRETS_DIR": str(folder)}


@pytest.mark.parametrize(
    ("files", "ours", "expected"),
    [
        pytest.param({}, {}, {}, id="an empty secret"),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "key\n"}, {}, {"AWS_ACCESS_KEY_ID": "key"}, id="a line end is no part of it"
        ),
        pytest.param({"SENDGRID_API_KEY": "SG.x"}, {"SENDGRID_API_KEY": "mine"}, {}, id="what is set wins"),
        pytest.param({"SENDGRID_API_KEY": "SG.x"}, {"SENDGRID_API_KEY": ""}, {"SENDGRID_API_KEY": "SG.x"}, id="unset"),
        pytest.param(
            {"PATH": "/evil", "NIGHTJAR_BUCKET": "x", "AWS_": "x", "aws_x": "x"}, {}, {}, id="only credentials"
        ),
        pytest.param({"CHANNELS_URLS": '{"a": "b://c"}'}, {}, {"CHANNELS_URLS": '{"a": "b://c"}'}, id="JSON"),
    ],
)
def test_files(tmp_path: Path, files: dict[str, str], ours: dict[str, str], expected: dict[str, str]) -> None:
    environment = mounted(tmp_path, **files) | ours
    before = dict(environment)
    take_up_secrets(environment)
    assert environment == before | expected


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_without_secrets_nothing_is_done(folder: str) -> None:
    environment = {"NIGHTJAR_SECRETS_DIR": folder}
    take_up_secrets(environment)
    assert environment == {"NIGHTJAR_SECRETS_DIR": folder}


@pytest.mark.parametrize("value", ["secret\xff", "secret\0"])
def test_a_mistake_names_the_file_and_shows_nothing(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match=r"expected a secret in .*AWS_SECRET_ACCESS_KEY, one line") as error:
        take_up_secrets(mounted(tmp_path, AWS_SECRET_ACCESS_KEY=value))
    assert "secret\xff" not in str(error.value) and "secret\0" not in str(error.value)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    environment = mounted(tmp_path)
    (tmp_path / "nightjar-s3" / "AWS_SESSION_TOKEN").mkdir()
    with pytest.raises(UsageError, match="AWS_SESSION_TOKEN"):
        take_up_secrets(environment)
