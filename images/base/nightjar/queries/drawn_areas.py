"""Areas and masks that a person draws on a picture, as the rules file has them, checked as rules are checked.

A shape is written so that it needs no escaping in an address, and so that a camera with many areas fits into one:

    area*yard                            the area as it is in force
    area*yard*0-0.5_1-0.5_1-1            its corners, x-y, as fractions of the picture
    mask*0                               the first of the masks in force
    mask**0.8-0_1-0_1-0.2                the corners of a mask
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules
from nightjar.errors import InputError
from nightjar.runtime.rules import check_rules

MOST_SHAPES, MOST_CORNERS = 200, 2_000
SMALL = 0.001  # share of the picture below which an area is hardly ever hit
_CORNER = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,18})?)-([0-9]{1,3}(?:\.[0-9]{1,18})?)", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_PLACE = re.compile(r"^users\..*?: (?=expected|given)|, first in line [0-9]+$", re.ASCII)
_EXPECTED = "expected a shape like area*yard*0-0.5_1-0.5_1-1 or mask**0-0_0.3-0_0-0.3"


@dataclass(frozen=True)
class Shape:
    """An area, or a mask (whose `name` is empty). `corners` are x and y as they are written."""

    name: str
    corners: tuple[tuple[str, str], ...]
    is_mask: bool = False


@dataclass(frozen=True)
class Drawn:
    """The YAML of shapes, and what is wrong with them: by the number of the shape, and None for all together.

    `one_line` is the same YAML for a device that is written in braces, where lines of their own cannot stand. With
    `problems` the rules would be refused; `warnings` say what may not do what it seems to.
    """

    yaml: str
    one_line: str
    problems: tuple[tuple[int | None, str], ...]
    warnings: tuple[tuple[int | None, str], ...]


def shapes_in_force(rules: CameraRules | None) -> list[Shape]:
    """The areas and masks of a camera; none for one that the rules do not know."""
    if rules is None:
        return []
    areas = [(name, polygon, False) for name, polygon in rules.areas.items()]
    return [
        Shape(name, tuple((_number(x), _number(y)) for x, y in polygon.corners), is_mask)
        for name, polygon, is_mask in (*areas, *(("", mask, True) for mask in rules.masks))
    ]


def shapes_from(texts: Sequence[str], rules: CameraRules | None) -> list[Shape]:
    """The shapes that an address names. Raises InputError for a text that is none."""
    if len(texts) > MOST_SHAPES:
        raise InputError(f"expected at most {MOST_SHAPES} areas and masks, got {len(texts)}")
    in_force = shapes_in_force(rules)
    shapes = [_shape(text, in_force) for text in texts]
    if (corners := sum(len(shape.corners) for shape in shapes)) > MOST_CORNERS:
        raise InputError(f"expected at most {MOST_CORNERS} corners in all, got {corners}")
    return shapes


def drawn(camera: Camera, shapes: Sequence[Shape], rules: CameraRules | None) -> Drawn:
    """The shapes as YAML, and what the check of rules says of them."""
    lines, numbers = _lines(shapes)
    head = [
        "users:",
        f"  {camera.user}:",
        "    email: someone@example.com",
        "    timezone: UTC",
        "    devices:",
        f"      {camera.device}:",
        "        allow_grey: false",  # so that there is a device, whatever follows
    ]
    text = "\n".join([*head, *(f"        {line}" for line in lines), ""])
    checked = check_rules(text.encode())
    problems = [(numbers.get(p.line - len(head)), _PLACE.sub("", p.message)) for p in checked.problems]
    device = checked.rules.device(camera) if checked.rules else None
    polygons = [*device.areas.values(), *device.masks] if device else []
    order = [*(n for n, s in enumerate(shapes) if not s.is_mask), *(n for n, s in enumerate(shapes) if s.is_mask)]
    small: list[tuple[int | None, str]] = [
        (n, f"takes {polygon.share:.2%} of the picture: hardly anything will ever stand in it")
        for n, polygon in zip(order, polygons, strict=False)
        if polygon.share < SMALL
    ]
    text = "".join(f"{line}\n" for line in lines)
    return Drawn(text, _one_line(shapes), tuple(problems), (*small, *_missing(shapes, rules)))


def _shape(text: str, in_force: Sequence[Shape]) -> Shape:
    kind, name, corners = (*text.split("*", 2), None, None)[:3]
    if kind not in ("area", "mask") or name is None:
        raise InputError(f"{_EXPECTED}, got {text!r:.120}")
    if corners is not None:
        found = [_CORNER.fullmatch(each) for each in corners.split("_")] if corners else []
        if None in found:
            raise InputError(f"{_EXPECTED}, got {text!r:.120}")
        return Shape(name if kind == "area" else "", tuple((m[1], m[2]) for m in found if m), kind == "mask")
    masks = [shape for shape in in_force if shape.is_mask]
    if kind == "mask" and name.isascii() and name.isdigit() and len(name) < 4 and int(name) < len(masks):
        return masks[int(name)]
    for shape in in_force:
        if kind == "area" and not shape.is_mask and shape.name == name:
            return shape
    raise InputError(f"expected {kind} {name!r:.80} among those in force: the rules have changed, reload the page")


def _lines(shapes: Sequence[Shape]) -> tuple[list[str], dict[int, int]]:
    """The lines of YAML, and which shape is in which line, counted from 1."""
    lines, numbers = list[str](), dict[int, int]()
    for key, is_mask in (("areas:", False), ("masks:", True)):
        mine = [(number, shape) for number, shape in enumerate(shapes) if shape.is_mask is is_mask]
        if mine:
            lines.append(key)
        for number, shape in mine:
            lines.append(f"  - {_corners(shape)}" if is_mask else f"  {_key(shape.name)}: {_corners(shape)}")
            numbers[len(lines)] = number
    return lines, numbers


def _one_line(shapes: Sequence[Shape]) -> str:
    areas = [f"{_key(shape.name)}: {_corners(shape)}" for shape in shapes if not shape.is_mask]
    masks = [_corners(shape) for shape in shapes if shape.is_mask]
    parts = [f"areas: {{{', '.join(areas)}}}"] if areas else []
    return ", ".join([*parts, f"masks: [{', '.join(masks)}]"] if masks else parts)


def _corners(shape: Shape) -> str:
    return f"[{', '.join(f'[{x}, {y}]' for x, y in shape.corners)}]"


def _key(name: str) -> str:
    """A name that rules may have as it is; any other in quotes, for the check to refuse."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _missing(shapes: Iterable[Shape], rules: CameraRules | None) -> Iterator[tuple[None, str]]:
    """Areas that the camera's rules name and that are not drawn."""
    names = {shape.name for shape in shapes if not shape.is_mask}
    for number, rule in rules.rules.items() if rules else ():
        for area in (*rule.areas, *rule.not_areas):
            if area not in names:
                yield None, f"rule {number} ({rule.name}) names the area {area}, which is not drawn"


def _number(value: float) -> str:
    """The shortest decimal number that is `value`, never with an exponent."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
