"""The modules that are preloaded: all that the DAGs use, in the processes that fork and in no other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "images" / "airflow" / "airflow_local_settings.py"


def preloaded() -> set[str]:
    for node in ast.parse(FILE.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PRELOADED":
            return set(ast.literal_eval(node.value))
    raise AssertionError("expected PRELOADED")


def loaded(*command: str) -> set[str]:
    """The modules that are there after a process with this command line has read the file."""
    script = f"import runpy, sys; runpy.run_path({str(FILE)!r}); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines()[-1].split())


def test_all_that_dags_import_is_preloaded() -> None:
    wanted = {
        str(node.module)
        for file in (ROOT / "dags").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("airflow.providers", "operators"))
    }
    assert wanted
    assert wanted <= preloaded()


@pytest.mark.parametrize("command", [("api-server",), ("triggerer", "--skip-serve-logs"), ("db", "migrate"), ()])
def test_who_forks_nobody_preloads_nothing(command: tuple[str, ...]) -> None:
    assert not {"airflow", "operators", "boto3"} & loaded(*command)


@pytest.mark.parametrize("command", [("scheduler", "--skip-serve-logs"), ("dag-processor",)])
def test_who_forks_preloads_all(command: tuple[str, ...]) -> None:
    assert preloaded() <= loaded(*command)
