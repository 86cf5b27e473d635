"""The sample footage in a deployment that is up: put once, whatever happens in between."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightjar_local import sample_drop
from nightjar_local.processes import LocalError
from nightjar_local.sample_drop import drop, drop_into_deployment
from nightjar_local.samples import Sample
from nightjar_local.seaweedfs import S3Access
from nightjar_local.summary import Bucket

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def footage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small pieces of footage instead of the whole."""
    monkeypatch.setattr(
        "nightjar_local.samples.footage",
        lambda now: [Sample(f"alice-porch-{int(now.timestamp()) - each}.jpg", b"x") for each in range(2)],
    )


def test_a_second_time_changes_nothing(footage: None, seaweedfs: S3Access, tmp_path: Path) -> None:
    note, bucket = tmp_path / "samples.json", Bucket(seaweedfs)
    assert "2 pieces of sample footage are on their way" in drop(note, seaweedfs, NOW)
    landed = bucket.keys("incoming/")
    assert len(landed) == 2
    assert drop(note, seaweedfs, LATER) == "The sample footage is there already, put at 2026-11-26T12:00:00+00:00."
    assert bucket.keys("incoming/") == landed


def test_one_that_was_stopped_goes_on_under_the_same_names(
    footage: None, seaweedfs: S3Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, bucket = tmp_path / "samples.json", Bucket(seaweedfs)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sample_drop, "put_footage", stopped)
        drop(note, seaweedfs, NOW)
    assert "on their way" in drop(note, seaweedfs, LATER)
    assert bucket.keys("incoming/") == [f"incoming/alice-porch-{int(NOW.timestamp()) - n}.jpg" for n in (1, 0)]


def test_another_bucket_gets_its_own(footage: None, seaweedfs: S3Access, tmp_path: Path) -> None:
    note = tmp_path / "samples.json"
    note.write_text(json.dumps({"endpoint": "http://elsewhere", "bucket": "b", "at": "x", "whole": True}))
    assert "on their way" in drop(note, seaweedfs, NOW)


def test_rules_of_somebody_else_stay_and_it_says_so(footage: None, seaweedfs: S3Access, tmp_path: Path) -> None:
    client = seaweedfs.client()
    client.put_object(Bucket=seaweedfs.bucket, Key="config/rules.yaml", Body=b"users: {}")
    assert "refused as unknown-camera" in drop(tmp_path / "samples.json", seaweedfs, NOW)
    assert Bucket(seaweedfs).read("config/rules.yaml") == b"users: {}"


def test_without_a_deployment_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="`make up` starts it"):
        drop_into_deployment(tmp_path)
