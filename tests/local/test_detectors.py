"""The detectors that detect's image can hold: their names, the default one, and what each is built from."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from nightjar_local import detectors
from nightjar_local.processes import LocalError

FILES = (
    *("build.py", "default", "requirements.txt", "ssdlite.py"),
    *("recipes/__init__.py", "recipes/near.py", "recipes/far.py", "recipes/oid/__init__.py", "recipes/oid/labels.txt"),
)
SHARED = ["build.py", "default", "recipes/__init__.py", "requirements.txt", "ssdlite.py"]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of recipes, with bytecode in it; `near` is the default."""
    for file in (*FILES, "recipes/__pycache__/near.cpython-311.pyc"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(file)
    (tmp_path / "default").write_text("near\n")
    monkeypatch.setattr(detectors, "SOURCE", tmp_path)
    return tmp_path


def test_every_recipe_is_a_detector(source: Path) -> None:
    assert detectors.names() == ["far", "near", "oid"]
    assert detectors.default() == "near"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("near", ["recipes/near.py"]),
        ("far", ["recipes/far.py"]),
        ("oid", ["recipes/oid/__init__.py", "recipes/oid/labels.txt"]),
    ],
)
def test_a_detector_is_its_recipe_and_what_all_share(name: str, own: Sequence[str], source: Path) -> None:
    assert [path.relative_to(source).as_posix() for path in detectors.sources(name)] == sorted([*SHARED, *own])


@pytest.mark.parametrize("name", ["", "nere", "__init__", "../near"])
def test_a_name_that_is_none_is_refused(name: str, source: Path) -> None:
    with pytest.raises(LocalError, match="expected a detector, one of far, near, oid, got"):
        detectors.sources(name)
    (source / "default").write_text(name)
    with pytest.raises(LocalError, match="expected a detector"):
        detectors.default()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ()),
        ("", ()),
        (" ", ()),
        ("oid", ("oid",)),
        ("far oid", ("far", "oid")),
        ("far,oid, near", ("far", "oid", "near")),
        ("oid oid", ("oid",)),
    ],
)
def test_the_environment_names_detectors(text: str | None, expected: Sequence[str], source: Path) -> None:
    assert detectors.asked({} if text is None else {"DETECTOR": text}) == tuple(expected)


def test_an_unknown_name_in_the_environment_is_told(source: Path) -> None:
    with pytest.raises(LocalError, match="one of far, near, oid, got 'fare'"):
        detectors.asked({"DETECTOR": "near fare"})


def test_the_clone_s_own_default_is_one_of_its_detectors() -> None:
    assert detectors.default() in detectors.names()
    assert detectors.REFERENCE in detectors.names()
