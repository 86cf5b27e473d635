"""The tell stage at work over a bucket, through the mail API's double."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from nightjar.domain.manifest import Manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_local.sendgrid_double import SendGridDouble
from nightjar_notify.channels.email import MailChannel
from nightjar_notify.channels.opening import OpenChannels
from nightjar_notify.channels.protocol import EMAIL, Channel
from nightjar_notify.pace import Pace
from nightjar_tell.stage import tell_all
from tests.bucket import RunWorld
from tests.images.tell.world import NOON, RULES

Tell = Callable[..., Manifest]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def api() -> Iterator[SendGridDouble]:
    """SendGrid's double."""
    with SendGridDouble() as double:
        yield double


@pytest.fixture
def tell(api: SendGridDouble) -> Tell:
    """Tells what is due in a bucket, as a run of its own at `now` would."""

    def work(store: ObjectStore, now: datetime = NOON, rules: bytes = RULES) -> Manifest:
        world = RunWorld(store, f"scheduled-{now:%Y%m%dT%H%M%S}", "nightjar_patrol")
        world.pin(rules)
        settings = NotifySettings.model_validate(
            {"mail_from": "nightjar@example.com", "mail_backoff": 0.01, "mail_patience": 1, "mail_timeout": 5}
        )
        sendgrid = SendGridSettings.model_validate({"api_key": "SG.secret", "api_url": api.url})

        def mail(pace: Pace) -> Channel:
            return MailChannel(settings, sendgrid, lambda: now, pace)

        context = world.context("tell", "troubles/", now=now)
        with closing(OpenChannels({EMAIL: mail}, settings)) as channels:
            return run(lambda c: tell_all(c, channels, timedelta(hours=6), 4), context)

    return work
