"""Areas that a person draws: the YAML has the same polygons, and what the rules would refuse is told by shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.errors import InputError
from nightjar.queries.drawn_areas import Drawn, Shape, drawn, shapes_from, shapes_in_force
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH

RULES = """\
rules:
  200: {name: intruder, unsafe: [person], min_probability: 60%, areas: [yard], not_areas: [street]}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    rules: [200]
    devices:
      porch:
"""
IN_FORCE = parse_rules(
    f"{RULES}        areas: {{yard: [[0, 0.5], [1, 0.5], [1, 1], [0.00001, 1]],\n"
    "                street: [[0, 0], [0.4, 0], [0, 0.5]]}\n"
    "        masks: [[[0.8, 0], [1, 0], [1, 0.3333333333333333]]]\n".encode()
).device(PORCH)


def from_address(*texts: str) -> Drawn:
    return drawn(PORCH, shapes_from(texts, IN_FORCE), IN_FORCE)


def test_the_shapes_in_force_come_back_as_they_were() -> None:
    assert IN_FORCE is not None
    result = from_address("area*yard", "area*street", "mask*0")
    assert result.yaml.splitlines() == [
        "areas:",
        "  yard: [[0, 0.5], [1, 0.5], [1, 1], [0.00001, 1]]",
        "  street: [[0, 0], [0.4, 0], [0, 0.5]]",
        "masks:",
        "  - [[0.8, 0], [1, 0], [1, 0.3333333333333333]]",
    ]
    assert result.problems == result.warnings == ()
    again = parse_rules(f"{RULES}{_indented(result.yaml)}".encode()).device(PORCH)
    assert again is not None
    assert (again.areas, again.masks) == (IN_FORCE.areas, IN_FORCE.masks)
    head = RULES.removesuffix("      porch:\n")
    in_braces = parse_rules(f"{head}      porch: {{allow_grey: true, {result.one_line}}}\n".encode()).device(PORCH)
    assert in_braces is not None
    assert (in_braces.areas, in_braces.masks) == (IN_FORCE.areas, IN_FORCE.masks)


def _indented(yaml: str) -> str:
    return "".join(f"        {line}\n" for line in yaml.splitlines())


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 500), st.integers(1, 500))
def test_a_drawn_polygon_is_the_one_in_the_rules(x: int, y: int, width: int, height: int) -> None:
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    text = "_".join(f"{a / 1000}-{b / 1000}" for a, b in corners)
    result = from_address(f"area*yard*{text}", "area*street")
    camera = parse_rules(f"{RULES}{_indented(result.yaml)}".encode()).device(PORCH)
    assert camera is not None
    assert camera.areas["yard"].corners == tuple((a / 1000, b / 1000) for a, b in corners)


@pytest.mark.parametrize(
    ("texts", "problems"),
    [
        ([], []),
        (["area*yard*0-0_1-1_1-0_0-1"], [(0, "expected edges that do not cross")]),
        (["area*yard", "area*b*0-0_1-0"], [(1, "expected 3 to 100 different corners, got 2")]),
        (["mask**", "area*yard"], [(0, "expected 3 to 100 different corners, got 0")]),
        (["area*yard*0-0_2-0_1-1"], [(0, "expected a share from 0 to 1")]),
        (["area*x y*0-0_1-0_1-1"], [(0, "expected a name of 1 to 64")]),
        (["area*<script>*0-0_1-0_1-1"], [(0, "expected a name of 1 to 64")]),
        (['area*"\\\u202e\U0001f426*0-0_1-0_1-1'], [(0, "expected a name of 1 to 64")]),
        (["area**0-0_1-0_1-1"], [(0, "expected a name of 1 to 64")]),
        (["area*no*0-0_1-0_1-1", "area*no*0-0_1-0_0-1"], [(1, "given twice")]),
        (["area*1*0-0_1-0_1-1", "area*null*0-0_1-0_1-1", "area*_*0-0_1-0_1-1"], []),
    ],
)
def test_problems_by_shape(texts: list[str], problems: list[tuple[int, str]]) -> None:
    found = from_address(*texts).problems
    assert [number for number, _ in found] == [number for number, _ in problems]
    assert all(sentence.startswith(start) for (_, sentence), (_, start) in zip(found, problems, strict=True))
    assert not any("users." in sentence or "line" in sentence.split() for _, sentence in found)


@pytest.mark.parametrize(
    ("texts", "warnings"),
    [
        (["area*yard"], [(None, "rule 200 (intruder) names the area street, which is not drawn")]),
        (
            ["mask**0-0_0.01-0_0-0.01", "area*street", "area*yard*0-0_0.04-0_0-0.04"],
            [
                (2, "takes 0.08% of the picture: hardly anything will ever stand in it"),
                (0, "takes 0.01% of the picture: hardly anything will ever stand in it"),
            ],
        ),
    ],
)
def test_warnings(texts: list[str], warnings: list[tuple[int | None, str]]) -> None:
    result = from_address(*texts)
    assert result.problems == ()
    assert sorted(result.warnings, key=str) == sorted(warnings, key=str)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "area",
        "circle*a*0-0",
        "area*a*0-0_",
        "area*a*1e3-0",
        "area*a*-1-0",
        "area*a*0,0",
        "mask*9",
        "mask*٣",
        "area*gone",
    ],
)
def test_texts_that_are_no_shape(text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        shapes_from([text], IN_FORCE)


def test_bounds() -> None:
    with pytest.raises(InputError, match="at most 200"):
        shapes_from(["mask**0-0"] * 201, None)
    with pytest.raises(InputError, match="at most 2000 corners"):
        shapes_from([f"mask**{'_'.join(['0-0'] * 101)}"] * 20, None)


@pytest.mark.parametrize(
    ("texts", "yaml", "one_line"),
    [
        ([], "", ""),
        (["mask**0-0_1-0_1-1"], "masks:\n  - [[0, 0], [1, 0], [1, 1]]\n", "masks: [[[0, 0], [1, 0], [1, 1]]]"),
        (
            ["area*a*0-0_1-0_1-1"],
            "areas:\n  a: [[0, 0], [1, 0], [1, 1]]\n",
            "areas: {a: [[0, 0], [1, 0], [1, 1]]}",
        ),
    ],
)
def test_only_areas_only_masks_and_neither(texts: list[str], yaml: str, one_line: str) -> None:
    result = from_address(*texts)
    assert (result.yaml, result.one_line) == (yaml, one_line)


def test_a_camera_that_the_rules_do_not_know() -> None:
    assert shapes_in_force(None) == []
    assert drawn(PORCH, [Shape("a", (("0", "0"), ("1", "0"), ("1", "1")))], None).problems == ()
