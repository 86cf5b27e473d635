"""A mail API, and runs whose events wait for their alert."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from PIL import Image

from nightjar.domain.detections import Detection
from nightjar.domain.layout import stage_prefix
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_assess.stage import assess
from nightjar_notify.channels import Mail
from tests.doubles.sendgrid import SendGridDouble
from tests.scenes import RULES, after, sha256_of, start_run


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
    """Takes a store, a run and detections as far as assess; gives the context of the run's notify stage."""

    def take(
        store: ObjectStore, name: str, *detections: Detection, now: datetime | None = None, rules: str = RULES
    ) -> StageContext:
        seen = []
        for one in detections:
            store.put(one.picture.standard_key, jpeg)
            picture = one.picture.model_copy(update={"standard_sha256": sha256_of(jpeg)})
            seen.append(one.model_copy(update={"picture": picture}))
        context = replace(start_run(store, name, seen, rules), clock=lambda: now or after(60))
        run(assess, context)
        return replace(
            context,
            stage="notify",
            input_prefix=context.output_prefix,
            output_prefix=stage_prefix(context.run_prefix, "notify"),
        )

    return take


@pytest.fixture
def mail(api: SendGridDouble) -> Mail:
    """The channel to the double, impatient."""
    settings = NotifySettings(mail_from="nightjar@example.com", mail_backoff=0.01, mail_patience=3, mail_timeout=5)
    return Mail(settings, SendGridSettings(api_key="SG.secret", api_url=api.url), lambda: after(61))
