"""Which requests may change something."""

import pytest

from plugins.web.origin import is_foreign

HOST = {"host": "airflow.example.com", "cookie": "_token=x"}
BASE = "https://nightjar.example.com:8443/airflow"


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": ""}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://airflow.example.com"}, True),  # it outranks the origin
        # A browser on a plain http address sends no Sec-Fetch-Site.
        ({"origin": "http://airflow.example.com"}, False),
        ({"origin": "https://airflow.example.com"}, False),  # TLS ends at a proxy
        ({"origin": "https://nightjar.example.com:8443"}, False),  # as people reach it
        ({"origin": "https://nightjar.example.com"}, True),
        ({"origin": "https://airflow.example.com.evil.example"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),  # a sandboxed frame
        ({"origin": ""}, True),
        ({}, True),  # neither: a cookie alone proves nothing
        ({"authorization": "Bearer x"}, True),  # beside a cookie
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ODD"])
def test_a_change(method: str, headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(method, {**HOST, **headers}, BASE) is foreign


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_is_free(method: str) -> None:
    assert not is_foreign(method, {**HOST, "sec-fetch-site": "cross-site"})


def test_a_token_is_no_browser() -> None:
    headers = {"host": "airflow.example.com", "authorization": "bearer x"}
    assert not is_foreign("POST", headers)
    assert is_foreign("POST", {**headers, "authorization": "Basic x"})


def test_without_a_host_nothing_is_ours() -> None:
    assert is_foreign("POST", {"origin": "http://None"})
