"""The detectors that an image `detect` can hold: their names, the default one, and what each is built from.

    images/detect/model/build.py             builds any of them
    images/detect/model/default              the name of the one that `make demo`, `make up` and `make images` build
    images/detect/model/recipes/<name>.py    how one is built; a folder of that name if the recipe is more than a file

All other files in `images/detect/model` are shared: a change to one of them changes every detector.
"""

from collections.abc import Mapping
from pathlib import Path

from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError

SOURCE = ROOT / "images" / "detect" / "model"
RECIPES = "recipes"
REFERENCE = "reference"  # the only one with a SavedModel: what TensorFlow runs, and what the others are measured by


def names() -> list[str]:
    """The names of all detectors, sorted."""
    recipes = [path for path in (SOURCE / RECIPES).glob("*") if not path.name.startswith(("_", "."))]
    return sorted({path.stem for path in recipes if path.suffix == ".py" or path.is_dir()})


def default() -> str:
    """The detector that is built when none is named. Raises LocalError if its name is none of `names`."""
    return check((SOURCE / "default").read_text().strip())


def check(name: str) -> str:
    """The name itself. Raises LocalError if no detector has it."""
    if name not in names():
        raise LocalError(f"expected a detector, one of {', '.join(names())}, got {name!r}")
    return name


def sources(name: str) -> list[Path]:
    """The files that decide what the detector is: its recipe and all that is shared, but no other recipe.

    Raises LocalError if no detector has that name.
    """
    others = {other for other in names() if other != check(name)}
    files = [path.relative_to(SOURCE).parts for path in sorted(SOURCE.rglob("*")) if path.is_file()]
    own = [parts for parts in files if not (parts[0] == RECIPES and Path(parts[1]).stem in others)]
    return [SOURCE.joinpath(*parts) for parts in own if "__pycache__" not in parts]


def asked(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The detectors that the variable DETECTOR names, with spaces or commas between them; none if it is not set.

    Raises LocalError for a name that no detector has.
    """
    words = environment.get("DETECTOR", "").replace(",", " ").split()
    return tuple(check(name) for name in dict.fromkeys(words))
