"""The Dockerfiles make images that work: all are built by buildah, and run as a cluster runs them.

The stages' images stand on a base that holds Python and nothing else, no shell either. One batch of footage goes
through all stages, from collect to report; Airflow migrates the database of the image for trying and parses its DAGs.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.runtime.s3 import S3Store
from nightjar.stores.rules import RulesStore
from nightjar_local import samples
from nightjar_local.containers import AIRFLOW, TRIAL, Builder
from nightjar_local.layout import ROOT
from nightjar_local.processes import free_ports, wait_for
from nightjar_local.seaweedfs import S3Access
from tests.chain import Chain, StageFailed
from tests.end_to_end.containers import Container, writable_folder
from tests.end_to_end.debian import (
    BASE_IMAGE,
    MODEL_IMAGE,
    REQUIRED,
    RUNTIME_IMAGE,
    SHELL_IMAGE,
    require_builder,
    run,
)

pytestmark = pytest.mark.timeout(1500)  # builds eight images first

REGISTRY = "localhost/nightjar"
IMAGES = (*STAGE_IMAGES, AIRFLOW, TRIAL)
RULES = ROOT / "local" / "rules.yaml"
# MB that an image adds to its base, at the most, without a detector's model: one that grows is to be noticed.
MOST = {"collect": 35, "assess": 35, "notify": 120, "report": 250, "validate": 225, "detect": 285, "airflow": 430}
DAG_IDS = [
    "nightjar_candidate",
    "nightjar_history",
    "nightjar_live",
    "nightjar_patrol",
    "nightjar_report",
    "nightjar_reproduce",
    "nightjar_watch",
]
SET = {"NIGHTJAR_BUCKET": "nightjar"}  # what every deployment sets
# The DAGs and what is wrong with any of them, as the dag-processor sees them.
PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
sys.path.append("/opt/nightjar/dags")
bag = DagBag("/opt/nightjar/dags")
print(json.dumps([sorted(bag.dag_ids), bag.import_errors]))
"""


@pytest.fixture(scope="module")
def containers(buildah: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Container]:
    """A container of each image."""
    options = {"RUNTIME_IMAGE": RUNTIME_IMAGE, "AIRFLOW_RUNTIME_IMAGE": SHELL_IMAGE, "MODEL_IMAGE": MODEL_IMAGE}
    records = tmp_path_factory.mktemp("records")
    index = os.environ.get("PIP_INDEX_URL")
    builder = Builder("buildah", REGISTRY, BASE_IMAGE, index, options=options, records=records)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in buildah.items():
            patch.setenv(name, value)
        return {image: Container.of(builder.build(image, "1.0.0"), buildah) for image in IMAGES}


each_image = pytest.mark.parametrize("image", IMAGES)
each_stage_image = pytest.mark.parametrize("image", STAGE_IMAGES)


@each_image
def test_its_labels_say_what_it_is(image: str, containers: dict[str, Container]) -> None:
    labels = {key.rpartition(".")[2]: value for key, value in containers[image].config["Labels"].items()}
    assert (labels["title"], labels["version"]) == (f"nightjar-{image}", "1.0.0")
    assert re.fullmatch("[0-9a-f]{40}|unknown", labels["revision"])
    assert labels["licenses"].startswith("Apache-2.0")


@each_image
def test_its_user_has_a_name_and_is_not_root(image: str, containers: dict[str, Container]) -> None:
    user, group = containers[image].config["User"].split(":")
    assert (user, group) == (("50000", "0") if image == AIRFLOW else ("10001", "10001"))
    entries = [line.split(":") for line in (containers[image].root / "etc" / "passwd").read_text().splitlines()]
    [entry] = [each for each in entries if each[2] == user]
    assert entry[0] == ("airflow" if image == AIRFLOW else "nightjar")


@each_stage_image
def test_a_stage_has_no_shell_and_no_package_manager(image: str, containers: dict[str, Container]) -> None:
    root = containers[image].root
    programs = {path.name for folder in ("bin", "sbin", "usr/local/bin") for path in (root / folder).glob("*")}
    assert programs & {"sh", "bash", "dash", "busybox", "apt-get", "dpkg", "perl", "gcc"} == set()


@pytest.mark.parametrize("image", [*STAGE_IMAGES, AIRFLOW])
def test_nothing_that_installs_or_compiles_is_left(image: str, containers: dict[str, Container]) -> None:
    container = containers[image]
    root = container.root
    sites = [container.site, root / "usr" / "lib" / "python3" / "dist-packages"]
    assert [path for site in sites for name in ("pip", "wheel") for path in site.glob(f"{name}*")] == []
    assert [path for folder in ("root/.cache", "tmp/*", "build", "opt/tools") for path in root.glob(folder)] == []
    assert [name for name in ("gcc", "cc", "g++", "make") if (root / "usr" / "bin" / name).exists()] == []


@pytest.mark.parametrize("image", [*STAGE_IMAGES, AIRFLOW])
def test_its_bill_of_materials_is_its_lock(image: str, containers: dict[str, Container]) -> None:
    bill = json.loads((containers[image].root / "opt" / "nightjar" / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    names = {each["name"].lower().replace("_", "-").replace(".", "-"): each["version"] for each in bill["components"]}
    listed = {f"{name}@{version}" for name, version in names.items()}
    lock = (ROOT / "images" / image / "requirements.txt").read_text()
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ]+) (; .+)?", lock, re.MULTILINE)
    always = {f"{name}@{version}" for name, version, condition in pins if not condition}
    assert always <= listed
    assert listed <= {f"{name}@{version}" for name, version, _ in pins}
    assert sum(1 for each in bill["components"] if each.get("licenses")) > 0.9 * len(bill["components"])


@pytest.mark.parametrize("image", MOST)
def test_it_is_no_larger_than_it_was(image: str, containers: dict[str, Container]) -> None:
    folder = containers[image].root / "opt" / "nightjar"
    said = run(["du", "-sx", "--block-size=1M", f"--exclude={folder}/model", str(folder)], {})
    assert int(said.split()[0]) <= MOST[image]


@pytest.mark.parametrize("image", [*STAGE_IMAGES, AIRFLOW])
def test_its_bytecode_is_there_and_is_never_checked(image: str, containers: dict[str, Container]) -> None:
    """Bit 0 of the flags: by hash; bit 1: look whether the source is still the same (PEP 552)."""
    package = containers[image].site / "nightjar"
    sources, compiled = list(package.rglob("*.py")), list(package.rglob("*.pyc"))
    assert len(compiled) == len(sources) > 50
    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {1}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_starts_as_nobody_special_and_cannot_change_anything(
    stage: str, containers: dict[str, Container]
) -> None:
    container = containers[STAGES[stage].image]
    module = STAGES[stage].module
    assert f"usage: {module}" in container.run("python", "-m", module, "--help")
    script = "import os, sys; print(os.getuid()); open(sys.prefix + '/x', 'w')"
    result = container.result("python", "-c", script)
    assert result.stdout == "10001\n"
    assert "Read-only file system" in result.stderr


@dataclass
class ChainOfImages(Chain):
    """The chain whose stages run in containers."""

    containers: Mapping[str, Container] = field(default_factory=dict)

    def _start(self, command: Sequence[str], stage: str, run: str) -> None:
        variables = self.variables(stage, run)
        result = self.containers[STAGES[stage].image].result("python", *command[1:], variables=variables)
        if result.returncode != 0:
            raise StageFailed(f"{stage}: exit code {result.returncode}: {(result.stderr + result.stdout)[-3000:]}")


def test_footage_goes_through_all_stages_in_their_images(
    containers: dict[str, Container], seaweedfs: S3Access, s3_store: S3Store
) -> None:
    RulesStore(s3_store).put(RULES.read_bytes())
    chain = ChainOfImages(seaweedfs, s3_store, tag="1.0.0", containers=containers)
    chain.land({each.name: each.body for each in samples.footage(datetime.now(UTC)) if wanted(each.name)})
    chain.live("watch-1")
    chain.candidate("candidate-1", "candidate", datetime.now(UTC).date(), {"NIGHTJAR_MIN_PROBABILITY": "0.3"})
    chain.report("report-1")
    chain.patrol("patrol-1")

    assert set(chain.manifests) == set(STAGES)
    assert {warning for each in chain.manifests["validate"] for warning in each.warnings} == set(), (
        "decoders are sealed"
    )
    [validated] = [each for each in chain.manifests["validate"] if "bob-lobby" in str(each.objects)]
    assert validated.counts.total("standard") == 8
    assert validated.counts.by_reason("quarantined") == {"corrupt": 1, "too-small": 1, "truncated": 1}
    assert list(s3_store.list_objects("outbox/"))
    assert [info for info in s3_store.list_objects("reports/") if info.key.endswith("report.html")]


def wanted(name: str) -> bool:
    """Footage of one camera with pictures of which some are refused, and of one with an alert."""
    return name.startswith(("bob-lobby-", "alice-porch-"))


@pytest.fixture
def airflow(containers: dict[str, Container], tmp_path: Path) -> Container:
    """Airflow's container with an empty home."""
    home = writable_folder(tmp_path / "airflow", 50000)
    return Container(containers[AIRFLOW].root, containers[AIRFLOW].config, {home: "/opt/airflow"})


@pytest.fixture
def database(containers: dict[str, Container], tmp_path: Path) -> Iterator[str]:
    """The address of the PostgreSQL in the image for trying."""
    data = writable_folder(tmp_path / "data", 10001, 10001)
    (data / "password").write_text("of-a-test")
    trial, [port] = containers[TRIAL], free_ports(1)
    container = Container(trial.root, trial.config, {data: "/data"})
    variables = {"POSTGRES_PASSWORD_FILE": "/data/password", "POSTGRES_LISTEN": "127.0.0.1", "PGHOST": "127.0.0.1"}
    command = container.command("postgres", "-p", str(port))
    log = tmp_path / "postgres.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=container.environment(variables), stdout=out, stderr=out)

    def ready() -> bool:
        asked = container.result("pg_isready", "-q", "-p", str(port), "-U", "nightjar", variables=variables)
        return asked.returncode == 0

    def check() -> None:
        assert server.poll() is None, log.read_text()[-2000:]

    wait_for("PostgreSQL", ready, check, timeout=60)
    yield f"postgresql+psycopg2://nightjar:of-a-test@127.0.0.1:{port}/nightjar"
    server.terminate()
    server.wait(30)


def test_airflow_migrates_postgresql_and_knows_its_dags(airflow: Container, database: str) -> None:
    variables = SET | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database}
    airflow.run("airflow", "db", "migrate", variables=variables)
    # As the official chart starts everything.
    airflow.run("bash", "-c", "exec airflow dags reserialize", variables=variables)
    said = airflow.run("airflow", "dags", "list", "--output", "json", variables=variables)
    listed = json.loads(said[said.index("[{") :])
    assert sorted(each["dag_id"] for each in listed) == DAG_IDS


def test_airflow_migrates_sqlite_and_parses_every_dag_as_any_user_of_group_0(airflow: Container) -> None:
    airflow.run("airflow", "db", "migrate", user="12345:0", variables=SET)
    ids, errors = json.loads(airflow.run("python", "-c", PARSE, user="12345:0", variables=SET).splitlines()[-1])
    assert (ids, errors) == (DAG_IDS, {})


def test_airflow_has_the_command_line_of_the_operators(airflow: Container) -> None:
    assert "usage: nightjar" in airflow.run("nightjar", "--help")


def test_the_image_for_trying_has_the_s3_server(containers: dict[str, Container]) -> None:
    assert "version" in containers[TRIAL].run("weed", "version")


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("yes", pytest.fail.Exception)])
def test_where_no_image_can_be_built_it_says_so_and_ci_fails(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(outcome, match="CONTAINER IMAGES ARE NOT TESTED here: first apt-get install buildah"):
        require_builder()
