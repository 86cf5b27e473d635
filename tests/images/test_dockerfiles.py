"""Every image is built the same careful way: no host or secret in it, no root, every package pinned by hash."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "images").glob("*/Dockerfile"))
REQUIREMENTS = [*sorted((ROOT / "images").rglob("requirements*.txt")), ROOT / "requirements.txt"]


def named(path: Path) -> str:
    return path.parent.name


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Each instruction with its arguments; continued lines joined, comments left out."""
    lines = [line for line in dockerfile.read_text().splitlines() if line and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def test_every_image_has_one() -> None:
    assert {named(path) for path in DOCKERFILES} == {*STAGE_IMAGES, "base", "airflow"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    found = subprocess.run(
        [Path(sys.executable).parent / "hadolint", dockerfile], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named)
def test_the_base_image_and_the_index_are_arguments_and_no_host_is_named(dockerfile: Path) -> None:
    found = instructions(dockerfile)
    assert ("ARG", "BASE_IMAGE") in found
    assert ("ARG", "PIP_INDEX_URL") in found
    assert "${BASE_IMAGE}" in [rest.split()[0] for word, rest in found if word == "FROM"]
    assert not [rest for _, rest in found if re.search(r"https?://|\b[a-z0-9-]+\.(com|org|io|net)\b", rest)]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named)
def test_it_does_not_run_as_root(dockerfile: Path) -> None:
    users = [rest for word, rest in instructions(dockerfile) if word == "USER"]
    assert re.fullmatch(r"[1-9][0-9]{3,}:[0-9]+", users[-1])


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named)
def test_packages_are_installed_by_hash_only(dockerfile: Path) -> None:
    installs = [rest for word, rest in instructions(dockerfile) if word == "RUN" and "pip install" in rest]
    assert installs
    assert all("--require-hashes" in rest for rest in installs)


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_requirements_are_locked(requirements: Path) -> None:
    lines = requirements.read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#", "\t"))]
    assert pins
    assert all(re.match(r"[A-Za-z0-9._\[\],-]+==[^ ]+ (; .+ )?\\$", line) for line in pins)
    assert not [line for line in lines if "://" in line]
