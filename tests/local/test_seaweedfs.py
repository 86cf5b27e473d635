"""The local S3 server does what the stages build on, and shows itself to nobody else."""

import stat
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from nightjar_local import keeper, processes, seaweedfs
from nightjar_local.processes import LocalError

pytestmark = pytest.mark.slow  # servers or other programs are started


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
    with seaweedfs.running(tmp_path) as access:
        [session] = keeper.sessions(tmp_path)
        server = psutil.Process(session)
        listening = {each.laddr.ip for each in server.net_connections("inet") if each.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        assert stat.S_IMODE((tmp_path / "s3.json").stat().st_mode) == 0o600
        assert access.secret_access_key not in " ".join(server.cmdline())
        assert access.secret_access_key not in (tmp_path / "seaweedfs.log").read_text(errors="replace")
        sockets = next(Path(word.split("=", 1)[1]).parent for word in server.cmdline() if "filer.localSocket" in word)
        assert sockets.exists()
    assert processes.members(None, {session}) == []
    assert not sockets.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, seaweedfs_server: seaweedfs.S3Access) -> None:
    taken = int(seaweedfs_server.endpoint.rsplit(":", 1)[1])
    with pytest.raises(LocalError, match="SeaweedFS ended with exit code"), seaweedfs.running(tmp_path, port=taken):
        pass
