"""What Airflow's processes preload: only those whose forks need it, and nothing that is not there."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = Path(__file__).parents[3] / "images" / "airflow" / "airflow_local_settings.py"


def loaded(*command: str) -> set[str]:
    """The modules that are there after a process with this command line has read the file."""
    script = f"import runpy, sys; runpy.run_path({str(SETTINGS)!r}); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", [("api-server",), ("triggerer", "--skip-serve-logs"), ("db", "migrate"), ()])
def test_who_forks_nobody_preloads_nothing(command: tuple[str, ...]) -> None:
    assert not {"airflow", "operators", "boto3"} & loaded(*command)


@pytest.mark.parametrize("command", [("scheduler", "--skip-serve-logs"), ("dag-processor",)])
def test_who_forks_preloads_all(command: tuple[str, ...]) -> None:
    spec = importlib.util.spec_from_file_location("settings_under_test", SETTINGS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.PRELOADED) <= loaded(*command)
