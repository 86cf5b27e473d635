"""Reading stored JSON documents."""

from typing import TypeVar

from pydantic import ValidationError

from nightjar.domain.model import Stored
from nightjar.errors import InputError

S = TypeVar("S", bound=Stored)


def parsed(kind: type[S], data: bytes, key: str) -> S:
    """The stored JSON `data` of the object at `key`; raises InputError for anything that is not a `kind`."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"expected a {kind.__name__} at {key!r}: {place}: {first['msg']}") from None
