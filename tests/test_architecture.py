"""The rules of the house that import-linter cannot check: its contracts, in pyproject.toml, say who may import whom."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "images" / "base" / "nightjar"


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


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


def test_the_warehouse_alone_knows_the_sql_engine() -> None:
    roots = [ROOT / part for part in ("images", "operators", "dags", "plugins", "local")]
    importers = {file.relative_to(ROOT) for root in roots for file in files(root) if "duckdb" in set(imports(file))}
    stores = Path("images/base/nightjar/stores")
    assert importers == {stores / name for name in ("part_sql.py", "record_search.py", "selection.py", "warehouse.py")}


def test_every_program_of_a_stage_starts_swiftly() -> None:
    programs = sorted((ROOT / "images").glob("*/nightjar_*/__main__.py"))
    assert programs
    for program in programs:
        names = [name for name in imports(program) if name not in sys.stdlib_module_names]
        assert names[0] == "nightjar.runtime.swift_start", program


def test_every_package_is_under_the_contracts() -> None:
    packages = {path.name for path in (ROOT / "images").glob("*/nightjar*") if path.is_dir()}
    packages |= {path.name for path in (ROOT / "local").iterdir() if (path / "__init__.py").exists()}
    packages |= {name for name in ("operators", "dags", "plugins") if (ROOT / name).is_dir()}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(contracts["root_packages"]) == packages
    [layers] = [
        each["layers"] for each in contracts["contracts"] if each["type"] == "layers" and "containers" not in each
    ]
    assert {name for layer in layers for name in layer.split(" | ")} == packages


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
