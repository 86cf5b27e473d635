"""S3Store on the wire and from a wrong environment: what a good server does not answer on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nightjar.errors import NightjarError, TryAgainError, UsageError
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectUnreadableError,
)
from nightjar_local.chaos.plan import S3Spoil
from nightjar_local.chaos.s3_proxy import S3Proxy


@contextmanager
def answering(status: int, code: str) -> Iterator[str]:
    """A server that answers every PUT with this error; its address."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # or boto waits a second for `100 Continue` before it sends the body

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "if_absent", "if_match", "expected"),
    [
        pytest.param(412, "PreconditionFailed", True, None, ObjectExistsError, id="taken"),
        pytest.param(412, "PreconditionFailed", False, '"1"', ObjectChangedError, id="changed"),
        pytest.param(404, "NoSuchKey", False, '"1"', ObjectChangedError, id="gone"),
        pytest.param(409, "ConditionalRequestConflict", True, None, TryAgainError, id="an earlier try is under way"),
        pytest.param(409, "ConditionalRequestConflict", False, '"1"', TryAgainError, id="another write is under way"),
    ],
)
@pytest.mark.usefixtures("s3_settings")  # for credentials
def test_what_a_conditional_write_that_failed_says(
    status: int, code: str, if_absent: bool, if_match: str | None, expected: type[NightjarError]
) -> None:
    with answering(status, code) as address:
        store = S3Store(StoreSettings(bucket="bucket", s3_endpoint=address))
        with pytest.raises(expected, match=code):
            store.put("a", b"x", if_absent=if_absent, if_match=if_match)


@pytest.mark.parametrize(
    "environment",
    [
        {"NIGHTJAR_S3_ENDPOINT": "localhost:8333"},
        {"NIGHTJAR_S3_ENDPOINT": "http://a_b:80"},
        {"NIGHTJAR_S3_ENDPOINT": "http://[::1"},
        {"NIGHTJAR_S3_ENDPOINT": "http://host:99999"},
        {"NIGHTJAR_S3_ENDPOINT": "http://user:password@host:80"},
        {"NIGHTJAR_S3_ENDPOINT": "http://host:port"},
        {"NIGHTJAR_S3_ENDPOINT": "http://:80"},
        {"AWS_PROFILE": "no-such-profile"},
        {"AWS_DEFAULT_REGION": "no region"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("s3_settings")
def test_a_wrong_environment_is_wrong_usage(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError):
        S3Store(load(StoreSettings))


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8333", "https://s3.example.com", "http://[::1]:8333/", "http://minio"]
)
@pytest.mark.usefixtures("s3_settings")
def test_a_good_endpoint_is_taken(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_S3_ENDPOINT", endpoint)
    S3Store(load(StoreSettings))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("denied", "code", "status", "expected"),
    [
        pytest.param(["a/1", "a/2", "b/1"], "AccessDenied", 403, UsageError, id="every object is denied"),
        pytest.param(["a/1", "a/2", "b/1"], "InternalError", 500, TryAgainError, id="every object fails"),
        pytest.param(["a/1", "a/2"], "AccessDenied", 403, UsageError, id="every object of a folder is denied"),
        pytest.param(["a/1"], "SlowDown", 503, TryAgainError, id="too fast"),
        pytest.param(["a/1"], "ThrottlingException", 400, TryAgainError, id="too fast for the keys"),
        pytest.param(["a/1"], "ExpiredToken", 400, TryAgainError, id="credentials that ended"),
        pytest.param(["a/1"], "MethodNotAllowed", 405, ObjectMissingError, id="a delete marker, by its version"),
    ],
)
def test_errors_that_concern_the_bucket_are_not_of_one_object(
    s3_settings: StoreSettings, denied: list[str], code: str, status: int, expected: type[NightjarError]
) -> None:
    with S3Proxy(int(str(s3_settings.s3_endpoint).rsplit(":", 1)[1])) as proxy:
        store = S3Store(s3_settings.model_copy(update={"s3_endpoint": proxy.url}))
        for key in ("a/1", "a/2", "b/1"):
            store.put(key, b"x")
        for key in denied:
            proxy.make_unreadable(key, code, status)
        with pytest.raises(expected) as raised:
            store.get("a/1")
        assert not isinstance(raised.value, ObjectUnreadableError)


def test_a_body_that_is_cut_once_is_read_again(s3_settings: StoreSettings) -> None:
    with S3Proxy(int(str(s3_settings.s3_endpoint).rsplit(":", 1)[1])) as proxy:
        store = S3Store(s3_settings.model_copy(update={"s3_endpoint": proxy.url}))
        store.put("a/1", b"whole content")
        proxy.spoil(S3Spoil.CUT, 1)
        assert store.get("a/1")[0] == b"whole content"
