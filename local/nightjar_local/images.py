"""The local image store: what a container image holds, as a virtual environment in a folder that never changes.

    .nightjar/images/<stage>/<tag>/image.json       what it is and was built from; written last
    .nightjar/images/<stage>/<tag>/venv/bin/python  runs `-m nightjar_<stage>`

A tag comes from the content unless it is given: the locked requirements, the package `nightjar` and the packages of the
image's stages, for `detect` how its model is built. A tag is never reused with other content.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nightjar.domain.release import Images, Tag
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar_local.layout import CACHE, IMAGES, PYTHON, ROOT, UV
from nightjar_local.processes import LocalError

REGISTRY = "localhost/nightjar"
LAYOUT_VERSION = 1  # part of every content digest: raise it when this module lays images out differently

MODEL_FOLDER = "model"  # beside `venv`, as in the container image


def build_all(tag: str | None = None, store: Path = IMAGES) -> dict[str, Any]:
    """Build the image of every stage that is not there yet; returns the value of the Variable `nightjar_images`.

    Raises LocalError if `tag` is none or names an image with other content, or if a build fails.
    """
    check_tag(tag)
    with _exclusive(store), ThreadPoolExecutor(max_workers=2) as pool:
        tags = dict(zip(STAGE_IMAGES, pool.map(lambda stage: build(stage, tag, store), STAGE_IMAGES), strict=True))
    return Images.model_validate({"registry": REGISTRY, **tags}).model_dump(by_alias=True)


def tags_of(stage: str, store: Path = IMAGES) -> list[str]:
    """The tags of `stage` that hold what the sources would give now, newest first."""
    digest = content_digest(stage)
    records = sorted((store / stage).glob("*/image.json"), key=lambda record: record.stat().st_mtime_ns, reverse=True)
    return [record.parent.name for record in records if json.loads(record.read_text())["digest"] == digest]


def build_alone(stage: str, tag: str | None = None, store: Path = IMAGES) -> str:
    """`build`, while no other process builds in the store."""
    check_tag(tag)
    with _exclusive(store):
        return build(stage, tag, store)


def build(stage: str, tag: str | None = None, store: Path = IMAGES) -> str:
    """Build one stage's image unless it is there, and return its tag.

    Raises LocalError if the tag is none or exists with other content, or if the build fails.
    """
    check_tag(tag)
    digest = content_digest(stage)
    tag = tag or f"sha-{digest[:12]}"
    target = store / stage / tag
    record = target / "image.json"
    if record.exists():
        there = json.loads(record.read_text())["digest"]
        if there != digest:
            raise LocalError(
                f"image {stage}:{tag} is there with other content ({there[:12]}, the sources are {digest[:12]}); "
                f"a tag is never reused: choose another TAG"
            )
        return tag
    print(f"images: building {stage}:{tag}", flush=True)
    shutil.rmtree(target, ignore_errors=True)  # an interrupted build left it
    target.mkdir(parents=True)
    _make_environment(stage, target)
    if stage == "detect":
        shutil.copytree(detection_model(), target / MODEL_FOLDER)
    _seal(record, {"stage": stage, "tag": tag, "digest": digest, "layout": LAYOUT_VERSION})
    return tag


def check_tag(tag: str | None) -> None:
    """Raise LocalError, before it becomes a path or a reference, if `tag` is not one that the Variable may name."""
    if tag is not None:
        try:
            TypeAdapter(Tag).validate_python(tag)
        except ValidationError as error:
            raise LocalError(f"TAG: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def detection_model() -> Path:
    """The folder of the detection model, built if it is not there: for the image, tests and benchmarks."""
    with _exclusive(CACHE):
        return _model()


def content_digest(stage: str) -> str:
    """SHA-256 of everything that decides what the image holds."""
    return digest_of_sources(_sources(stage), f"image layout {LAYOUT_VERSION}, Python {sys.version}")


def digest_of_sources(sources: Iterable[Path], *words: str) -> str:
    """SHA-256 of the files below `sources`, with their paths in the clone, and of the words."""
    parts = dict.fromkeys(words, "")
    for source in sources:
        parts |= _digests(source)
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _sources(stage: str) -> list[Path]:
    own = ROOT / "images" / stage
    sources = [*_packages(stage), own / "requirements.txt"]
    return [*sources, own / "model"] if stage == "detect" else sources


def _packages(image: str) -> list[Path]:
    """The package `nightjar`, and that of each stage which the image holds."""
    own = ROOT / "images" / image
    return [ROOT / "images" / "base" / "nightjar", *(own / s.module for s in STAGES.values() if s.image == image)]


def _make_environment(stage: str, target: Path) -> None:
    own = ROOT / "images" / stage
    python = target / "venv" / "bin" / "python"
    _run(str(UV), "venv", "-q", "--python", str(PYTHON), str(target / "venv"))
    _run(str(UV), "pip", "sync", "-q", "--python", str(python), "--require-hashes", str(own / "requirements.txt"))
    [site] = (target / "venv" / "lib").glob("python3.*/site-packages")
    for package in _packages(stage):
        shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    # A stage without bytecode takes seconds longer to start, every time; a few files are not meant to compile.
    subprocess.run([str(python), "-m", "compileall", "-q", str(site)], capture_output=True, check=False)


def _model() -> Path:
    """The detection model, built by TensorFlow once for each content of its build inputs; takes a minute or two."""
    source = ROOT / "images" / "detect" / "model"
    model = CACHE / "model" / digest_of_sources([source])[:16]
    if (model / "done").exists():
        return model / "files"
    print("images: building the detection model with TensorFlow", flush=True)
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir(parents=True)
    environment, python = model / "venv", model / "venv" / "bin" / "python"
    _run(str(UV), "venv", "-q", "--python", str(PYTHON), str(environment))
    locked = str(source / "requirements.txt")
    _run(str(UV), "pip", "sync", "-q", "--compile-bytecode", "--python", str(python), "--require-hashes", locked)
    _run(str(python), str(source / "build.py"), "--output", str(model / "files"))
    shutil.rmtree(environment)
    (model / "done").touch()
    return model / "files"


def _digests(source: Path) -> dict[str, str]:
    """The SHA-256 of every file under `source`, by path; bytecode left out."""
    if not source.exists():
        raise LocalError(f"expected {source.relative_to(ROOT)}, which an image is built from; it is not there")
    files = [source] if source.is_file() else sorted(source.rglob("*"))
    return {
        file.relative_to(ROOT).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }


def _seal(record: Path, content: Mapping[str, Any]) -> None:
    unfinished = record.with_suffix(".new")
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.rename(record)


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """One build at a time below `folder`, over all processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str) -> None:
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    result = subprocess.run(command, cwd=ROOT, env=clean, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise LocalError(f"{' '.join(command)} ended with exit code {result.returncode}:\n{said}")
