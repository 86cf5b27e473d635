"""Cameras by the names that people use."""

import pytest

from nightjar.domain.places import place


@pytest.mark.parametrize(
    ("device", "site", "words"),
    [
        ("store", "shop", "Store, shop"),
        ("store", None, "Store"),
        ("store", "", "Store"),
        ("store", "Store", "Store"),
        ("front_door", "home", "Front door, home"),
        ("front__door_", None, "Front  door"),
        ("NorthGate", "Hof", "NorthGate, Hof"),
        ("3", None, "3"),
        ("_", None, "_"),
        ("cam1", "12 High St.", "Cam1, 12 High St."),
    ],
)
def test_a_place_in_words(device: str, site: str | None, words: str) -> None:
    assert place(device, site) == words
