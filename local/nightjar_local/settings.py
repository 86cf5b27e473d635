"""The settings of one deployment: its ports, and secrets made for it alone."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from nightjar_local.cluster.runtime import asked_kubeconfig
from nightjar_local.processes import LocalError, free_ports, new_token, port_is_free

UI_PORT = 8080
S3_PORT = 8333
BUCKET = "nightjar"
REGION = "us-east-1"
# With these, a caller brings an S3 server; the deployment then starts none.
ENDPOINT_VARIABLE = "NIGHTJAR_S3_ENDPOINT"
NEEDED = ("NIGHTJAR_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def _access_key_id() -> str:
    return f"NJ{secrets.token_hex(9).upper()}"


def _secret_access_key() -> str:
    return secrets.token_urlsafe(30)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@dataclass(frozen=True)
class Settings:
    """Ports on loopback, the UI's passwords, the S3 credentials, Airflow's keys, and the token of its processes.

    With `s3_endpoint`, the S3 server is the caller's, and so are bucket, credentials and region; without it, it is a
    SeaweedFS of the deployment on `s3_port`. With `kubeconfig`, the stages are pods of that cluster.
    """

    ui_port: int
    s3_port: int
    s3_endpoint: str | None = None
    bucket: str = BUCKET
    region: str = REGION
    token: str = field(default_factory=new_token)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    viewer_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    access_key_id: str = field(default_factory=_access_key_id)
    secret_access_key: str = field(default_factory=_secret_access_key)
    session_token: str | None = None
    kubeconfig: str | None = None
    fernet_key: str = field(default_factory=_fernet_key)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    api_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    link_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))


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

    The ports are `NIGHTJAR_UI_PORT` and `NIGHTJAR_S3_PORT` (by default 8080 and 8333), as long as they are free. With
    `NIGHTJAR_S3_ENDPOINT`, the S3 server is that one; raises LocalError if a variable is missing that belongs to it.
    With `NIGHTJAR_RUNTIME=kubernetes` the stages are pods; raises LocalError if there is no KUBECONFIG then.
    """
    settings = load(path) or Settings(
        ui_port=int(os.environ.get("NIGHTJAR_UI_PORT", UI_PORT)),
        s3_port=int(os.environ.get("NIGHTJAR_S3_PORT", S3_PORT)),
    )
    other_ui, other_s3 = free_ports(2)
    settings = replace(
        _with_s3(settings, os.environ),
        ui_port=settings.ui_port if port_is_free(settings.ui_port) else other_ui,
        s3_port=settings.s3_port if port_is_free(settings.s3_port) else other_s3,
        kubeconfig=asked_kubeconfig(os.environ),
    )
    store(path, settings)
    return settings


def _with_s3(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """The settings with the S3 server that the environment asks for."""
    endpoint = asked_endpoint(settings, environment)
    if endpoint is not None:
        if not endpoint.startswith(("http://", "https://")):
            raise LocalError(f"expected {ENDPOINT_VARIABLE} to begin with http:// or https://, got {endpoint!r}")
        if missing := [name for name in NEEDED if not environment.get(name)]:
            raise LocalError(f"{ENDPOINT_VARIABLE}={endpoint} also needs {', '.join(missing)}")
        bucket, key, secret = (environment[name] for name in NEEDED)
        return replace(
            settings,
            s3_endpoint=endpoint,
            bucket=bucket,
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or REGION,
            access_key_id=key,
            secret_access_key=secret,
            session_token=environment.get("AWS_SESSION_TOKEN") or None,
        )
    if settings.s3_endpoint is None:
        return settings
    return replace(
        settings,
        s3_endpoint=None,
        bucket=BUCKET,
        region=REGION,
        access_key_id=_access_key_id(),
        secret_access_key=_secret_access_key(),
        session_token=None,
    )


def asked_endpoint(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """The S3 server that a caller asks for; None for the deployment's own.

    A shell that has sourced `.nightjar/env` names the deployment's own: its key tells.
    """
    endpoint = environment.get(ENDPOINT_VARIABLE)
    is_own = settings.s3_endpoint is None and environment.get("AWS_ACCESS_KEY_ID") == settings.access_key_id
    return None if not endpoint or is_own else endpoint.rstrip("/")


def for_once() -> Settings:
    """Settings of a deployment that is thrown away, on free ports."""
    ui_port, s3_port = free_ports(2)
    return Settings(ui_port=ui_port, s3_port=s3_port)
