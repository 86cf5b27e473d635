"""Areas as a rules file has them: lists of corners."""

from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from nightjar.domain.areas import Point, Polygon, PolygonError
from nightjar.domain.probability import share_from
from nightjar.domain.rules.mistakes import mistake

_EXPECTED = "expected a list of at least 3 corners [x, y]"


def _polygon(value: object) -> Polygon:
    if isinstance(value, Polygon):
        return value
    if not isinstance(value, list | tuple):
        raise ValueError(f"{_EXPECTED}, got {'nothing' if value is None else format(repr(value), '.80')}")
    corners = [_corner(corner, n) for n, corner in enumerate(value)]
    try:
        return Polygon.of(corners)
    except PolygonError as error:
        raise mistake(str(error), *(() if error.corner is None else (error.corner,))) from None


def _corner(value: object, number: int) -> Point:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise mistake(f"expected a corner [x, y], got {value!r:.80}", number)
    x, y = (_fraction(each, number, n) for n, each in enumerate(value))
    return x, y


def _fraction(value: object, *place: int) -> float:
    try:
        return share_from(value)
    except ValueError as error:
        raise mistake(str(error).replace("0.02 or 2%", "0.25 or 25%"), *place) from None


Area = Annotated[
    InstanceOf[Polygon], BeforeValidator(_polygon), PlainSerializer(lambda p: [list(corner) for corner in p.corners])
]
