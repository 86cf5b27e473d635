"""The rules of a camera: what replaces what, what is unknown, and labels that nobody can see."""

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH
from tests.scenes import DOOR, NIGHT, RULES

RULES_ = parse_rules(RULES.encode())


def rules(text: str = RULES) -> Rules:
    return parse_rules(text.encode())


@pytest.mark.parametrize(
    ("camera", "ids", "site", "grey"),
    [
        (PORCH, [100, 300], "home", False),
        (NIGHT, [200], None, False),
        (Camera("alice", "yard"), [300], None, True),
        (DOOR, [300], None, False),
    ],
)
def test_a_devices_settings_replace_the_users(camera: Camera, ids: list[int], site: str | None, grey: bool) -> None:
    found = RULES_.device(camera)
    assert found is not None
    assert (list(found.rules), found.site, found.allow_grey) == (ids, site, grey)


def test_a_devices_empty_list_replaces_too() -> None:
    found = rules(RULES.replace("rules: [200]}", "rules: []}")).device(NIGHT)
    assert found is not None
    assert found.rules == {}


@pytest.mark.parametrize("camera", [Camera("alice", "door"), Camera("carol", "porch"), Camera("Alice", "porch")])
def test_what_is_not_in_the_file_is_unknown(camera: Camera) -> None:
    assert RULES_.device(camera) is None


@pytest.mark.parametrize(
    ("seen", "unseen"),
    [
        ({"person", "dog", "cat", "bird"}, {}),
        ({"person", "dog"}, {100: ("cat", "bird")}),
        (set(), {100: ("dog", "cat", "bird"), 200: ("person",), 300: ("person",)}),
    ],
)
def test_labels_that_no_model_can_see(seen: set[str], unseen: dict[int, tuple[str, ...]]) -> None:
    assert RULES_.unseen_labels(seen) == unseen
