"""Settings of stages as a release pins them: complete, the same when they are read back, and without secrets."""

import os
from typing import Any

import pytest
from pydantic import SecretStr

from nightjar.domain.stages import STAGES
from nightjar.errors import UsageError
from nightjar.runtime.settings import Settings, StoreSettings, load
from nightjar.settings.by_stage import SETTINGS, refuse_unknown, resolve
from nightjar.settings.notify import SendGridSettings

SET = {
    "NIGHTJAR_LONG_SIDE": "640",
    "NIGHTJAR_FRAMES_PER_SECOND": "0.25",
    "NIGHTJAR_DETECT_BACKEND": "saved_model",
    "NIGHTJAR_MODEL_DIR": "/models/a b",
    "NIGHTJAR_MIN_PROBABILITY": "25 %",
    "NIGHTJAR_MAIL_FROM": "alerts@example.com",
    "NIGHTJAR_REPORT_THUMBNAILS": "0",
    "SENDGRID_API_URL": "http://127.0.0.1:9",
    "NIGHTJAR_LINK_ADDRESS": "https://airflow.example.com",
    "NIGHTJAR_LINK_DAYS": "3",
    "NIGHTJAR_CHANNEL_TIMEOUT": "7.5",
}


def read(stage: str) -> list[Settings]:
    return [load(kind) for kind in SETTINGS[stage]]


def test_every_stage_says_which_settings_it_reads() -> None:
    assert set(SETTINGS) == set(STAGES)


@pytest.mark.parametrize("environment", [{}, SET], ids=["defaults", "set"])
@pytest.mark.parametrize("stage", STAGES)
def test_read_back_they_are_the_same(stage: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    here, resolved = read(stage), resolve(stage)
    for name in environment:
        monkeypatch.delenv(name)
    for name, value in resolved.items():
        monkeypatch.setenv(name, value)
    assert read(stage) == here
    assert resolve(stage) == resolved


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("collect", "NIGHTJAR_BATCH_OBJECTS", "5000"),
        ("validate", "NIGHTJAR_FRAMES_PER_SECOND", "1.0"),
        ("detect", "NIGHTJAR_DETECT_BACKEND", "litert"),
        ("detect", "NIGHTJAR_MODEL_DIR", None),  # the image knows where its model is
        ("notify", "SENDGRID_API_URL", "https://api.sendgrid.com"),
    ],
)
def test_defaults_are_pinned(stage: str, name: str, value: str | None) -> None:
    assert resolve(stage).get(name) == value


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "")
    assert resolve("validate")["NIGHTJAR_LONG_SIDE"] == "1280"


def test_a_secret_is_never_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "SG.secret-of-thirty-two-characters"
    names = ("SENDGRID_API_KEY", "CHANNELS_URLS", "CHANNELS_LINK_KEY")
    for name in names:
        monkeypatch.setenv(name, secret)
    assert load(SendGridSettings).api_key == SecretStr(secret)
    resolved: dict[str, Any] = {stage: resolve(stage) for stage in STAGES}
    assert secret not in str(resolved)
    assert not {*names} & resolved["notify"].keys()


SECRET_WORDS = ("key", "secret", "token", "password")


KINDS = list(dict.fromkeys(kind for kinds in SETTINGS.values() for kind in kinds))  # in order, for every worker


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_field_that_sounds_secret_is_typed_so(kind: type[Settings]) -> None:
    sounding = {n: f for n, f in kind.model_fields.items() if any(word in n for word in SECRET_WORDS)}
    assert all("SecretStr" in str(field.annotation) for field in sounding.values()), sounding


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("validate", "NIGHTJAR_LONG_SIDE", "63"),
        ("detect", "NIGHTJAR_MIN_PROBABILITY", "much"),
        ("notify", "SENDGRID_API_URL", "ftp://x"),
        ("notify", "SENDGRID_API_URL", "https://api.example.com:99999"),
        ("notify", "SENDGRID_API_URL", "https://[::1"),
        ("notify", "SENDGRID_API_URL", "https://:443"),
        ("notify", "SENDGRID_API_URL", "https://api.example.com/v3"),
        ("notify", "SENDGRID_API_URL", "https://user:password@proxy.example.com"),
    ],
)
def test_a_wrong_value_is_named(stage: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name):
        resolve(stage)


def test_a_setting_of_another_stage_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "wrong")
    assert resolve("collect") and "NIGHTJAR_LONG_SIDE" in os.environ


def test_no_such_stage() -> None:
    with pytest.raises(UsageError, match="expected a stage"):
        resolve("reconcile")


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["NIGHTJAR_LONG_SIDE", "NIGHTJAR_BUCKET", "SENDGRID_API_KEY", "AWS_PROFILE", "PATH", "NIGHTJARS"],
        ["NIGHTJAR_OTHER", "NIGHTJAR_long_side"],  # settings are read whatever their case
        ["NIGHTJAR_S3_SERVICE_HOST", "NIGHTJAR_S3_SERVICE_PORT_HTTP", "NIGHTJAR_S3_PORT_8333_TCP_ADDR"],
        ["NIGHTJAR_S3_PORT"],
    ],
)
def test_settings_that_there_are_pass(names: list[str]) -> None:
    refuse_unknown(names, (StoreSettings,), {"NIGHTJAR_OTHER"})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["NIGHTJAR_MIN_PROBABILTY"], r"NIGHTJAR_MIN_PROBABILTY \(did you mean NIGHTJAR_MIN_PROBABILITY\?\)"),
        (["NIGHTJAR_QQQQ", "NIGHTJAR_XYZZY_42"], "NIGHTJAR_QQQQ.*, NIGHTJAR_XYZZY_42"),
        (["NIGHTJAR_STAGE_RESOURCES"], "NIGHTJAR_STAGE_RESOURCES"),  # of release 0.1
    ],
)
def test_a_name_that_is_no_setting_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_unknown(["NIGHTJAR_BUCKET", *names], (StoreSettings,))
