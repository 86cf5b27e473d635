"""Footage of a round: the same for the same seed, real pictures in the hours before, no name twice."""

import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.names import NameRefused, parse_footage_name
from nightjar_local.chaos.traffic import CAMERAS, EARLIEST, Uploader, footage
from nightjar_local.samples import Sample
from nightjar_local.seaweedfs import S3Access

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def first(seed: int, number: int = 60) -> list[Sample]:
    return list(itertools.islice(footage(seed, NOW), number))


def test_it_follows_from_its_seed_and_has_good_and_bad() -> None:
    samples = first(1)
    assert samples == first(1)
    assert [each.body for each in samples] != [each.body for each in first(2)]
    assert len({each.name for each in samples}) == len(samples)
    cameras = set()
    refused = 0
    for sample in samples:
        try:
            name = parse_footage_name(sample.name)
        except NameRefused:
            refused += 1
            continue
        cameras.add(name.camera.name)
        assert NOW - EARLIEST <= name.taken_at <= NOW - EARLIEST + timedelta(hours=2)
    assert cameras == set(CAMERAS)
    assert 0 <= refused < 10
    assert any(sample.body == b"" for sample in first(1, 200))


def test_each_object_is_sent_until_s3_has_it(seaweedfs: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    uploader = Uploader(seaweedfs, iter([Sample("a", b"1"), Sample("b", b"2")]), seconds=0)
    uploader.start()
    deadline = time.monotonic() + 20
    while len(uploader.tries) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    uploader.stop()
    assert uploader.tries == {"a": 1, "b": 1}
    listed = seaweedfs.client().list_objects_v2(Bucket=seaweedfs.bucket)["Contents"]
    assert [each["Key"] for each in listed] == ["incoming/a", "incoming/b"]
