"""What one deployment was set up with: its ports, and secrets made for it alone."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from nightjar_local.processes import free_ports, new_token, port_is_free

UI_PORT = 8080
S3_PORT = 8333


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@dataclass(frozen=True)
class Settings:
    """Ports on loopback, the UI's password, the S3 credentials, Airflow's keys, and the token of its processes."""

    ui_port: int
    s3_port: int
    bucket: str = "nightjar"
    token: str = field(default_factory=new_token)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    access_key_id: str = field(default_factory=lambda: f"NJ{secrets.token_hex(9).upper()}")
    secret_access_key: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    fernet_key: str = field(default_factory=_fernet_key)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    api_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on; replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.rename(path)


def load(path: Path) -> Settings | None:
    """The settings stored at `path`, or None if there are none."""
    return Settings(**json.loads(path.read_text())) if path.exists() else None


def store(path: Path, settings: Settings) -> None:
    """Keep the settings at `path`, readable by the owner only."""
    write_private(path, json.dumps(asdict(settings), indent=2) + "\n")


def for_deployment(path: Path) -> Settings:
    """The settings of the deployment at `path`, made at the first call; taken ports are replaced by free ones.

    The ports are `NIGHTJAR_UI_PORT` and `NIGHTJAR_S3_PORT` (by default 8080 and 8333), as long as they are free.
    """
    settings = load(path) or Settings(
        ui_port=int(os.environ.get("NIGHTJAR_UI_PORT", UI_PORT)),
        s3_port=int(os.environ.get("NIGHTJAR_S3_PORT", S3_PORT)),
    )
    other_ui, other_s3 = free_ports(2)
    settings = replace(
        settings,
        ui_port=settings.ui_port if port_is_free(settings.ui_port) else other_ui,
        s3_port=settings.s3_port if port_is_free(settings.s3_port) else other_s3,
    )
    store(path, settings)
    return settings


def for_once() -> Settings:
    """Settings of a deployment that is thrown away, on free ports."""
    ui_port, s3_port = free_ports(2)
    return Settings(ui_port=ui_port, s3_port=s3_port)
