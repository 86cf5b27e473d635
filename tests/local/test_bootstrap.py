"""The bootstrap locks every requirements file there is, and does nothing twice."""

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    """`local/bootstrap.py`, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", ROOT / "local" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirements_file_is_locked(bootstrap: ModuleType) -> None:
    tracked = subprocess.run(["git", "ls-files", "*.in"], cwd=ROOT, capture_output=True, text=True, check=True)
    known = {bootstrap.EVERYTHING, *bootstrap.LOCKS, *bootstrap.LOCKS_ALONE, *bootstrap.LOCKS_OF_TOOLS}
    assert {name.removesuffix(".in") for name in tracked.stdout.split()} == known
    assert all((ROOT / f"{name}.txt").exists() for name in known)


def test_a_directory_is_done_only_for_the_inputs_it_was_made_from(bootstrap: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1")
    first = bootstrap.digest(lock, words=("3.11",))
    assert not bootstrap.is_done(tmp_path, first)
    bootstrap.mark_done(tmp_path, first)
    assert bootstrap.is_done(tmp_path, first)
    assert not bootstrap.is_done(tmp_path, bootstrap.digest(lock, words=("3.12",)))
    lock.write_text("a==2")
    assert not bootstrap.is_done(tmp_path, bootstrap.digest(lock, words=("3.11",)))


def test_make_help_tells_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in helped.splitlines()} == set(phony[1].split())
