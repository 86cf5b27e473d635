"""The last alerts of each user, for cool-downs and caps: `telling/<user>.json`, changed by conditional writes."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from nightjar.domain.policy import Telling
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore
from nightjar.stores.erasure import erase_versions

TELLING = "telling/"

_TRIES = 20
_LONGEST_PAUSE = 0.5  # seconds

T = TypeVar("T")


class Tellings:
    """Reads and changes what a user was told. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def change(self, user: str, work: Callable[[Telling], tuple[T, Telling]]) -> T:
        """Do `work`, which returns a result and the new state; the state is written if it has changed.

        `work` is done again when another task was quicker. Raises TryAgainError when others always are.
        """
        for attempt in range(_TRIES):
            telling, etag = self._read(user)
            result, changed = work(telling)
            if changed == telling:
                return result
            data = changed.model_dump_json(by_alias=True).encode() + b"\n"
            try:
                self._store.put(
                    _key(user), data, content_type="application/json", if_absent=etag is None, if_match=etag
                )
            except (ObjectChangedError, ObjectExistsError):
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 2**attempt)))  # noqa: S311 - no secret
                continue
            return result
        raise TryAgainError(f"what {user} was told was changed by other tasks {_TRIES} times in a row")

    def get(self, user: str) -> Telling:
        """The last alerts of the user. Raises InputError for an object of another form."""
        return self._read(user)[0]

    def erase(self, user: str) -> int:
        """Remove every version of what the user was told; how many versions those were."""
        return erase_versions(self._store, _key(user), lambda key: key == _key(user))

    def _read(self, user: str) -> tuple[Telling, str | None]:
        try:
            data, info = self._store.get(_key(user))
            return Telling.model_validate_json(data), info.etag
        except ObjectMissingError:
            return Telling(user=user), None
        except ValidationError as error:
            raise InputError(f"expected what {user} was told at {_key(user)!r}: {error}") from None


def _key(user: str) -> str:
    return f"{TELLING}{user}.json"
