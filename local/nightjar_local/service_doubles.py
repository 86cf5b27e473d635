"""The services behind channels, on loopback: they refuse what the real ones refuse, and keep all that they were sent.

    with ServiceDoubles(folder) as doubles:
        os.environ.update(doubles.environment)      # everything over HTTPS comes here
        …                                           # send to events.pagerduty.com
        doubles.taken[0].host == "events.pagerduty.com"

Services at fixed addresses are reached as a company's proxy is: `HTTPS_PROXY` names the double, and `SSL_CERT_FILE` its
certificate. Webhooks and NRDP, whose addresses anybody chooses, are also at `doubles.url`.
"""

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nightjar_local.served import Served
from nightjar_local.service_answers import ANSWERS, Request, generic

_LARGEST = 20 << 20  # bytes of a request


@dataclass(frozen=True)
class Said:
    """An answer instead of the service's own, for a request that it would have taken; given after `seconds`.

    `hang_up` closes the connection without an answer.
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    hang_up: bool = False


class ServiceDoubles(Served):
    """The server, and proxy. `instead` are answers for the next good requests; `taken` holds those that were taken.

    `received` holds every request. Credentials that are right are in `nightjar_local.service_answers`.
    """

    def __init__(self, folder: Path) -> None:
        self.instead: list[Said] = []
        self.received: list[Request] = []
        self.taken: list[Request] = []
        self._lock = threading.Lock()
        self._certificate = folder / "services.pem"
        _write_certificate(self._certificate, ANSWERS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._stopping = threading.Event()
        super().__init__(_Server(("127.0.0.1", 0), _handler(self, context)))

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where webhooks and NRDP are."""
        return f"http://{self.address}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which HTTPS requests come here."""
        trusted = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(self._certificate))
        return {"HTTPS_PROXY": self.url, "NO_PROXY": "127.0.0.1", **trusted}

    def answer(self, request: Request) -> Said:
        """The service's answer, which is noted."""
        known: Callable[[Request], tuple[int, str, bool]] = ANSWERS.get(request.host, generic)
        status, body, good = known(request)
        with self._lock:
            self.received.append(request)
            if not good:
                return Said(status, body)
            if self.instead:
                return self.instead.pop(0)
            self.taken.append(request)
            return Said(status, body)

    def wait(self, seconds: float) -> None:
        """Wait before an answer, no longer than the doubles are up."""
        self._stopping.wait(seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        super().__exit__(kind, error, trace)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients hang up on purpose."""


def _handler(doubles: ServiceDoubles, context: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        tunnel = ""

        def do_CONNECT(self) -> None:
            """As a proxy: what follows is for the host that is named, whose certificate we show."""
            self.tunnel = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            self.close_connection = False

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LARGEST))
            host = self.tunnel or self.headers.get("Host", "")
            said = doubles.answer(Request(host, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            doubles.wait(said.seconds)
            if said.hang_up:
                self.close_connection = True
                return
            data = said.body.encode()
            self.send_response(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def finish(self) -> None:
            """Close the tunnel's socket as well."""
            super().finish()
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: the test looks at `received`."""

    return Handler


def _write_certificate(path: Path, hosts: Mapping[str, object]) -> None:
    """A certificate for `hosts` and its key, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nightjar's doubles")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.touch(mode=0o600)
    path.write_bytes(secret + certificate.public_bytes(pem))
