"""The channels of the deployment, each opened when it is first needed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.stores.outbox import Outbox
from nightjar_notify.channels.outbox import OutboxChannel
from nightjar_notify.channels.protocol import EMAIL, Channel
from nightjar_notify.pace import Pace

Open = Callable[[Pace], Channel]


class OpenChannels:
    """Opens channels by name; a name is opened once. Safe to use from threads."""

    def __init__(self, ways: Mapping[str, Open], settings: NotifySettings) -> None:
        self._ways, self._settings = ways, settings
        self._opened: dict[str, Channel] = {}
        self._lock = threading.Lock()

    def named(self, name: str) -> Channel | str:
        """The channel; or a sentence that says why there is none."""
        with self._lock:
            if name not in self._opened:
                if name not in self._ways:
                    return f"expected a channel, one of {', '.join(self._ways)}, got {name!r}"
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
    """E-mail by the mail API when there is a key, else to the outbox."""

    def email(pace: Pace) -> Channel:
        if not api.api_key:
            return OutboxChannel(Outbox(store), settings.mail_from, pace)
        from nightjar_notify.channels.email import MailChannel  # not needed, and so not loaded, for the outbox

        return MailChannel(settings, api, clock, pace)

    return OpenChannels({EMAIL: email}, settings)
