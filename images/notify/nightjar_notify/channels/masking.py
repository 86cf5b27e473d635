"""Text of outside services without the secrets of a channel's URL. Pure."""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
_LEAST = 4  # characters; shorter parts of a URL are no secret, and would hide half of every text
# Services answer with tokens of their own, such as those that a login gives.
_SECRET_FIELD = re.compile(
    r'("[^"]{0,40}?(?:token|secret|password|passwd|authorization|api_?key|session|credential)[^"]{0,40}"\s*:\s*)"[^"]*"',
    re.I,
)
_SEPARATORS = re.compile(r"[/?&=@:,;\s]+")


class Masking:
    """Hides what may be secret in a channel's URL wherever it turns up: everything in it but the scheme.

    `public` are parts of the URL that everybody may see, such as a server's name. As written, as it is unquoted or
    quoted again, and in any case of letters, a secret is hidden.
    """

    def __init__(self, url: str, public: Iterable[str] = ()) -> None:
        rest = url.partition("://")[2]
        shown = {each.lower() for each in public}
        parts = {form for part in _SEPARATORS.split(rest) for form in _forms(part)}
        parts |= {form for whole in _wholes(url) for form in _forms(whole)}
        self._secrets = sorted((p for p in parts if len(p) >= _LEAST and p.lower() not in shown), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._secrets)), re.I) if self._secrets else None

    def text(self, text: str) -> str:
        """`text` without secrets."""
        hidden = self._pattern.sub(HIDDEN, text) if self._pattern else text
        return _SECRET_FIELD.sub(rf'\1"{HIDDEN}"', hidden)

    def address(self, url: str) -> str:
        """Where a request went: scheme, server and path, each part of the path that holds a secret hidden whole."""
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
        path = "/".join(HIDDEN if self.text(unquote(each)) != unquote(each) else each for each in parts.path.split("/"))
        return f"{parts.scheme}://{self.text(host)}{path}"


def _wholes(url: str) -> Iterable[str]:
    """Parts that may hold separators: the password, the path."""
    try:
        parts = urlsplit(url)
        return [each for each in (parts.username, parts.password, parts.netloc, parts.path.strip("/")) if each]
    except ValueError:
        return []


def _forms(part: str) -> set[str]:
    plain = unquote(part)
    return {part, plain, quote(plain, safe=""), quote(plain), plain.lstrip("+")}
