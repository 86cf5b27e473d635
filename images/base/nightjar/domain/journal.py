"""The journal of one camera's events: the one object by whose conditional write a transaction is committed."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, JsonValue

from nightjar.domain.model import Part, Stored


class Write(Part):
    """An object that a transaction writes: `body` at `key`, in place of the version with `etag`.

    Without an etag there must be no object yet.
    """

    key: str
    etag: str | None = None
    body: JsonValue


class Journal(Stored):
    """`journals/<user>-<device>.json`: how many transactions there were, and what the last one has still to write.

    Events that release 0.1 left are taken over day by day: `begun` is the day on which this journal began, later days
    hold none; `adopted` are the earlier days that have been looked through. `by_topic` is the day on which a release
    whose events have one label first changed the camera's events; None if none has yet. `newest_look` is when the
    newest picture was taken of which a look is kept, for objects that can be static.
    """

    user: str
    device: str
    number: int = 0
    pending: tuple[Write, ...] = ()
    begun: date
    adopted: tuple[date, ...] = ()
    by_topic: date | None = None
    newest_look: Annotated[datetime | None, Field(exclude_if=lambda moment: moment is None)] = None
