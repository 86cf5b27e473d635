"""The local image store: a tag is content, never changes, and is either whole or not there."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local import detectors, images
from nightjar_local.processes import LocalError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the image of collect, by its content and as `1.0.0`."""
    folder = tmp_path_factory.mktemp("images")
    images.build("collect", store=folder)
    images.build("collect", "1.0.0", store=folder)
    return folder


def test_a_tag_comes_from_the_content(store: Path) -> None:
    tag = f"sha-{images.content_digest('collect')[:12]}"
    record = json.loads((store / "collect" / tag / "image.json").read_text())
    assert record == {"stage": "collect", "tag": tag, "digest": images.content_digest("collect"), "layout": 1}


def test_every_stage_has_content_of_its_own() -> None:
    assert len({images.content_digest(stage) for stage in STAGE_IMAGES}) == len(STAGE_IMAGES)


def test_detect_has_content_of_its_own_for_each_detector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("near", "oid"):
        (tmp_path / "recipes").mkdir(exist_ok=True)
        (tmp_path / "recipes" / f"{name}.py").touch()
    (tmp_path / "default").write_text("near")
    monkeypatch.setattr(detectors, "SOURCE", tmp_path)
    monkeypatch.setattr(images, "digest_of_sources", lambda sources, *words: f"{sorted(sources)} {words}")
    near, oid = (images.content_digest("detect", name) for name in ("near", "oid"))
    assert near != oid
    assert images.content_digest("detect") == near
    assert "near" not in images.content_digest("collect")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (None, None),
        ({"stage": "detect"}, None),  # of a release before the variants
        ({"stage": "detect", "detector": detectors.REFERENCE}, detectors.REFERENCE),
        ({"stage": "detect", "detector": "one that is no more"}, None),
    ],
)
def test_an_image_of_detect_tells_its_detector(
    record: dict[str, str] | None, expected: str | None, tmp_path: Path
) -> None:
    if record:
        (tmp_path / "detect" / "1.0.0").mkdir(parents=True)
        (tmp_path / "detect" / "1.0.0" / "image.json").write_text(json.dumps(record))
    assert images.detector_of("1.0.0", tmp_path) == expected


@pytest.mark.parametrize("name", sorted({detectors.default(), detectors.REFERENCE, "nano"}))
def test_an_image_of_detect_holds_its_detector_alone(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that take seconds to build; `make bench` builds the others, which take half a minute each."""
    monkeypatch.setattr(images, "_make_environment", lambda _stage, _target: None)  # that of the test below
    tag = images.build("detect", store=store, detector=name)
    assert tag == f"sha-{images.content_digest('detect', name)[:12]}-{name}"
    assert images.detector_of(tag, store) == name
    assert images.tags_of("detect", name, store) == [tag]
    model = store / "detect" / tag / images.MODEL_FOLDER
    card = json.loads((model / "model_card.json").read_text())
    artefacts = {each["path"]: each["sha256"] for each in card["artefacts"].values()}
    files = {path.relative_to(model).as_posix(): path for path in model.rglob("*") if path.is_file()}
    assert artefacts == {path: sha256(files[path].read_bytes()).hexdigest() for path in artefacts}
    assert {path for path in files if path.endswith((".tflite", ".pb"))} == set(artefacts)
    assert ("saved_model" in card["artefacts"]) == (name == detectors.REFERENCE), "what only TensorFlow runs"
    assert {"LICENSE", "MODEL_CARD.md"} <= set(files)


def test_an_image_runs_its_stage_without_this_clone(store: Path, tmp_path: Path) -> None:
    python = store / "collect" / "1.0.0" / "venv" / "bin" / "python"
    script = "import nightjar, nightjar_collect; print(nightjar.__file__); print(nightjar_collect.__cached__)"
    found = subprocess.run([python, "-c", script], cwd=tmp_path, env={}, text=True, capture_output=True, check=True)
    where, bytecode = found.stdout.splitlines()
    assert Path(where).is_relative_to(store)
    assert Path(bytecode).exists()
    helped = subprocess.run(
        [python, "-m", "nightjar_collect", "--help"], cwd=tmp_path, env={}, text=True, capture_output=True, check=True
    )
    assert "usage: nightjar_collect" in helped.stdout


def test_building_what_is_there_changes_nothing(store: Path) -> None:
    record = store / "collect" / "1.0.0" / "image.json"
    before = record.stat().st_mtime_ns
    assert images.build("collect", "1.0.0", store=store) == "1.0.0"
    assert record.stat().st_mtime_ns == before


def test_a_tag_is_never_reused_with_other_content(store: Path) -> None:
    record = store / "collect" / "0.9.0" / "image.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"digest": "f" * 64}))
    with pytest.raises(LocalError, match=r"collect:0\.9\.0 is there with other content .* choose another TAG"):
        images.build("collect", "0.9.0", store=store)


@pytest.mark.parametrize("tag", ["../../cache", "feature/x", "latest", "a b", ".."])
def test_a_tag_that_is_none_is_refused_before_anything_is_touched(tmp_path: Path, tag: str) -> None:
    store, cache = tmp_path / "a" / "images", tmp_path / "a" / "cache"
    cache.mkdir(parents=True)
    for build in (lambda: images.build("collect", tag, store=store), lambda: images.build_all(tag, store=store)):
        with pytest.raises(LocalError, match="TAG: expected a"):
            build()
    assert cache.exists()
    assert not store.exists()


def test_an_interrupted_build_is_made_again(store: Path) -> None:
    target = store / "collect" / "1.1.0"
    (target / "venv" / "bin").mkdir(parents=True)
    (target / "venv" / "rest of an interrupted build").touch()
    images.build("collect", "1.1.0", store=store)
    assert (target / "image.json").exists()
    assert not (target / "venv" / "rest of an interrupted build").exists()
