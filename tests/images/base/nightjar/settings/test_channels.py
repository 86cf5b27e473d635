"""The secret of the channels: what is understood, and what is refused without being shown."""

import json
import logging

import pytest

from nightjar.errors import UsageError
from nightjar.runtime.settings import load
from nightjar.settings.channels import ChannelSecrets, LinkSettings

TOKEN = "tok3nThatMustNotShow"
GOOD = json.dumps({"oncall": f"pagerduty://{TOKEN}@key", "nagios_2": f" nrdps://{TOKEN}@nagios.example.com/nrdp/\n"})


def test_addresses_are_read_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNELS_URLS", GOOD)
    secrets = load(ChannelSecrets)
    assert secrets.by_name()["nagios_2"].get_secret_value() == f"nrdps://{TOKEN}@nagios.example.com/nrdp/"
    assert TOKEN not in f"{secrets!r} {secrets} {secrets.model_dump_json()} {secrets.by_name()}"


WRONG = [
    (f'{{"oncall": "{TOKEN}://x"', "got no JSON"),
    (f'{{"a": "x://{TOKEN}", "a": "x://{TOKEN}"}}', "a name twice"),
    (f'["x://{TOKEN}"]', "another kind of JSON"),
    (f'"x://{TOKEN}"', "another kind of JSON"),
    ("null", "another kind of JSON"),
    (f'{{"": "x://{TOKEN}"}}', "the 1. name is none"),
    (f'{{"ok": "x://y", "x://{TOKEN}": "oncall"}}', "the 2. name is none"),  # swapped
    (f'{{"email": "x://{TOKEN}"}}', "not email; the 1. name is none"),
    (f'{{"oncall": "{TOKEN}"}}', "the address of 'oncall' is none"),
    (f'{{"oncall": "x://{TOKEN} y"}}', "the address of 'oncall' is none"),
    (f'{{"oncall": ["x://{TOKEN}"]}}', "the address of 'oncall' is none"),
    ("[" * 100_000, "got no JSON"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=range(len(WRONG)))
def test_wrong_addresses_are_refused_without_being_shown(
    text: str, sentence: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CHANNELS_URLS", text)
    with pytest.raises(UsageError) as raised:
        load(ChannelSecrets).by_name()
    assert sentence in str(raised.value)
    assert "CHANNELS_URLS" in str(raised.value)
    shown = f"{raised.value!r} {raised.value.__cause__} {caplog.text}"
    assert TOKEN not in shown


@pytest.mark.parametrize(("key", "good"), [("k" * 31, False), ("k" * 32, True), (f"{'k' * 32}\n", True)])
def test_link_key(key: str, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNELS_LINK_KEY", key)
    if good:
        link_key = load(ChannelSecrets).link_key
        assert link_key is not None and link_key.get_secret_value() == "k" * 32
        return
    with pytest.raises(UsageError, match="32 characters or more, got 31") as raised:
        load(ChannelSecrets)
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://airflow.example.com", True),
        ("https://example.com/airflow/", True),
        ("http://127.0.0.1:8080", True),
        ("airflow.example.com", False),
        ("ftp://airflow.example.com", False),
        ("https://", False),
        ("https://user@example.com", False),
        ("https://example.com/?a=b", False),
        ("https://example.com/a b", False),
        ("https://example.com:0/", False),
    ],
)
def test_link_address(address: str, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LINK_ADDRESS", address)
    if good:
        assert load(LinkSettings).link_address == address
    else:
        with pytest.raises(UsageError, match="NIGHTJAR_LINK_ADDRESS"):
            load(LinkSettings)
