"""The S3 server that a caller brings is used as it is, or refused with a sentence."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar_local import processes, programs, settings
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from nightjar_local.s3_server import access_of, check_bucket
from nightjar_local.seaweedfs import S3Access

pytestmark = pytest.mark.slow


def of_caller(access: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a caller sets."""
    for name in ("NIGHTJAR_S3_ENDPOINT", "NIGHTJAR_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, access.environment()[name])


@pytest.fixture
def spawned(tmp_path: Path, seaweedfs: S3Access, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment on the caller's server whose supervisor is up, and no component yet."""
    of_caller(seaweedfs, monkeypatch)
    deployment = Deployment(tmp_path, settings.for_deployment(tmp_path / "settings.json"))
    deployment.spawn(ROOT / "dags", {}, with_parent=True)
    yield deployment
    deployment.stop()


def test_the_callers_server_is_used_and_no_other_is_started(spawned: Deployment, seaweedfs: S3Access) -> None:
    assert spawned.access == seaweedfs
    assert {each.name for each in spawned.supervisor.components()} == {
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
    }
    environment = programs.load(spawned.directory, "scheduler").environment
    assert environment.items() >= seaweedfs.environment().items()
    check_bucket(spawned.access)


def test_one_that_is_up_does_not_change_its_server(
    spawned: Deployment, seaweedfs: S3Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"http://127.0.0.1:{processes.free_ports(1)[0]}"
    monkeypatch.setenv("NIGHTJAR_S3_ENDPOINT", other)
    with pytest.raises(LocalError, match=f"uses S3 at {seaweedfs.endpoint}; for NIGHTJAR_S3_ENDPOINT={other}, first"):
        Daemon(spawned.directory).start()
    assert spawned.supervisor.process() is not None


def test_a_bucket_that_is_not_there_not_versioned_or_not_theirs_is_refused(seaweedfs: S3Access) -> None:
    with pytest.raises(LocalError, match="expected bucket no-such-bucket at http"):
        check_bucket(replace(seaweedfs, bucket="no-such-bucket"))
    with pytest.raises(LocalError, match=r"\(NIGHTJAR_S3_ENDPOINT\): .*40[13]"):
        check_bucket(replace(seaweedfs, secret_access_key="wrong"))
    with pytest.raises(LocalError, match="Could not connect"):
        check_bucket(replace(seaweedfs, endpoint=f"http://127.0.0.1:{processes.free_ports(1)[0]}"))
    plain = replace(seaweedfs, bucket=f"{seaweedfs.bucket}-plain")
    client = plain.client()
    client.create_bucket(Bucket=plain.bucket)
    try:
        with pytest.raises(LocalError, match="to be versioned, got not: aws s3api put-bucket-versioning"):
            check_bucket(plain)
    finally:
        client.delete_bucket(Bucket=plain.bucket)


def test_its_own_server_is_the_one_of_its_settings() -> None:
    chosen = settings.for_once()
    assert access_of(chosen).endpoint == f"http://127.0.0.1:{chosen.s3_port}"
