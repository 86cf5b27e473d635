"""Which channels a deployment has."""

import json
from datetime import UTC, datetime

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_notify.channels.apprise import AppriseChannel
from nightjar_notify.channels.nrdp import NrdpChannel
from nightjar_notify.channels.opening import OpenChannels, open_channels
from nightjar_notify.channels.outbox import OutboxChannel

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def opened() -> OpenChannels:
    return open_channels(MemoryStore(), NotifySettings(), SendGridSettings(), lambda: NOW)


def test_each_name_has_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = {"oncall": "pagerduty://a@b", "nagios": "nrdps://t0ken@nagios.example.com/nrdp/"}
    monkeypatch.setenv("CHANNELS_URLS", json.dumps(urls))
    channels = opened()
    kinds = {name: type(channels.named(name)) for name in ("email", "oncall", "nagios")}
    assert kinds == {"email": OutboxChannel, "oncall": AppriseChannel, "nagios": NrdpChannel}
    assert channels.named("oncal") == "expected a channel, one of email, oncall, nagios, got 'oncal'"
    assert channels.named("oncall") is channels.named("oncall")
    channels.close()


def test_a_secret_that_is_wrong_leaves_email(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNELS_URLS", '{"oncall": "pagerduty://s3cret')
    channels = opened()
    assert isinstance(channels.named("email"), OutboxChannel)
    why = str(channels.named("oncall"))
    assert "CHANNELS_URLS: expected JSON" in why and "s3cret" not in why
