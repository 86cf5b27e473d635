"""A mail API, and runs whose events wait for their alert."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from PIL import Image

from nightjar.domain.detections import Detection
from nightjar.domain.manifest import Manifest
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.stores.runs import stage_prefix
from nightjar_assess.stage import assess
from nightjar_local.sendgrid_double import SendGridDouble
from nightjar_notify.channels.email import MailChannel
from nightjar_notify.channels.opening import Open, OpenChannels
from nightjar_notify.channels.protocol import EMAIL, Channel
from nightjar_notify.pace import Pace
from nightjar_notify.stage import notify_events
from tests.bucket import sha256_of
from tests.scenes import RULES, SHARD, after, start_run


@pytest.fixture
def api() -> Iterator[SendGridDouble]:
    """SendGrid's double."""
    with SendGridDouble() as double:
        yield double


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A picture as validate leaves them."""
    out = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def assessed(jpeg: bytes) -> Callable[..., StageContext]:
    """Takes a store, a run and detections as far as assess; gives the context of the shard's notify stage."""

    def take(
        store: ObjectStore, name: str, *detections: Detection, now: datetime | None = None, rules: str = RULES
    ) -> StageContext:
        seen = []
        for each in detections:
            store.put(each.picture.standard_key, jpeg)
            picture = each.picture.model_copy(update={"standard_sha256": sha256_of(jpeg)})
            seen.append(each.model_copy(update={"picture": picture}))
        context = replace(start_run(store, name, seen, rules), clock=lambda: now or after(60))
        run(assess, context)
        return replace(
            context,
            stage="notify",
            input_prefix=context.output_prefix,
            output_prefix=stage_prefix(context.run_prefix, "notify", SHARD),
        )

    return take


@pytest.fixture
def notify(api: SendGridDouble) -> Callable[..., Manifest]:
    """Does the work of the stage in a context, as a process of its own would, through the double or other channels."""

    def work(
        context: StageContext,
        email: Open | None = None,
        *,
        max_age: timedelta = timedelta(hours=6),
        key: SendGridSettings | None = None,
        threads: int = 32,
        others: Mapping[str, Open] | None = None,
        **options: float,
    ) -> Manifest:
        impatient: dict[str, float] = {"mail_backoff": 0.01, "mail_patience": 3, "mail_timeout": 5, **options}
        settings = NotifySettings.model_validate({"mail_from": "nightjar@example.com", **impatient})
        sendgrid = key or SendGridSettings.model_validate({"api_key": "SG.secret", "api_url": api.url})

        def mail(pace: Pace) -> Channel:
            return MailChannel(settings, sendgrid, lambda: after(61), pace)

        with closing(OpenChannels({EMAIL: email or mail, **(others or {})}, settings)) as channels:
            return run(lambda c: notify_events(c, channels, max_age, threads), context)

    return work
