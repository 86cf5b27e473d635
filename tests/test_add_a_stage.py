"""docs/kubernetes/add-a-stage.md is true: its lines are put into a copy of the repository, whose checks then pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "kubernetes" / "add-a-stage.md"
# The checks that a machine without a network has time for; the page's own test among them.
CHECKS = (
    *("tests/images/faces", "tests/test_architecture.py", "tests/images/base/nightjar/domain/test_release.py"),
    "tests/images/test_dockerfiles.py",
    "tests/dags/test_dags.py::test_ids_and_tasks",
    "tests/dags/test_dags.py::test_the_pages_of_tasks_say_what_each_does",
    "tests/dags/test_dags.py::test_serialised_tasks_have_their_buttons",
    "tests/dags/test_dags.py::test_the_runbook_shows_the_chain_as_a_block",
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def run(copy: Path, *command: str, given: str = "") -> None:
    """Run a program in the copy, which finds the copy's packages and none of this repository's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NIGHTJAR"))}
    folders = (copy, copy / "dags", copy / "local", *sorted((copy / "images").iterdir()))
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"


def write(copy: Path, block: str) -> None:
    """A new file: its path is in the first line, as a comment."""
    head, _, rest = block.partition("\n")
    file = copy / head.removeprefix("# ")
    assert not file.exists(), file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(rest)


def edit(copy: Path, block: str) -> None:
    """Lines put in (`+`) or taken out (`-`) beside others that stay; together they are in the file just once."""
    head, *lines = block.splitlines()
    file = copy / head.removeprefix("--- ")
    before = "\n" + "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "\n" + "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    text = "\n" + file.read_text()
    assert text.count(before) == 1, f"{head}: expected these lines once, found {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after)[1:])


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the stage, as the page makes it; what `make lock` would fetch is that of a like stage."""
    target = tmp_path_factory.mktemp("example") / "nightjar"
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(lambda name: (ROOT / name).is_file(), tracked.stdout.splitlines()):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    for block in (*blocks("python"), *blocks("text")):
        write(target, block)
    for block in blocks("diff"):
        edit(target, block)
    for block in blocks("sh"):
        run(target, "sh", "-ec", block)
    shutil.copy2(target / "images/assess/requirements.txt", target / "images/faces/requirements.txt")
    for page in ("docs/generate.py", "docs/chart.py", "docs/iam.py"):
        run(target, sys.executable, page)
    return target


def python(copy: Path, module: str, *arguments: str) -> None:
    run(copy, sys.executable, "-m", module, *arguments)


def test_the_checks_pass(copy: Path) -> None:
    python(copy, "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *CHECKS)


def test_it_is_well_written_and_imports_what_it_may(copy: Path) -> None:
    ours = ("images", "dags", "plugins", "tests/images/faces", "tests/dags")
    python(copy, "ruff", "check", "--no-cache", *ours)
    python(copy, "ruff", "format", "--no-cache", "--check", *ours)
    python(copy, "mypy", "--cache-dir", os.devnull, "images/faces/nightjar_faces")
    run(copy, str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache")


def test_the_docs_have_it(copy: Path) -> None:
    text = (copy / "docs" / "design.md").read_text()
    assert "| `faces` | `faces` |  | detections, runs, standard | runs |" in text
    assert "BUCKET/standard/*" in (copy / "helm" / "iam" / "faces.json").read_text()


CHART = """
import json, sys, yaml
from tests.helm.chart import MINIMAL, merged, of_kind, rendered
objects = rendered(merged(MINIMAL, {"postgres": {"enabled": True}}, yaml.safe_load(sys.stdin)))
assert of_kind(objects, "ServiceAccount")["nightjar-faces"]["metadata"]["namespace"] == "nightjar-stages"
maps = of_kind(objects, "ConfigMap")
pods = json.loads(maps["nightjar-airflow"]["data"]["NIGHTJAR_STAGES"])["faces"]
expected = {"service_account": "nightjar-faces", "memory": "2Gi", "gpu": 1, "scratch": "8Gi", "pool": "nightjar_faces"}
assert pods == expected, pods
setup = json.loads(maps["nightjar-setup"]["data"]["setup.json"])
assert setup["pools"]["nightjar_faces"] == 4 and setup["images"]["faces"], setup
"""


def test_the_chart_has_it(copy: Path) -> None:
    [values] = re.findall(r"^```yaml\n# values.yaml\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    run(copy, sys.executable, "-c", CHART, given=values)
