"""DESIGN's table of what may import what, asserted."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "images" / "base" / "nightjar"
STAGE_PACKAGES = {f"nightjar_{stage}" for stage in STAGE_IMAGES}
OURS = {"nightjar", "operators", "plugins", "chain", "nightjar_local", *STAGE_PACKAGES}
# Airflow is a tree of distributions; what it brings for operators counts as Airflow's.
AIRFLOW = {"airflow", "kubernetes"}


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: expected absolute imports"
            yield str(node.module)


def wrong(folder: Path, allowed: set[str], refused: set[str]) -> list[str]:
    """Imports below `folder` that are of `refused` and not of `allowed` (both dotted prefixes)."""
    found = []
    assert files(folder), f"expected sources in {folder}"
    for file in files(folder):
        for module in imports(file):
            if _below(module, refused) and not _below(module, allowed):
                found.append(f"{file.relative_to(ROOT)} imports {module}")
    return found


def _below(module: str, prefixes: set[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def test_domain_is_pure() -> None:
    allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "nightjar.domain", "nightjar.errors"}
    impure = {"socket", "subprocess", "urllib", "http", "threading", "tempfile", "os", "time", "random"}
    found = [
        f"{file.name} imports {module}"
        for file in files(BASE / "domain")
        for module in imports(file)
        if not _below(module, allowed) or _below(module, impure)
    ]
    assert found == []


@pytest.mark.parametrize("part", ["runtime", "cli"])
def test_nightjar_knows_no_stage_and_no_airflow(part: str) -> None:
    assert wrong(BASE / part, {"nightjar"}, OURS | AIRFLOW) == []


def test_runtime_does_not_import_cli() -> None:
    assert wrong(BASE / "runtime", set(), {"nightjar.cli"}) == []


@pytest.mark.parametrize("stage", STAGE_IMAGES)
def test_a_stage_knows_no_airflow_and_no_other_stage(stage: str) -> None:
    package = ROOT / "images" / stage / f"nightjar_{stage}"
    assert wrong(package, {"nightjar", f"nightjar_{stage}"}, OURS | AIRFLOW) == []
    assert wrong(package, set(), {"nightjar.cli"}) == []


def test_the_airflow_side_knows_no_stage() -> None:
    assert wrong(ROOT / "operators", {"nightjar", "operators"}, OURS | {"nightjar.cli"}) == []


def test_the_local_deployment_calls_into_no_stage() -> None:
    assert wrong(ROOT / "local" / "nightjar_local", set(), STAGE_PACKAGES) == []


def test_dags_know_operators_and_the_domain() -> None:
    assert wrong(ROOT / "dags", {"nightjar.domain", "operators", "chain"}, OURS) == []


@pytest.mark.parametrize("name", ["utils", "common", "helpers"])
def test_there_is_no_dumping_ground(name: str) -> None:
    roots = [ROOT / part for part in ("images", "operators", "dags", "plugins", "local", "tests")]
    assert [file for root in roots for file in files(root) if name in (file.stem, *file.parent.parts)] == []


def test_no_file_is_longer_than_a_sitting() -> None:
    roots = [ROOT / part for part in ("images", "operators", "dags", "plugins", "local")]
    long = {
        str(file.relative_to(ROOT)): lines
        for root in roots
        for file in files(root)
        if (lines := len(file.read_text().splitlines())) > 350
    }
    assert long == {}
