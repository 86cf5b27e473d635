"""Settings of the notify stage."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from nightjar.runtime.settings import Address, Settings

# Nobody can own it (RFC 2606), so that a message in the outbox is complete and is never taken for one that was sent.
NO_SENDER = "alerts@nightjar.invalid"


class NotifySettings(Settings):
    """Who sends, how long an event is news, and how patient the stage is with the mail API.

    The bounds keep the time of one alert below the ledger's lease.
    """

    mail_from: Annotated[
        str, Field(pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$", max_length=254, description="the sender of alerts")
    ] = NO_SENDER
    alert_max_age: Annotated[
        int, Field(ge=0, le=3660 * 86_400, description="seconds; an event that ended earlier goes to the digest")
    ] = 6 * 3600
    mail_attempts: Annotated[int, Field(ge=1, le=10, description="tries of one alert in one attempt of the task")] = 5
    mail_backoff: Annotated[
        float, Field(ge=0, le=60, description="seconds before the second try; doubles from then on")
    ] = 1.0
    mail_patience: Annotated[
        float,
        Field(
            ge=0,
            le=300,
            description="seconds of waiting in one attempt of the task; alerts that wait together count once",
        ),
    ] = 120.0
    mail_concurrency: Annotated[int, Field(ge=1, le=64, description="alerts that are sent at the same time")] = 16
    mail_timeout: Annotated[float, Field(gt=0, le=30, description="seconds for the mail API to answer")] = 30.0


class SendGridSettings(Settings):
    """The mail API. Without a key nothing is sent: alerts go to the outbox."""

    model_config = SettingsConfigDict(env_prefix="SENDGRID_", hide_input_in_errors=True)

    api_key: Annotated[SecretStr | None, Field(description="without one, alerts go to the outbox")] = None
    api_url: Annotated[Address, Field(description="to point at a double")] = "https://api.sendgrid.com"

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        """The key without what files and `kubectl create secret` leave around it, most often a line end."""
        if key is None:
            return None
        stripped = key.get_secret_value().strip()
        if not re.fullmatch(r"[!-~]+", stripped):
            raise ValueError("expected printable ASCII characters without spaces in between; the key is not shown")
        return SecretStr(stripped)
