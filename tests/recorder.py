"""Records what programs ask of an S3 server: a proxy in front of it that notes every request."""

import re
import threading
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from nightjar_local.chaos.s3_proxy import S3Proxy


@dataclass(frozen=True)
class Request:
    """One request: `sent` and `received` are bytes of bodies, as the client sees them."""

    method: str
    path: str
    sent: int
    received: int

    @property
    def folder(self) -> str:
        """The top folder of the bucket that it is about; empty for one about the bucket as a whole."""
        parts = urlsplit(self.path)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        key = key or parse_qs(parts.query).get("prefix", [""])[0]
        return key.partition("/")[0]

    @property
    def is_write(self) -> bool:
        """Whether it changes something; a POST with `delete` or `uploads` does too."""
        return self.method in ("PUT", "POST", "DELETE")

    @property
    def right(self) -> tuple[str, str, str | None]:
        """What S3 looks for in a policy: the action, the key (empty: the bucket), and the prefix of a list."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        version = "Version" if "versionId" in query else ""
        if not key and "versioning" in query:
            return "s3:GetBucketVersioning", "", None
        if not key:
            versions = "Versions" if "versions" in query else ""
            return f"s3:ListBucket{versions}", "", query.get("prefix", [""])[0]
        actions = {"GET": f"GetObject{version}", "HEAD": f"GetObject{version}", "DELETE": f"DeleteObject{version}"}
        return f"s3:{actions.get(self.method, 'PutObject')}", key, None


class Recorder(S3Proxy):
    """The proxy, and the requests since it was last asked for them. Safe to use from threads."""

    def __init__(self, target_port: int) -> None:
        self._requests: list[Request] = []
        self._recording = threading.Lock()
        super().__init__(target_port)

    def passed_on(self, method: str, path: str, sent: int, received: int) -> None:
        """Note a request that was answered."""
        with self._recording:
            self._requests.append(Request(method, path, sent, received))

    def take_requests(self) -> list[Request]:
        """The requests since the last call."""
        with self._recording:
            taken, self._requests = self._requests, []
            return taken


def folders(requests: list[Request], *, writes: bool) -> set[str]:
    """The top folders that were written, or read."""
    return {request.folder for request in requests if request.is_write is writes and request.folder}


def kinds(requests: list[Request]) -> Counter[str]:
    """How often which method asked for which kind of key, for a person who wonders where requests come from."""
    return Counter(f"{r.method} {re.sub(r'[0-9a-f]{8,}|[0-9]{2,}', '#', r.path)[:90]}" for r in requests)
