"""The channels whose address stands in the secret `CHANNELS_URLS`, by the names that the rules use."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from nightjar.settings.channels import ChannelSecrets, ChannelSettings
from nightjar.settings.notify import NotifySettings
from nightjar_notify.channels.protocol import Channel
from nightjar_notify.channels.tries import Patience
from nightjar_notify.pace import Pace

Clock = Callable[[], datetime]
NAGIOS = ("nrdp", "nrdps")  # the schemes of NRDP; every other is Apprise's


def ways_by_url(
    secrets: ChannelSecrets, channels: ChannelSettings, settings: NotifySettings, clock: Clock
) -> dict[str, Callable[[Pace], Channel]]:
    """How each channel but e-mail is opened, by name; raises UsageError for a secret that is wrong."""
    patience = Patience(settings.mail_attempts, settings.mail_backoff)
    return {
        name: partial(_opened, name, url, clock, patience=patience, timeout=channels.channel_timeout)
        for name, url in secrets.by_name().items()
    }


def _opened(name: str, url: SecretStr, clock: Clock, pace: Pace, *, patience: Patience, timeout: float) -> Channel:
    if url.get_secret_value().partition("://")[0].lower() in NAGIOS:
        from nightjar_notify.channels.nrdp import NrdpChannel

        return NrdpChannel(name, url, clock, pace, patience, timeout)
    # Apprise is not needed, and so not loaded, where there is e-mail alone.
    from nightjar_notify.channels.apprise import AppriseChannel

    return AppriseChannel(name, url, clock, pace, patience, timeout)
