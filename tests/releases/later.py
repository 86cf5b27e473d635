"""A later release, made from this one: every stored document has a field more, and every table a column more."""

import re
import shutil
from pathlib import Path

from nightjar.domain.stages import STAGES
from nightjar_local.layout import ROOT

FIELD = "of_a_later_release"


def make(target: Path) -> Path:
    """The sources of the later release below `target`, laid out as those of this one."""
    packages = [Path("images/base/nightjar"), *{Path("images") / s.image / s.module for s in STAGES.values()}]
    for package in packages:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    _add_field(target / "images/base/nightjar/domain/model.py")
    _add_column(target / "images/base/nightjar/stores/tables.py")
    _fill_column(target / "images/report/nightjar_record/pictures.py")
    return target


def _add_field(model: Path) -> None:
    """A field in every part of every stored document."""
    text, number = re.subn(
        r"(class Part\(BaseModel\):.*?model_config = [^\n]*\n)",
        rf'\1\n    {FIELD}: str = "later"\n',
        model.read_text(),
        count=1,
        flags=re.DOTALL,
    )
    assert number == 1, "expected class Part with its model_config"
    model.write_text(text)


def _add_column(tables: Path) -> None:
    """A column at the end of every row."""
    column = f'\n    {FIELD}: Annotated[str | None, Column(TEXT, "new", optional=True)] = "later"\n'
    rows = r"(@dataclass\(frozen=True, kw_only=True, slots=True\)\nclass \w+Row:\n.*?\n)(?=\n\n)"
    text, number = re.subn(rows, rf"\1{column}", tables.read_text(), flags=re.DOTALL)
    assert number == 4, f"expected four tables, got {number}"
    tables.write_text(text)


def _fill_column(pictures: Path) -> None:
    """Rows of pictures are made of what is known of each: the column is known of all."""
    before = "dict.fromkeys(_OPTIONAL)"
    text = pictures.read_text()
    assert text.count(before) == 1, f"expected {before} once"
    pictures.write_text(text.replace(before, f'{before} | {{"{FIELD}": "later"}}'))
