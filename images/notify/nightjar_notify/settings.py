"""The settings of the notify stage, read together."""

from nightjar.errors import UsageError
from nightjar.runtime.settings import load
from nightjar.settings.notify import NO_SENDER, NotifySettings, SendGridSettings


def load_settings() -> tuple[NotifySettings, SendGridSettings]:
    """Both from the environment; raises UsageError, also when there is a key and nobody to send from."""
    settings, api = load(NotifySettings), load(SendGridSettings)
    if api.api_key and settings.mail_from == NO_SENDER:
        raise UsageError(
            "expected NIGHTJAR_MAIL_FROM, a sender that SendGrid has verified, since SENDGRID_API_KEY is set; got none"
        )
    return settings, api
