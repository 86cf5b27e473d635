"""Labels in words: near ones, several, and lists."""

import pytest

from nightjar.domain.labels import counted, listed, near_labels, plural
from nightjar.domain.near import near_names

COCO = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "bird", "cat", "dog", "sheep", "bear", "cell phone")


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("Person", ["person"]),
        ("persn", ["person"]),
        ("people", ["person"]),
        ("human", ["person"]),
        ("dogs", ["dog"]),
        ("bike", ["bicycle"]),
        ("motorbike", ["motorcycle"]),
        ("cellphone", ["cell phone"]),
        ("cell-phone", ["cell phone"]),
        ("vehicle", ["bus", "car", "truck"]),
        ("racoon", ["cat", "dog", "bear"]),  # what such a detector takes one for
        ("motobike", ["motorcycle"]),
        ("face", []),
        ("", []),
        ("x" * 100_000, []),
    ],
)
def test_near_labels(label: str, near: list[str]) -> None:
    assert near_labels(label, COCO) == near


def test_a_detector_that_sees_the_animal_is_asked_for_it() -> None:
    assert near_labels("racoon", (*COCO, "raccoon")) == ["raccoon"]


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert near_names("cat", {}) == []
    assert near_names("", {"": ("",)}) == [""]


@pytest.mark.parametrize(
    ("label", "several"),
    [
        ("person", "people"),
        ("Person", "People"),
        ("bus", "buses"),
        ("bench", "benches"),
        ("toothbrush", "toothbrushes"),
        ("sandwich", "sandwiches"),
        ("mouse", "mice"),
        ("knife", "knives"),
        ("sheep", "sheep"),
        ("skis", "skis"),
        ("wine glass", "wine glasses"),
        ("cell phone", "cell phones"),
        ("parking meter", "parking meters"),
        ("butterfly", "butterflies"),
        ("donkey", "donkeys"),
        ("y", "ys"),
        ("tv", "tvs"),
        ("class-7", "class-7"),
        ("", ""),
    ],
)
def test_several(label: str, several: str) -> None:
    assert plural(label) == several


@pytest.mark.parametrize(
    ("number", "label", "words"),
    [
        (1, "dog", "a dog"),
        (1, "elephant", "an elephant"),
        (1, "umbrella", "an umbrella"),
        (1, "orange", "an orange"),
        (1, "unicorn", "a unicorn"),
        (1, "scissors", "a pair of scissors"),
        (2, "scissors", "2 pairs of scissors"),
        (3, "person", "3 people"),
        (1234, "sheep", "1,234 sheep"),
    ],
)
def test_a_number_of_them(number: int, label: str, words: str) -> None:
    assert counted(number, label) == words


@pytest.mark.parametrize(("parts", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists(parts: list[str], text: str) -> None:
    assert listed(parts) == text
