"""What is preloaded: all that the DAGs use, in the processes that fork and in no other."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "images" / "airflow" / "airflow_local_settings.py"


def preloaded() -> set[str]:
    for node in ast.parse(FILE.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "PRELOADED":  # type: ignore[attr-defined]
            return set(ast.literal_eval(node.value))
    raise AssertionError("expected PRELOADED")


@pytest.mark.parametrize("module", sorted(preloaded()))
def test_what_is_preloaded_is_there(module: str) -> None:
    assert importlib.util.find_spec(module)


def test_all_that_dags_import_is_preloaded() -> None:
    wanted = {
        str(node.module)
        for file in (ROOT / "dags").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("airflow.providers", "operators"))
    }
    # operators.stage imports operators.settings.
    assert wanted - {"operators.settings"} <= preloaded()


@pytest.mark.parametrize(
    ("command", "expected"), [("scheduler", True), ("dag-processor", True), ("api-server", False), ("triggerer", False)]
)
def test_only_what_forks_preloads(command: str, expected: bool) -> None:
    code = f"import runpy, sys; sys.argv[1:] = [{command!r}]; runpy.run_path({str(FILE)!r})"
    code += "; print('operators.stage' in sys.modules)"
    path = [str(ROOT), str(ROOT / "images" / "base")]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == str(expected)
