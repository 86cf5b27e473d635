"""S3Store on the wire and from a wrong environment: what a good server does not answer on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nightjar.errors import NightjarError, TryAgainError, UsageError
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError


@contextmanager
def answering(status: int, code: str) -> Iterator[str]:
    """A server that answers every PUT with this error; its address."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
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
