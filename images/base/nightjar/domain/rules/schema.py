"""The keys that may stand at each place of a rules file, from the classes that read it."""

import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nightjar.domain.near import near_names
from nightjar.domain.rules.file import Rules
from nightjar.domain.rules.mistakes import Place


def near_keys(place: Place) -> list[str]:
    """Keys that a person may have meant by the last step of `place`, among those that may stand there."""
    kind = model_at(place[:-1])
    keys = {key: (key, key.removesuffix("_seconds")) for key in keys_of(kind)} if kind else {}
    return near_names(str(place[-1]), keys)


def keys_of(kind: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a mapping that `kind` reads, as they are written."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def model_at(place: Place) -> type[BaseModel] | None:
    """The class that reads the mapping at `place`; None where there is none with fixed keys."""
    kind: type[BaseModel] | None = Rules
    waiting: type[BaseModel] | None = None
    for step in place:
        if kind is None:
            # Below a mapping or list of models: its name or number.
            kind = waiting
            waiting = None
            continue
        field = keys_of(kind).get(str(step))
        inside = next(models_in(field.annotation), None) if field else None
        is_many = field is not None and _is_many(field.annotation)
        kind, waiting = (None, inside) if is_many else (inside, None)
    return kind


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Every model in a type, such as Rule in dict[int, Rule]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_in(part)


def _is_many(annotation: object) -> bool:
    kinds = (annotation, *typing.get_args(annotation))
    return any(typing.get_origin(kind) in (dict, tuple) for kind in kinds)
