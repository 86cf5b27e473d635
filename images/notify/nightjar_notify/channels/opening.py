"""The channels of the deployment, each opened when it is first needed."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from nightjar.errors import UsageError
from nightjar.runtime.settings import load
from nightjar.runtime.store import ObjectStore
from nightjar.settings.channels import ChannelSecrets, ChannelSettings
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.stores.outbox import Outbox
from nightjar_notify.channels.by_url import ways_by_url
from nightjar_notify.channels.outbox import OutboxChannel
from nightjar_notify.channels.protocol import EMAIL, Channel
from nightjar_notify.pace import Pace

log = logging.getLogger(__name__)

Open = Callable[[Pace], Channel]


class OpenChannels:
    """Opens channels by name; a name is opened once. Safe to use from threads.

    `problem` says why there are not all channels, if there are not.
    """

    def __init__(self, ways: Mapping[str, Open], settings: NotifySettings, problem: str = "") -> None:
        self._ways, self._settings, self._problem = ways, settings, problem
        self._opened: dict[str, Channel] = {}
        self._lock = threading.Lock()

    def named(self, name: str) -> Channel | str:
        """The channel; or a sentence that says why there is none."""
        with self._lock:
            if name not in self._opened:
                if name not in self._ways:
                    return self._problem or f"expected a channel, one of {', '.join(self._ways)}, got {name!r}"
                pace = Pace(self._settings.mail_concurrency, self._settings.mail_patience)
                self._opened[name] = self._ways[name](pace)
            return self._opened[name]

    @property
    def opened(self) -> Sequence[Channel]:
        """Those that were used so far."""
        with self._lock:
            return tuple(self._opened.values())

    def close(self) -> None:
        """Close all that were opened."""
        for channel in self.opened:
            channel.close()


def open_channels(
    store: ObjectStore, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime]
) -> OpenChannels:
    """E-mail by the mail API when there is a key, else to the outbox; the others as the secret of channels says.

    Where that secret is wrong as a whole, e-mail goes out all the same.
    """

    def email(pace: Pace) -> Channel:
        if not api.api_key:
            return OutboxChannel(Outbox(store), settings.mail_from, pace)
        from nightjar_notify.channels.email import MailChannel  # not needed, and so not loaded, for the outbox

        return MailChannel(settings, api, clock, pace)

    others: dict[str, Open] = {}
    problem = ""
    try:
        others = ways_by_url(load(ChannelSecrets), load(ChannelSettings), settings, clock)
    except UsageError as error:
        problem = str(error)
        log.error("no channel but %s can be used: %s", EMAIL, problem)
    return OpenChannels({EMAIL: email, **others}, settings, problem)
