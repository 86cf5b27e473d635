"""The digest of an image tag, asked of its registry by the OCI distribution API, as whoever pulls the image asks it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests, and for logins
https://distribution.github.io/distribution/spec/auth/token/. Needs httpx, which comes with Airflow.
"""

import base64
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import httpx

from nightjar.errors import TryAgainError, UsageError

# Of one image and of an index of several platforms: a pull by tag gets the first of them that is there.
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_LARGEST_MANIFEST = 4 << 20  # bytes, as registries bound them
_REDIRECTS = 3
_DOCKER_HUB = ("docker.io", "index.docker.io")


class ImageAbsentError(UsageError):
    """The registry says that it has no image of this tag."""


class DigestUnknownError(TryAgainError):
    """The registry did not tell: it cannot be reached, wants another login, is slow or broken. The message says why."""


@dataclass(frozen=True)
class Login:
    """Name and password for one registry."""

    user: str
    password: str

    def header(self) -> str:
        """The value of the header Authorization."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def logins(path: Path | None) -> dict[str, Login]:
    """The logins in a docker config file, by registry; none without a file.

    Credential helpers are not called. Raises UsageError, which shows no secret, for a file that is none.
    """
    if path is None:
        return {}
    try:
        entries = json.loads(path.read_text("utf-8"))["auths"]
        return {
            _host(name): _login(entry) for name, entry in entries.items() if entry.get("auth") or "username" in entry
        }
    except OSError as error:
        raise UsageError(f"expected a docker config file at {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f'expected a docker config file at {path}: JSON like {{"auths": {{"<registry>": {{"auth": …}}}}}}'
        ) from None


class Registries:
    """A client of the registries that images are named by. `seconds` bound all that is asked of it together."""

    def __init__(
        self, logins: Mapping[str, Login], seconds: float, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._logins = logins
        self._until = time.monotonic() + seconds
        self._client = httpx.Client(timeout=seconds, transport=transport)
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def digest(self, image: str) -> str:
        """The digest (`sha256:…`) of `<registry>/<path>:<tag>`.

        Raises ImageAbsentError when the registry has no such image, and DigestUnknownError when it does not tell.
        """
        host, _, rest = image.partition("/")
        repository, _, tag = rest.rpartition(":")
        url = f"{_base(host)}/v2/{repository}/manifests/{tag}"
        answer = self._ask("HEAD", url, host, repository, image)
        digest = str(answer.headers.get("Docker-Content-Digest", ""))
        if answer.status == httpx.codes.OK and not digest:
            answer = self._ask("GET", url, host, repository, image)
            digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if answer.status != httpx.codes.OK:
            raise DigestUnknownError(f"{host} answered {answer.status} about {image}")
        if not _DIGEST.fullmatch(digest):
            raise DigestUnknownError(f"{host} answered about {image} with a digest that is none: {digest[:80]!r}")
        return digest

    def _ask(self, method: str, url: str, host: str, repository: str, image: str) -> "_Answer":
        scope = f"{host}/{repository}"
        answer = self._send(method, url, self._tokens.get(scope), host)
        has_login = host in self._logins
        asked_for_login = answer.status == httpx.codes.UNAUTHORIZED
        if asked_for_login:
            self._tokens[scope] = self._authorization(answer.headers.get("WWW-Authenticate", ""), host, repository)
            answer = self._send(method, url, self._tokens[scope], host)
        # To whom may not see them, registries also say that there are no such images.
        if answer.status == httpx.codes.NOT_FOUND and (has_login or scope not in self._tokens):
            raise ImageAbsentError(f"expected the image {image}, its registry has none of this tag")
        return answer

    def _authorization(self, challenge: str, host: str, repository: str) -> str:
        """The header Authorization that a registry asks for by `challenge`."""
        kind, _, rest = challenge.partition(" ")
        login = self._logins.get(host)
        if kind.lower() == "basic":
            if login is None:
                raise DigestUnknownError(f"{host} wants a login, and NIGHTJAR_REGISTRY_CONFIG has none for it")
            return login.header()
        values = dict(_PARAMETER.findall(rest))
        realm = values.get("realm", "")
        # The login goes where the registry says, but never in the clear, and to no other machine than loopback by http.
        if kind.lower() != "bearer" or not (realm.startswith("https://") or _is_own_machine(httpx.URL(realm).host)):
            raise DigestUnknownError(f"{host} asks for a login in a way that is not known: {challenge[:80]!r}")
        query = {key: values[key] for key in ("service", "scope") if key in values}
        query.setdefault("scope", f"repository:{repository}:pull")
        answer = self._send("GET", realm, login.header() if login else None, host, query)
        try:
            body: Any = json.loads(answer.body) if answer.status == httpx.codes.OK else {}
            token = str(body.get("token") or body["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise DigestUnknownError(
                f"{host} gave no token for {repository} ({answer.status})"
                f"{'' if login else '; NIGHTJAR_REGISTRY_CONFIG has no login for it'}"
            ) from None
        return f"Bearer {token}"

    def _send(
        self, method: str, url: str, authorization: str | None, host: str, query: Mapping[str, str] | None = None
    ) -> "_Answer":
        headers = {"Accept": _KINDS} | ({"Authorization": authorization} if authorization else {})
        try:
            for _ in range(_REDIRECTS):
                left = self._until - time.monotonic()
                if left <= 0:
                    raise DigestUnknownError(f"{host} is too slow")
                with self._client.stream(method, url, params=query, headers=headers, timeout=left) as answer:
                    body = _body(answer, self._until, host)
                if not answer.has_redirect_location:
                    return _Answer(answer.status_code, answer.headers, body)
                url, query = str(httpx.URL(url).join(answer.headers["location"])), None
                headers.pop("Authorization", None)  # for whom it was given, and nobody else
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DigestUnknownError(f"{host} did not answer: {type(error).__name__} {error}") from None
        raise DigestUnknownError(f"{host} redirects again and again")


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


def _body(answer: httpx.Response, until: float, host: str) -> bytes:
    """The body, which is small and there within the time that is left."""
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > _LARGEST_MANIFEST or time.monotonic() > until:
            raise DigestUnknownError(f"{host} answers with more than a manifest, or too slowly")
    return bytes(body)


def _login(entry: Mapping[str, str]) -> Login:
    if entry.get("auth"):
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        return Login(user, password)
    return Login(str(entry["username"]), str(entry["password"]))


def _host(name: str) -> str:
    """The host in a key of a docker config file, which may be a URL with a path."""
    host = name.partition("://")[2] or name
    host = host.partition("/")[0]
    return _DOCKER_HUB[0] if host in _DOCKER_HUB else host


def _base(host: str) -> str:
    """The address of a registry's API; without TLS for one on this machine alone, as docker has it."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    if host in _DOCKER_HUB:
        return "https://registry-1.docker.io"
    return f"{'http' if _is_own_machine(name) else 'https'}://{host}"


def _is_own_machine(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
