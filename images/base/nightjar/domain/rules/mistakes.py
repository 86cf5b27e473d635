"""Mistakes in a rules file, as pydantic carries them to whoever shows them."""

from collections.abc import Callable, Iterable

from pydantic_core import PydanticCustomError

from nightjar.domain.near import near_names

Place = tuple[str | int, ...]  # the keys and numbers that lead to a value
MISTAKE, MISTAKES = "mistake", "mistakes"  # pydantic's types of these errors
# Steps of pydantic's places that are in no file: which form of a value was read, or that a key is meant.
NO_STEPS = frozenset({"[key]", "[id]", "[group]", "[list]", "[each]", "[off]", "[on]"})


def mistake(
    sentence: str, *place: str | int, near: Callable[[], list[str]] | None = None, is_missing: bool = False
) -> PydanticCustomError:
    """An error of the value that is validated, or of `place` below it. `near` finds the names that may be meant.

    With `is_missing`, `place` is a key that is not there.
    """
    context = {"sentence": sentence, "place": place, "near": near, "is_missing": is_missing}
    return PydanticCustomError(MISTAKE, "{sentence}", context)


def near_among(name: object, known: Iterable[str]) -> Callable[[], list[str]]:
    """Finds the names among `known` that a person may have meant by `name`."""
    return lambda: near_names(str(name), {each: (each,) for each in known})
