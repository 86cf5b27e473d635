"""The local image store: what a container image holds, as a virtual environment in a folder that never changes.

    .nightjar/images/<stage>/<tag>/image.json       what it is and was built from; written last
    .nightjar/images/<stage>/<tag>/venv/bin/python  runs `-m nightjar_<stage>`

A tag comes from the content unless it is given: the locked requirements, the package `nightjar` and the packages of the
image's stages, for `detect` which detector it holds and how that is built. A tag is never reused with other content.
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
from nightjar_local import detectors
from nightjar_local.layout import CACHE, IMAGES, PYTHON, ROOT, UV
from nightjar_local.processes import LocalError

REGISTRY = "localhost/nightjar"
LAYOUT_VERSION = 1  # part of every content digest: raise it when this module lays images out differently

DETECT = "detect"  # the image that is built in variants, each with a detector of its own
MODEL_FOLDER = "model"  # beside `venv`, as in the container image


def build_all(tag: str | None = None, store: Path = IMAGES) -> dict[str, Any]:
    """Build the image of every stage that is not there yet; returns the value of the Variable `nightjar_images`.

    That of detect has the default detector. Raises LocalError if `tag` is none or names an image with other content, or
    if a build fails.
    """
    check_tag(tag)
    with _exclusive(store), ThreadPoolExecutor(max_workers=2) as pool:
        tags = dict(zip(STAGE_IMAGES, pool.map(lambda stage: build(stage, tag, store), STAGE_IMAGES), strict=True))
    return Images.model_validate({"registry": REGISTRY, **tags}).model_dump(by_alias=True)


def tags_of(stage: str, detector: str | None = None, store: Path = IMAGES) -> list[str]:
    """The tags of `stage` that hold what the sources would give now, newest first.

    Of `detect`, those with `detector`, or with the default detector.
    """
    digest = content_digest(stage, detector)
    records = sorted((store / stage).glob("*/image.json"), key=lambda record: record.stat().st_mtime_ns, reverse=True)
    return [record.parent.name for record in records if json.loads(record.read_text())["digest"] == digest]


def detector_of(tag: str, store: Path = IMAGES) -> str | None:
    """The detector in the image `detect:<tag>`; None where that image is not there or is older than the variants."""
    record = store / DETECT / tag / "image.json"
    name = json.loads(record.read_text()).get("detector") if record.exists() else None
    return str(name) if name in detectors.names() else None


def build_alone(stage: str, tag: str | None = None, detector: str | None = None, store: Path = IMAGES) -> str:
    """`build`, while no other process builds in the store."""
    check_tag(tag)
    with _exclusive(store):
        return build(stage, tag, store, detector)


def build(stage: str, tag: str | None = None, store: Path = IMAGES, detector: str | None = None) -> str:
    """Build one stage's image unless it is there, and return its tag.

    `detector` names the one that `detect` holds; the default one if it is None. Raises LocalError if the tag is none or
    exists with other content, if no detector has that name, or if the build fails.
    """
    check_tag(tag)
    detector = (detector or detectors.default()) if stage == DETECT else None
    digest = content_digest(stage, detector)
    tag = tag or tag_of(digest, detector)
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
    content = {"stage": stage, "tag": tag, "digest": digest, "layout": LAYOUT_VERSION}
    if detector:
        shutil.copytree(detection_model(detector), target / MODEL_FOLDER)
        content["detector"] = detector
    _seal(record, content)
    return tag


def tag_of(digest: str, detector: str | None) -> str:
    """The tag that content gives, in every store of images: one with a detector ends with the detector's name."""
    return f"sha-{digest[:12]}{f'-{detector}' if detector else ''}"


def check_tag(tag: str | None) -> None:
    """Raise LocalError, before it becomes a path or a reference, if `tag` is not one that the Variable may name."""
    if tag is not None:
        try:
            TypeAdapter(Tag).validate_python(tag)
        except ValidationError as error:
            raise LocalError(f"TAG: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def detection_model(detector: str | None = None) -> Path:
    """The folder of a detector's model and card, built if it is not there: for the image, tests and benchmarks.

    It is the default detector's unless one is named. Raises LocalError if none has that name, or if the build fails.
    """
    with _exclusive(CACHE):
        return _model(detector or detectors.default())


def model_builder() -> Path:
    """The Python that builds detectors, with TensorFlow and npm, made if it is not there."""
    with _exclusive(CACHE):
        return _model_builder()


def content_digest(stage: str, detector: str | None = None) -> str:
    """SHA-256 of everything that decides what the image holds; of `detect`, with `detector` or the default one."""
    words = [f"image layout {LAYOUT_VERSION}, Python {sys.version}"]
    own = ROOT / "images" / stage
    sources = [*_packages(stage), own / "requirements.txt"]
    if stage == DETECT:
        detector = detector or detectors.default()
        words.append(f"detector {detector}")
        sources += detectors.sources(detector)
    return digest_of_sources(sources, *words)


def digest_of_sources(sources: Iterable[Path], *words: str) -> str:
    """SHA-256 of the files below `sources`, with their paths in the clone, and of the words."""
    parts = dict.fromkeys(words, "")
    for source in sources:
        parts |= _digests(source)
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


def _model(detector: str) -> Path:
    """The detector's files, built once for each content of its build inputs; takes a minute or two."""
    model = CACHE / "model" / f"{detector}-{digest_of_sources(detectors.sources(detector))[:16]}"
    if (model / "done").exists():
        return model / "files"
    print(f"images: building the detector {detector} with TensorFlow", flush=True)
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir(parents=True)
    build = [str(detectors.SOURCE / "build.py"), "--detector", detector, "--output", str(model / "files")]
    _run(str(_model_builder()), *build)
    (model / "done").touch()
    return model / "files"


def _model_builder() -> Path:
    """The Python that has TensorFlow, in an environment that is kept: the variants are built one after the other.

    Its files are links to those in uv's cache, and bytecode is made of what is imported only.
    """
    locked = detectors.SOURCE / "requirements.txt"
    environment = CACHE / "model-builder" / digest_of_sources([locked])[:16]
    python = environment / "bin" / "python"
    if not (environment / "done").exists():
        shutil.rmtree(environment.parent, ignore_errors=True)
        _run(str(UV), "venv", "-q", "--python", str(PYTHON), str(environment))
        _run(str(UV), "pip", "sync", "-q", "--python", str(python), "--require-hashes", str(locked))
        (environment / "done").touch()
    return python


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
