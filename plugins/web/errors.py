"""How a page says no: the one tree of errors that end a request with a page of their own.

    PageError
    ├── BadRequest        400   a parameter, or the body, is not what it should be
    ├── NotLoggedIn       401   nobody is logged in
    ├── Forbidden         403   the person may not, or a foreign page asked
    ├── NotFound          404   there is no such page, or nothing to show on it
    ├── MethodRefused     405   the page is not for this method of HTTP
    ├── TooLarge          413   the body is over its bound
    ├── TooMany           429   asked too often, or too much at once
    └── Unavailable       503   the bucket does not answer

Each carries a title and one sentence for people; neither ever repeats another error's message.
"""

from collections.abc import Mapping
from typing import ClassVar


class PageError(Exception):
    """Ends a request with a page that has `title` and the sentence; `headers` are added to it."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.headers = dict(headers or {})


class BadRequest(PageError):  # noqa: N818, as HTTP names it, like its siblings
    """A parameter or the body is wrong; the sentence says what was expected and what came."""

    status = 400
    title = "That cannot be shown"


class NotLoggedIn(PageError):  # noqa: N818
    """Nobody is logged in, or not any more."""

    status = 401
    title = "Please log in"


class Forbidden(PageError):  # noqa: N818
    """The person may not, or the request came from a foreign page."""

    status = 403
    title = "Not allowed"


class NotFound(PageError):  # noqa: N818
    """There is no such page, or nothing to show on it."""

    status = 404
    title = "Nothing here"


class MethodRefused(PageError):  # noqa: N818
    """The page exists, but not for this method of HTTP."""

    status = 405
    title = "That cannot be done here"


class TooLarge(PageError):  # noqa: N818
    """The body is over the bound of its page."""

    status = 413
    title = "Too large"


class TooMany(PageError):  # noqa: N818
    """Asked too often, or too much at once; `Retry-After` says when to ask again."""

    status = 429
    title = "One moment, please"

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence, {"Retry-After": str(max(1, seconds))})


class Unavailable(PageError):  # noqa: N818
    """Something that the page needs does not answer."""

    status = 503
    title = "Not available just now"
