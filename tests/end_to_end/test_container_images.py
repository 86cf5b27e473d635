"""images/Dockerfile makes images that work: validate and notify built by buildah, and validate run on a shard."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from nightjar.domain.batch import Footage, NameFields
from nightjar.domain.names import parse_footage_name
from nightjar.domain.release import Release, StageRelease
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.runtime.manifests import read_manifest, reference, write_lines, write_record
from nightjar.runtime.s3 import S3Store
from nightjar.stores.footage import footage_key
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import LIVE, RELEASE, SHARD, run_prefix, shard_prefix, stage_prefix
from nightjar_local.containers import Builder
from nightjar_local.layout import CACHE, ROOT
from nightjar_local.samples import footage
from nightjar_local.seaweedfs import S3Access
from tests.end_to_end.debian import (
    BASE_IMAGE,
    REQUIRED,
    make_base_image,
    release_storage,
    require_builder,
    run,
    storage,
)

pytestmark = pytest.mark.timeout(900)

REGISTRY = "localhost/nightjar"
BUILT = ("validate", "notify")
RULES = Path(__file__).parents[2] / "local" / "rules.yaml"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a buildah that has the base image; everything it makes is thrown away."""
    require_builder()
    folder = tmp_path_factory.mktemp("buildah")
    environment = storage(folder)
    make_base_image(CACHE / "debian-bookworm", environment)
    yield environment
    release_storage(environment)


@pytest.fixture(scope="module")
def images(buildah: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The references of validate and notify."""
    records = tmp_path_factory.mktemp("records")
    builder = Builder("buildah", REGISTRY, BASE_IMAGE, os.environ.get("PIP_INDEX_URL"), records=records)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in buildah.items():
            patch.setenv(name, value)
        yield {stage: builder.build(stage) for stage in BUILT}


@pytest.fixture(scope="module")
def containers(images: dict[str, str], buildah: Mapping[str, str]) -> dict[str, str]:
    """A container of each image, which all tests share: without overlayfs, to make one copies the whole image."""
    return {name: run(["buildah", "from", reference], buildah) for name, reference in images.items()}


def in_container(container: str, buildah: Mapping[str, str], variables: Mapping[str, str], *command: str) -> str:
    """Run a command in the container, as the image's user; returns what it printed."""
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    return run(["buildah", "run", *options, container, "--", *command], buildah)


@pytest.mark.parametrize("stage", BUILT)
def test_an_image_runs_as_nobody_special_and_cannot_change_itself(
    stage: str, containers: dict[str, str], buildah: Mapping[str, str]
) -> None:
    script = "import os, nightjar; print(os.getuid(), os.access(nightjar.__path__[0], os.W_OK))"
    assert in_container(containers[stage], buildah, {}, "python", "-c", script) == "10001 False"


@pytest.mark.parametrize("stage", [stage for stage in STAGE_IMAGES if stage not in BUILT])
def test_pip_takes_the_locks_of_the_images_that_are_not_built_here(
    stage: str, containers: dict[str, str], buildah: Mapping[str, str]
) -> None:
    """uv makes the locks and the local images; pip, which makes these, is stricter about Python's version."""
    container = containers["notify"]
    lock = f"/tmp/{stage}-requirements.txt"
    run(["buildah", "copy", "-q", container, str(ROOT / "images" / stage / "requirements.txt"), lock], buildah)
    index = {name: value for name, value in os.environ.items() if name == "PIP_INDEX_URL"}
    pip = ["pip", "install", "--dry-run", "--no-cache-dir", "--ignore-installed", "--require-hashes", "-r", lock]
    assert "Would install" in in_container(container, buildah, index, *pip)


def test_notify_starts(containers: dict[str, str], buildah: Mapping[str, str]) -> None:
    assert "usage: nightjar_notify" in in_container(
        containers["notify"], buildah, {}, "python", "-m", "nightjar_notify", "--help"
    )


def test_validate_runs_from_its_image_on_a_shard(
    images: dict[str, str],
    containers: dict[str, str],
    buildah: Mapping[str, str],
    seaweedfs: S3Access,
    s3_store: S3Store,
) -> None:
    prefix = run_prefix(LIVE, "20261120T130500Z-0123456789ab")
    s3_store.put(RULES_KEY, RULES.read_bytes())
    release = Release(
        run="20261120T130500Z-0123456789ab",
        stages={"validate": StageRelease(image=images["validate"])},
        rules=RulesStore(s3_store).freeze(),
    )
    write_record(s3_store, f"{prefix}{RELEASE}", release)
    shard = shard_prefix(prefix, "bob-lobby")
    write_lines(s3_store, f"{shard}{SHARD}", file_samples(s3_store, "bob-lobby"))
    output = stage_prefix(prefix, "validate", "bob-lobby")
    variables = {
        **seaweedfs.environment(),
        "NIGHTJAR_IMAGE": images["validate"],
        "NIGHTJAR_RUN": release.run,
        "NIGHTJAR_SHARD": "bob-lobby",
    }

    command = ["python", "-m", "nightjar_validate", "--input-prefix", shard, "--output-prefix", output]
    in_container(containers["validate"], buildah, variables, *command, "--release", f"{prefix}{RELEASE}")

    manifest, _ = read_manifest(s3_store, output)
    assert manifest.image == images["validate"]
    assert manifest.warnings == (), "expected decoders that are sealed"
    assert manifest.counts.problem() is None
    assert manifest.counts.total("standard") == 8
    assert manifest.counts.by_reason("quarantined") == {"corrupt": 1, "too-small": 1, "truncated": 1}
    standard = [info.key for info in s3_store.list_objects("standard/")]
    assert len(standard) == 8
    for key in standard:
        with Image.open(io.BytesIO(s3_store.get(key)[0])) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize(("required", "outcome"), [("", "skipped"), ("yes", "error")])
def test_where_no_image_can_be_built_it_says_so_and_ci_fails(required: str, outcome: str) -> None:
    command = [sys.executable, "-m", "pytest", f"{__file__}::test_notify_starts", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PATH": "/nowhere", REQUIRED: required}
    said = subprocess.run(command, env=environment, text=True, capture_output=True, check=False).stdout
    assert f"1 {outcome}" in said
    assert "CONTAINER IMAGES ARE NOT TESTED here: first apt-get install buildah" in said


def file_samples(store: S3Store, camera: str) -> list[Footage]:
    """File the sample footage of one camera, as collect does; returns the lines of its shard."""
    lines = []
    for sample in footage(datetime.now(UTC)):
        if sample.name.startswith(f"{camera}-"):
            name = parse_footage_name(sample.name)
            key = footage_key(name)
            stored = reference(store.put(key, sample.body), sample.body)
            lines.append(Footage(**stored.model_dump(), named=NameFields.of(name)))
    return lines
