"""`python -m nightjar_detect.looking`: the lines that `nightjar evaluate` takes, from a folder and from the bucket."""

from pathlib import Path

import pytest

from nightjar.domain.evaluation.looked import read_looked
from nightjar.runtime.store import ObjectStore
from nightjar_detect.looking import main
from nightjar_local.seaweedfs import S3Access
from tests.bucket import put_picture
from tests.images.detect.shards import noise


def test_a_folder_is_looked_at(
    model_dir: Path,
    pictures: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NIGHTJAR_MODEL_DIR", str(model_dir))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "somebody.jpg").write_bytes(pictures["astronaut.png"])
    (tmp_path / "damaged.JPEG").write_bytes(pictures["astronaut.png"][:9])
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    assert main([str(tmp_path), "--name", "near"]) == 0
    told = capfd.readouterr()
    looked = read_looked(told.out.splitlines(), "stdout")
    assert looked.head.detector == "near"
    assert "person" in looked.head.labels
    [(name, picture)] = looked.pictures.items()
    assert (name, picture.width, picture.height, picture.objects[0].label) == ("a/somebody", 512, 512, "person")
    assert picture.seconds
    assert "looking: damaged: expected an RGB JPEG" in told.err


def test_a_prefix_of_the_bucket_is_looked_at(
    model_dir: Path,
    seaweedfs: S3Access,
    s3_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**seaweedfs.environment(), "NIGHTJAR_MODEL_DIR": str(model_dir)}.items():
        monkeypatch.setenv(name, value)
    picture = put_picture(s3_store, noise(1))
    assert main(["standard/"]) == 0
    looked = read_looked(capfd.readouterr().out.splitlines(), "stdout")
    assert list(looked.pictures) == [picture.standard_key.removesuffix(".jpg")]


@pytest.mark.parametrize("where", ["no-such-folder", "footage/", ""])
def test_other_places_are_refused(where: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([where]) == 64
    assert "expected a folder of JPEGs, or a prefix that begins with standard/" in capfd.readouterr().err
