"""The local S3 server does what the stages build on, and shows itself to nobody else."""

import stat
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from nightjar_local import processes, seaweedfs
from nightjar_local.processes import LocalError


def test_a_bucket_is_fresh_and_versioned(seaweedfs: seaweedfs.S3Access) -> None:
    client = seaweedfs.client()
    assert "Contents" not in client.list_objects_v2(Bucket=seaweedfs.bucket)
    first = client.put_object(Bucket=seaweedfs.bucket, Key="incoming/a", Body=b"1")["VersionId"]
    second = client.put_object(Bucket=seaweedfs.bucket, Key="incoming/a", Body=b"2")["VersionId"]
    assert first != second
    got = client.get_object(Bucket=seaweedfs.bucket, Key="incoming/a", VersionId=first)
    assert got["Body"].read() == b"1"


def test_create_only_writes_are_refused_when_the_key_is_there(seaweedfs: seaweedfs.S3Access) -> None:
    client = seaweedfs.client()
    client.put_object(Bucket=seaweedfs.bucket, Key="claim", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=seaweedfs.bucket, Key="claim", Body=b"2", IfNoneMatch="*")


def test_wrong_credentials_are_refused(seaweedfs: seaweedfs.S3Access) -> None:
    stranger = replace(seaweedfs, secret_access_key="not the secret")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.client().list_objects_v2(Bucket=seaweedfs.bucket)


def test_it_listens_on_loopback_only_hides_its_secret_and_leaves_nothing(tmp_path: Path) -> None:
    token = processes.new_token()
    access = seaweedfs.new_access(processes.free_ports(1)[0])
    child = seaweedfs.server(tmp_path, access, token)
    child.start()
    try:
        seaweedfs.wait_until_ready(access, child)
        assert child.process is not None
        listening = {
            each.laddr.ip
            for each in psutil.Process(child.process.pid).net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        assert stat.S_IMODE((tmp_path / "s3.json").stat().st_mode) == 0o600
        assert access.secret_access_key not in " ".join(psutil.Process(child.process.pid).cmdline())
        assert access.secret_access_key not in child.log.read_text(errors="replace")
    finally:
        processes.stop([child], token)
    assert processes.members(token) == []
    assert child.scratch is not None
    assert not child.scratch.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, seaweedfs_server: seaweedfs.S3Access) -> None:
    token = processes.new_token()
    taken = replace(seaweedfs.new_access(1), endpoint=seaweedfs_server.endpoint)
    child = seaweedfs.server(tmp_path, taken, token)
    child.start()
    try:
        with pytest.raises(LocalError, match="seaweedfs ended with exit code"):
            seaweedfs.wait_until_ready(taken, child)
    finally:
        processes.stop([child], token)
