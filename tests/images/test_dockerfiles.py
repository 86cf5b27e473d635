"""Every image is built the same careful way: no host or secret in it, no root, every package pinned by hash."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES, STAGES, Stage

ROOT = Path(__file__).resolve().parents[2]
OF_STAGES = ROOT / "images" / "Dockerfile"
DOCKERFILES = [OF_STAGES, ROOT / "images" / "airflow" / "Dockerfile", ROOT / "images" / "trial" / "Dockerfile"]
REQUIREMENTS = [*sorted((ROOT / "images").rglob("requirements*.txt")), ROOT / "requirements.txt"]

Instruction = tuple[str, str]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def instructions(dockerfile: Path) -> list[Instruction]:
    """Each instruction with its arguments; continued lines joined, comments left out."""
    lines = [line for line in dockerfile.read_text().splitlines() if line and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def targets(dockerfile: Path) -> dict[str, list[Instruction]]:
    """The instructions of each build target, its `FROM` first, by name; a target without a name has the empty one."""
    result: dict[str, list[Instruction]] = {}
    for word, rest in instructions(dockerfile):
        if word == "FROM":
            current = result.setdefault(rest.partition(" AS ")[2], [])
        if result:
            current.append((word, rest))
    return result


def lineage(dockerfile: Path, target: str) -> list[Instruction]:
    """The instructions of a target after those of the targets that it starts from."""
    own = targets(dockerfile)[target]
    parent = own[0][1].split()[0]
    return [*(lineage(dockerfile, parent) if parent in targets(dockerfile) else []), *own]


def froms(dockerfile: Path) -> list[str]:
    """What each target starts from, and its name."""
    return [rest for word, rest in instructions(dockerfile) if word == "FROM"]


IMAGES = [*((OF_STAGES, stage) for stage in STAGE_IMAGES), (DOCKERFILES[1], "airflow"), (DOCKERFILES[2], "trial")]
each_image = pytest.mark.parametrize(("dockerfile", "target"), IMAGES, ids=[target for _, target in IMAGES])
each_dockerfile = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)


def test_no_other_dockerfile_exists() -> None:
    assert sorted((ROOT / "images").rglob("Dockerfile*")) == sorted(DOCKERFILES)


def test_the_stage_chooses_a_target_and_every_stage_has_one() -> None:
    assert targets(OF_STAGES)[""][0] == ("FROM", "${STAGE}")
    around = {"tools", "packages", "added", "shared-code", "code", "shipped-model", "model", "runtime", "stage", ""}
    assert set(targets(OF_STAGES)) == {*STAGE_IMAGES, *around}


@pytest.mark.parametrize("stage", STAGE_IMAGES)
def test_a_stage_s_image_runs_the_stage_s_program(stage: str) -> None:
    commands = [rest for word, rest in lineage(OF_STAGES, stage) if word == "CMD"]
    assert commands == [f'["python", "-m", "nightjar_{stage}"]']


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_s_package_is_in_its_image(stage: Stage) -> None:
    """The Dockerfile moves every package of the image's folder whose name begins with `nightjar_`."""
    assert ("COPY", "images/${STAGE} /build/stage") in targets(OF_STAGES)["code"]
    assert stage.module.startswith("nightjar_")
    assert (ROOT / "images" / stage.image / stage.module / "__main__.py").exists()


@pytest.mark.parametrize("stage", STAGE_IMAGES)
def test_only_detect_s_image_has_the_model(stage: str) -> None:
    copied = [rest for word, rest in lineage(OF_STAGES, stage) if word == "COPY" and "--from=model" in rest]
    assert copied == (["--from=model /model /opt/nightjar/model"] if stage == "detect" else [])


@each_dockerfile
def test_labels_say_what_it_is(dockerfile: Path) -> None:
    [labels] = [rest for word, rest in instructions(dockerfile) if word == "LABEL"]
    names = re.findall(r"org\.opencontainers\.image\.([a-z]+)=", labels)
    assert names == ["title", "version", "revision", "source", "licenses"]


@each_dockerfile
def test_it_keeps_to_what_every_builder_knows(dockerfile: Path) -> None:
    """No syntax of BuildKit alone: kaniko and older buildah do not have it."""
    text = dockerfile.read_text()
    assert (
        re.findall(r"# syntax=|--mount=|<<|--link|--chmod|--parents|--exclude=", text.replace("cp --parents", "")) == []
    )


@each_dockerfile
def test_hadolint_reports_nothing(dockerfile: Path) -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "hadolint", dockerfile], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@each_dockerfile
def test_no_host_is_named(dockerfile: Path) -> None:
    hosts = re.compile(r"https?://|\b[a-z0-9-]+\.(com|org|io|net)\b")
    assert instructions(dockerfile)
    assert not [rest for _, rest in instructions(dockerfile) if hosts.search(rest)]


@each_image
def test_the_base_image_and_the_index_are_arguments(dockerfile: Path, target: str) -> None:
    assert ("ARG", "BASE_IMAGE") in instructions(dockerfile)
    assert lineage(dockerfile, target)[0][1].split()[0] in {"${BASE_IMAGE}", "${RUNTIME_IMAGE}"}
    assert all(rest.startswith("${") or rest.split()[0] in targets(dockerfile) for rest in froms(dockerfile))
    assert ("ARG", "PIP_INDEX_URL") in instructions(dockerfile)


@each_image
def test_it_does_not_run_as_root(dockerfile: Path, target: str) -> None:
    users = [rest for word, rest in lineage(dockerfile, target) if word == "USER"]
    assert re.fullmatch(r"[1-9][0-9]{3,}:[0-9]+", users[-1])


@each_dockerfile
def test_packages_are_installed_by_hash_only(dockerfile: Path) -> None:
    runs = [rest for word, rest in instructions(dockerfile) if word == "RUN"]
    installs = [command for rest in runs for command in rest.split("&&") if re.search(r"pip (install|sync)", command)]
    assert installs
    assert all("--require-hashes" in command for command in installs)


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=name)
def test_requirements_are_locked(requirements: Path) -> None:
    lines = requirements.read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#", "\t"))]
    assert pins
    assert all(re.match(r"[A-Za-z0-9._\[\],-]+==[^ ]+ (; .+ )?\\$", line) for line in pins)
    assert not [line for line in lines if "://" in line]
