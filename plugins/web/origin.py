"""Whether a request that changes something comes from a page of ours: a browser sends the cookie for any page. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_foreign(method: str, headers: Mapping[str, str], base_url: str | None = None) -> bool:
    """Whether the request changes something and was not sent by a page of this server.

    `headers` has lower-case names; `base_url` is the address under which people reach Airflow, where that is set.
    A browser names the page's relation (Sec-Fetch-Site) or at least its origin; without either, a cookie proves
    nothing. A bearer token does: no browser adds one by itself.
    """
    if method in SAFE_METHODS or (
        "cookie" not in headers and headers.get("authorization", "").lower()[:7] == "bearer "
    ):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")  # none: the person typed it
    return headers.get("origin", "null") not in _own(headers.get("host"), base_url)


def _own(host: str | None, base_url: str | None) -> set[str]:
    """The origins of this server. Behind a proxy that ends TLS we are asked by http, whatever the browser sees."""
    own = {f"{scheme}://{host}" for scheme in ("http", "https")} if host else set()
    if base_url:
        parts = urlsplit(base_url)
        own.add(f"{parts.scheme}://{parts.netloc}")
    return own
