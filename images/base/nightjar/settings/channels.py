"""Settings of the channels beside e-mail, and of the links in messages."""

import json
import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from nightjar.errors import UsageError
from nightjar.runtime.settings import AddressOfPages, Settings

EMAIL = "email"  # the channel that every deployment has
VARIABLE = "CHANNELS_URLS"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+")
_LEAST_KEY = 32  # characters


class ChannelSecrets(Settings):
    """The secret of the channels. Without it there is e-mail alone, and messages have no links."""

    model_config = SettingsConfigDict(env_prefix="CHANNELS_", hide_input_in_errors=True)

    urls: Annotated[
        SecretStr | None,
        Field(description='JSON, `{"oncall": "pagerduty://…"}`: the address of each channel that the rules may name'),
    ] = None
    link_key: Annotated[
        SecretStr | None, Field(description="signs the links in messages; 32 characters or more, any of them")
    ] = None

    @field_validator("link_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        """The key without the line end that files and `kubectl create secret` leave around it."""
        if key is None:
            return None
        stripped = key.get_secret_value().strip()
        if len(stripped) < _LEAST_KEY:
            raise ValueError(f"expected {_LEAST_KEY} characters or more, got {len(stripped)}; the key is not shown")
        return SecretStr(stripped)

    def by_name(self) -> dict[str, SecretStr]:
        """The address of each channel but e-mail; raises UsageError, which shows none of them."""
        return {} if self.urls is None else _by_name(self.urls.get_secret_value())


class LinkSettings(Settings):
    """Where links in messages lead, and how long they are good."""

    link_address: Annotated[
        AddressOfPages | None,
        Field(
            description="of Airflow's UI, as people reach it: messages then have links that mute a camera or say that "
            "an alert was false; without it they name the command"
        ),
    ] = None
    link_days: Annotated[int, Field(ge=1, le=90, description="days that a link is good")] = 7


class ChannelSettings(Settings):
    """How long a channel may take."""

    channel_timeout: Annotated[
        float, Field(ge=1, le=60, description="seconds for one try to send over a channel other than e-mail")
    ] = 20.0


def _by_name(text: str) -> dict[str, SecretStr]:
    expected = f'the environment is wrong: {VARIABLE}: expected JSON, {{"<name>": "<address>"}}'
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):  # its text would show what stands there
        raise UsageError(f"{expected}, got no JSON, or a name twice; it is not shown") from None
    if not isinstance(document, dict):
        raise UsageError(f"{expected}, got another kind of JSON; it is not shown")
    for name, url in document.items():
        if not _NAME.fullmatch(name) or name == EMAIL:
            place = list(document).index(name) + 1
            raise UsageError(
                f"{expected}, each name of 1 to 64 of A-Z a-z 0-9 _ -, first a letter, and not {EMAIL}; "
                f"the {place}. name is none"
            )
        if not isinstance(url, str) or not _URL.fullmatch(url.strip()):
            raise UsageError(f"{expected}; the address of {name!r} is none; it is not shown")
    return {name: SecretStr(url.strip()) for name, url in document.items()}


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError
    return document
