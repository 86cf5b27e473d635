"""The proxy passes calls on unharmed, and spoils them as it is told to."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from nightjar_local.chaos import s3_proxy
from nightjar_local.chaos.plan import S3Spoil
from nightjar_local.chaos.s3_proxy import S3Proxy
from nightjar_local.seaweedfs import S3Access

pytestmark = pytest.mark.slow  # servers or other programs are started


@pytest.fixture
def proxy(seaweedfs: S3Access) -> Iterator[S3Proxy]:
    with S3Proxy(int(seaweedfs.endpoint.rsplit(":", 1)[1])) as proxy:
        yield proxy


@pytest.fixture
def through(seaweedfs: S3Access, proxy: S3Proxy) -> S3Access:
    return replace(seaweedfs, endpoint=proxy.url)


@pytest.mark.parametrize("key", ["incoming/a b+c%20é.jpg", "x"])
@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_calls_pass_unharmed(through: S3Access, key: str, size: int) -> None:
    client, body = through.client(attempts=1), b"x" * size
    put = client.put_object(Bucket=through.bucket, Key=key, Body=body, Metadata={"sha256": "0"})
    got = client.get_object(Bucket=through.bucket, Key=key)
    assert (got["Body"].read(), got["VersionId"], got["Metadata"]) == (body, put["VersionId"], {"sha256": "0"})
    head = client.head_object(Bucket=through.bucket, Key=key)
    assert head["ContentLength"] == size
    assert "date" in head["ResponseMetadata"]["HTTPHeaders"]
    if size > 2:
        part = client.get_object(Bucket=through.bucket, Key=key, Range="bytes=1-2")
        assert part["Body"].read() == b"xx"
    [listed] = client.list_object_versions(Bucket=through.bucket)["Versions"]
    assert listed["Key"] == key
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=through.bucket, Key=key, Body=b"2", IfNoneMatch="*")
    client.delete_object(Bucket=through.bucket, Key=key, VersionId=put["VersionId"])
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=through.bucket, Key=key)


@pytest.mark.parametrize(
    ("spoil", "error", "is_done"),
    [
        (S3Spoil.RESET, HTTPClientError, False),
        (S3Spoil.LOST_ANSWER, HTTPClientError, True),
        (S3Spoil.ERROR_500, ClientError, False),
        (S3Spoil.ERROR_503, ClientError, False),
        (S3Spoil.CUT, BotoCoreError, True),
    ],
)
def test_a_spoilt_write_is_an_error_done_or_not(
    through: S3Access, proxy: S3Proxy, seaweedfs: S3Access, spoil: S3Spoil, error: type[Exception], is_done: bool
) -> None:
    proxy.spoil(spoil, 1)
    client = through.client(attempts=1)
    with pytest.raises(error):
        client.put_object(Bucket=through.bucket, Key="a", Body=b"a")
    assert ("Contents" in seaweedfs.client().list_objects_v2(Bucket=seaweedfs.bucket)) is is_done
    client.put_object(Bucket=through.bucket, Key="a", Body=b"a")  # the next one is not spoilt
    assert proxy.spoilt == {spoil: 1}


def test_a_cut_answer_ends_in_the_middle(through: S3Access, proxy: S3Proxy) -> None:
    client = through.client(attempts=1)
    client.put_object(Bucket=through.bucket, Key="a", Body=b"a" * 1000)
    proxy.spoil(S3Spoil.CUT, 1)
    answer = client.get_object(Bucket=through.bucket, Key="a")
    assert answer["ContentLength"] == 1000
    with pytest.raises(BotoCoreError):
        answer["Body"].read()


def test_a_delayed_call_is_done(through: S3Access, proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_proxy, "DELAY_SECONDS", 0.1)
    proxy.spoil(S3Spoil.DELAY, 1)
    through.client(attempts=1).put_object(Bucket=through.bucket, Key="a", Body=b"a")


def test_a_retry_heals_what_is_spoilt(through: S3Access, proxy: S3Proxy) -> None:
    proxy.spoil(S3Spoil.RESET, 2)
    through.client(attempts=3).put_object(Bucket=through.bucket, Key="a", Body=b"a")
    assert proxy.spoilt == {S3Spoil.RESET: 2}
    assert proxy.calls == 3


def test_spoilt_calls_do_not_pile_up(through: S3Access, proxy: S3Proxy) -> None:
    proxy.spoil(S3Spoil.RESET, 4)
    proxy.spoil(S3Spoil.ERROR_503, 1)
    client = through.client(attempts=1)
    with pytest.raises(ClientError, match="SlowDown"):
        client.put_object(Bucket=through.bucket, Key="a", Body=b"a")
    client.put_object(Bucket=through.bucket, Key="a", Body=b"a")
