"""Where Airflow's REST API is, for the commands that ask it; `connect` makes the client."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr

from nightjar.errors import UsageError
from nightjar.runtime.settings import AddressOfPages, Settings, load

if TYPE_CHECKING:
    from nightjar.runtime.airflow_api import AirflowApi


class AirflowSettings(Settings):
    """The address of Airflow and a login there, for `nightjar` on the machine of an operator."""

    airflow_url: Annotated[
        AddressOfPages | None, Field(description="of Airflow's UI and REST API, for commands that ask it")
    ] = None
    airflow_user: Annotated[str, Field(max_length=250, description="who the commands are for Airflow")] = "admin"
    airflow_password: Annotated[SecretStr | None, Field(description="of this user")] = None
    airflow_password_file: Annotated[Path | None, Field(description="a file with the password, instead of it")] = None
    airflow_token: Annotated[
        SecretStr | None, Field(description="a token (JWT) of Airflow's, instead of user and password")
    ] = None


def is_reachable() -> bool:
    """Whether the environment names an Airflow. Raises UsageError for a wrong setting."""
    return load(AirflowSettings).airflow_url is not None


def connect() -> "AirflowApi":
    """A client of the Airflow that the environment names; use it in a `with`.

    Raises UsageError, which shows no secret, where the environment does not say where Airflow is and how to sign in.
    """
    from nightjar.runtime.airflow_api import AirflowApi  # httpx, which tasks do not need to load

    settings = load(AirflowSettings)
    if settings.airflow_url is None:
        raise UsageError(
            "expected NIGHTJAR_AIRFLOW_URL, the address of Airflow, with NIGHTJAR_AIRFLOW_USER and "
            "NIGHTJAR_AIRFLOW_PASSWORD (or NIGHTJAR_AIRFLOW_PASSWORD_FILE, or NIGHTJAR_AIRFLOW_TOKEN); "
            "on a laptop: source .nightjar/env"
        )
    url = settings.airflow_url.rstrip("/")
    if settings.airflow_token:
        return AirflowApi(url, "", settings.airflow_user, token=settings.airflow_token.get_secret_value())
    return AirflowApi(url, _password(settings), settings.airflow_user)


def _password(settings: AirflowSettings) -> str:
    if settings.airflow_password:
        return settings.airflow_password.get_secret_value()
    if settings.airflow_password_file is None:
        raise UsageError(
            f"expected the password of {settings.airflow_user} at Airflow in NIGHTJAR_AIRFLOW_PASSWORD, or in a file "
            "that NIGHTJAR_AIRFLOW_PASSWORD_FILE names; neither is set"
        )
    try:
        return settings.airflow_password_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"expected a password in {settings.airflow_password_file}, one line of text: {why}") from None
