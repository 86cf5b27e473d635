"""Documents that several programs change: read with their etag, and written only if nobody else was quicker."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightjar.errors import InputError
from nightjar.runtime.manifests import write_record
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore

D = TypeVar("D", bound=BaseModel)


def read_current(store: ObjectStore, key: str, kind: type[D]) -> tuple[D, str] | None:
    """The document at `key` and its etag; None when there is none. Raises InputError for one that is not a `kind`."""
    try:
        data, info = store.get(key)
    except ObjectMissingError:
        return None
    try:
        return kind.model_validate_json(data), info.etag
    except ValidationError as error:
        raise InputError(f"expected a {kind.__name__} at {key!r}: {error.errors()[0]['msg']}") from None


def replace_current(store: ObjectStore, key: str, document: BaseModel, etag: str | None) -> bool:
    """Write `document` if the object still is the one with `etag`, or still absent; False when it is not."""
    try:
        write_record(store, key, document, if_absent=etag is None, if_match=etag)
    except (ObjectExistsError, ObjectChangedError):
        return False
    return True
