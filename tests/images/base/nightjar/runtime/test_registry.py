"""Asking registries for digests, over a small real one: HTTP on loopback, with and without logins."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightjar.errors import UsageError
from nightjar.runtime.registry import DigestUnknownError, ImageAbsentError, Login, Registries, logins

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
LOGIN = Login("robot", "s3cret")


class SmallRegistry:
    """A registry with the image `nightjar/detect:1`. `wants` is the login that it asks for: none, basic or bearer.

    A bearer token is given to anybody, as registries do for public images, unless `private`; a token of nobody's sees
    no image then. `faults`: `no digest`, `bad digest`, `slow`, `broken`, `redirect` or `odd challenge`.
    """

    def __init__(self, wants: str = "", *, private: bool = False, faults: tuple[str, ...] = ()) -> None:
        self.wants, self.private, self.faults = wants, private, faults
        self.asked: list[tuple[str, str, str]] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def do_HEAD(self) -> None:
                registry.answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, http: BaseHTTPRequestHandler) -> None:
        path, _, query = http.path.partition("?")
        given = http.headers.get("Authorization", "")
        self.asked.append((http.command, path, given))
        if "slow" in self.faults:
            time.sleep(1)
        if "broken" in self.faults:
            return self.send(http, 503)
        if path == "/token":
            known = given == LOGIN.header()
            if self.private and given and not known:
                return self.send(http, 401)
            assert "service=registry" in query and "repository%3Anightjar%2Fdetect%3Apull" in query
            token = "of-robot" if known else "of-nobody"
            return self.send(http, 200, json.dumps({"token": token}).encode())
        if "redirect" in self.faults and path.startswith("/v2/"):
            return self.send(http, 307, location=f"/moved{path}")
        good = {"": True, "basic": given == LOGIN.header(), "bearer": given.startswith("Bearer of-")}[self.wants]
        if not good:
            realm = f'Bearer realm="http://{self.host}/token",service="registry"'
            challenge = {"basic": 'Basic realm="all"', "bearer": realm}[self.wants]
            return self.send(http, 401, challenge="Odd x" if "odd challenge" in self.faults else challenge)
        may = not self.private or given in ("Bearer of-robot", LOGIN.header())
        if path.removeprefix("/moved") != "/v2/nightjar/detect/manifests/1" or not may:
            return self.send(http, 404)
        digest = "none" if "bad digest" in self.faults else DIGEST
        return self.send(http, 200, MANIFEST, digest="" if "no digest" in self.faults else digest)

    @staticmethod
    def send(
        http: BaseHTTPRequestHandler,
        status: int,
        body: bytes = b"",
        *,
        digest: str = "",
        challenge: str = "",
        location: str = "",
    ) -> None:
        http.send_response(status)
        headers = {"Docker-Content-Digest": digest, "WWW-Authenticate": challenge, "Location": location}
        for name, value in headers.items():
            if value:
                http.send_header(name, value)
        http.send_header("Content-Length", str(len(body)))
        http.end_headers()
        if http.command != "HEAD":
            http.wfile.write(body)


@pytest.fixture
def start() -> Iterator[Any]:
    started: list[SmallRegistry] = []

    def begin(*arguments: Any, **named: Any) -> SmallRegistry:
        started.append(SmallRegistry(*arguments, **named))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


def ask(registry: SmallRegistry, login: Login | None = None, tag: str = "1", seconds: float = 10) -> str:
    with Registries({registry.host: login} if login else {}, seconds) as registries:
        return registries.digest(f"{registry.host}/nightjar/detect:{tag}")


@pytest.mark.parametrize(
    ("wants", "private", "login"),
    [("", False, None), ("basic", True, LOGIN), ("bearer", False, None), ("bearer", True, LOGIN)],
)
def test_a_digest_is_told(start: Any, wants: str, private: bool, login: Login | None) -> None:
    registry = start(wants, private=private)
    assert ask(registry, login) == DIGEST
    assert {method for method, path, _ in registry.asked if path.startswith("/v2/")} == {"HEAD"}


def test_without_the_header_it_is_that_of_the_manifest(start: Any) -> None:
    assert ask(start(faults=("no digest",))) == DIGEST


def test_a_redirect_is_followed_without_the_login(start: Any) -> None:
    registry = start("basic", faults=("redirect",))
    with pytest.raises(DigestUnknownError, match="answered 401"):
        ask(registry, LOGIN)
    assert ("HEAD", "/moved/v2/nightjar/detect/manifests/1", "") in registry.asked
    assert ask(start(faults=("redirect",))) == DIGEST


@pytest.mark.parametrize(("wants", "login"), [("", None), ("basic", LOGIN), ("bearer", LOGIN)])
def test_an_image_that_is_not_there(start: Any, wants: str, login: Login | None) -> None:
    registry = start(wants, private=bool(login))
    with pytest.raises(ImageAbsentError, match=f"the image {registry.host}/nightjar/detect:2, its registry has"):
        ask(registry, login, tag="2")


def test_to_somebody_without_a_login_absent_says_nothing(start: Any) -> None:
    with pytest.raises(DigestUnknownError, match="answered 404"):
        ask(start("bearer", private=True))


@pytest.mark.parametrize(
    ("wants", "faults", "login", "message"),
    [
        ("basic", (), None, "wants a login, and NIGHTJAR_REGISTRY_CONFIG has none for it"),
        ("bearer", (), Login("robot", "wrong"), "gave no token for nightjar/detect"),
        ("bearer", ("odd challenge",), None, "asks for a login in a way that is not known"),
        ("", ("broken",), None, "answered 503"),
        ("", ("bad digest",), None, "with a digest that is none: 'none'"),
    ],
)
def test_a_registry_that_does_not_tell(
    start: Any, wants: str, faults: tuple[str, ...], login: Login | None, message: str
) -> None:
    registry = start(wants, private=True, faults=faults) if wants else start(faults=faults)
    with pytest.raises(DigestUnknownError, match=message) as raised:
        ask(registry, login)
    assert "wrong" not in str(raised.value) and "s3cret" not in str(raised.value)


def test_a_slow_registry_is_left_in_time(start: Any) -> None:
    began = time.monotonic()
    with pytest.raises(DigestUnknownError, match=r"did not answer: ReadTimeout|too slow"):
        ask(start(faults=("slow",)), seconds=0.2)
    assert time.monotonic() - began < 0.9


def test_nobody_there() -> None:
    with Registries({}, 5) as registries, pytest.raises(DigestUnknownError, match="did not answer: ConnectError"):
        registries.digest("127.0.0.1:9/nightjar/detect:1")


def test_a_login_never_goes_in_the_clear_to_another_machine() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        challenge = 'Bearer realm="http://evil.example/token",service="x"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    transport = httpx.MockTransport(answer)
    with Registries({"r.example": LOGIN}, 5, transport=transport) as registries, pytest.raises(DigestUnknownError):
        registries.digest("r.example/nightjar/detect:1")
    assert asked == ["https://r.example/v2/nightjar/detect/manifests/1"]


def test_logins_are_read_as_docker_writes_them(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"robot:s3:cret").decode()
    config = {
        "auths": {
            "https://index.docker.io/v1/": {"auth": encoded},
            "registry.example.com": {"username": "erin", "password": "p"},
            "helper.example.com": {},
        }
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert logins(tmp_path / "config.json") == {
        "docker.io": Login("robot", "s3:cret"),
        "registry.example.com": Login("erin", "p"),
    }
    assert logins(None) == {}


@pytest.mark.parametrize("text", ["", "{}", '{"auths": 1}', '{"auths": {"a": {"auth": "%%%"}}}', '{"auths": {"a": 1}}'])
def test_a_file_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=r"expected a docker config file at .*: JSON like"):
        logins(tmp_path / "config.json")
    with pytest.raises(UsageError, match="No such file"):
        logins(tmp_path / "none.json")
