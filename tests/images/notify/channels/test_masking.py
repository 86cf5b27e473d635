"""The parts of a channel's URL that may be secret are hidden, in whatever form they come back."""

import pytest

from nightjar_notify.channels.masking import Masking

URL = "slack://bot%2Fname:p%40ss-w0rd@TokenA123/TokenB456?key=qUeRy789&to=%2B15558675310"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("", ""),
        ("all is well", "all is well"),
        ("TokenA123 and tokena123", "*** and ***"),
        ("p@ss-w0rd p%40ss-w0rd", "*** ***"),
        ("bot/name bot%2Fname", "*** ***"),
        ("qUeRy789", "***"),
        ("+15558675310, 15558675310", "***, ***"),
        (
            '{"access_token": "abc", "refreshToken":"d e", "expires_in": 5}',
            '{"access_token": "***", "refreshToken":"***", "expires_in": 5}',
        ),
        ('{"dedup_key": "abc"}', '{"dedup_key": "abc"}'),
    ],
)
def test_text(text: str, hidden: str) -> None:
    assert Masking(URL).text(text) == hidden


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "https://hooks.slack.com/services/TokenA123/TokenB456?a=TokenA123",
            "https://hooks.slack.com/services/***/***",
        ),
        ("https://user:pass@hooks.slack.com:8443/x", "https://hooks.slack.com:8443/x"),
        ("https://hooks.slack.com/bot%2Fname/x", "https://hooks.slack.com/***/x"),
        ("https://hooks.slack.com/preTokenB456post/x", "https://hooks.slack.com/***/x"),
        ("https://tokena123.example.com/x", "https://***.example.com/x"),
        ("", "://"),
    ],
)
def test_address(address: str, shown: str) -> None:
    assert Masking(URL).address(address) == shown


def test_a_server_that_is_public_is_shown() -> None:
    masking = Masking("jsons://hooks.example.com/in/secretPart", ["hooks.example.com"])
    assert masking.address("https://hooks.example.com/in/secretPart") == "https://hooks.example.com/in/***"


@pytest.mark.parametrize("url", ["", "x", "x://", "x://[::1", "x:///a/b"])
def test_urls_without_anything_to_hide(url: str) -> None:
    assert Masking(url).text("a short word") == "a short word"
