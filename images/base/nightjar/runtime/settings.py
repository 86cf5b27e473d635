"""Settings from the environment: frozen, typed, every one with its bound and its unit."""

import re
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from nightjar.domain.manifest import TaskRef
from nightjar.errors import UsageError


class Settings(BaseSettings):
    """Base of all settings: field `max_pixels` is read from `NIGHTJAR_MAX_PIXELS`; an empty value counts as unset."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, extra="ignore", env_ignore_empty=True)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is none
        good = False
    if not good:
        raise ValueError(f"expected http(s)://<host> or http(s)://<host>:<port>, got {text!r}")
    return text


# Of a server, without a path. Without user and password: it stands in the pods' specs, and a release keeps it.
Address = Annotated[str, Field(pattern=r"^https?://[^/\s@]+/?$"), AfterValidator(_address)]
# Of pages, which may lie below a path.
AddressOfPages = Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$"), AfterValidator(_address)]


class StoreSettings(Settings):
    """Where the bucket is. Credentials come from the standard AWS names and are not kept here."""

    bucket: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="the versioned bucket of everything")
    ]
    s3_endpoint: Annotated[Address | None, Field(description="of an S3 server other than AWS")] = None
    secrets_dir: Annotated[
        Path | None, Field(description="the folder of mounted secrets, a folder each; set by the operator in pods")
    ] = None


class StageSettings(Settings):
    """The operator tells every stage this about the run it works for."""

    image: Annotated[str, Field(max_length=512, description="the image it runs as; set by the operator")]
    run: Annotated[str, Field(max_length=250, description="the run it works for; set by the operator")] = ""
    shard: Annotated[str | None, Field(description="the shard it works on, for logs; set by the operator")] = None
    task: Annotated[
        TaskRef | None, Field(description="the try of the Airflow task that it runs for; set by the operator")
    ] = None


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """The settings of `kind` from the environment; raises UsageError that names every variable that is wrong."""
    prefix = kind.model_config["env_prefix"]
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(f"{_place(prefix, e['loc'])}{_sentence(e)}" for e in error.errors(include_url=False))
    except SettingsError as error:  # a value that is to be JSON, and is none
        problems = f"expected JSON: {error.__cause__ or error}"
        if field := re.search(r'field "(\w+)"', str(error)):
            problems = f"{_place(prefix, (field[1],))}{problems}"
    raise UsageError(f"the environment is wrong: {problems}")


def _place(prefix: str, place: tuple[int | str, ...]) -> str:
    """`NIGHTJAR_STAGES.detect.gpu: `; nothing for a check over several fields, which has no place of its own."""
    if not place:
        return ""
    name, *inside = place
    steps = [str(step) for step in inside if step != "[key]"]
    return ".".join((f"{prefix}{name}".upper(), *steps)) + ": "


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "missing key" if len(error["loc"]) > 1 else "not set"
    return str(error["msg"]).removeprefix("Value error, ")
