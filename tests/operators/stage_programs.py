"""Six small stages that keep the contract of a stage, as programs in a local image store.

They do not look at pictures: every filed object is one picture, and a device called `thief` is a threat. So the chain,
its hand-overs and its failures can be run without decoding or detecting anything. What a stage should do wrong is read
from the image's own `misbehave.json`: `{"kind": "exit" | "hang" | "silent", ...}`, with `shard` for one alone.
"""

import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nightjar.domain.batch import BatchLine, Footage, Outcome, ReceivedVersion, batch_id
from nightjar.domain.detections import Detection, DetectorRef, Picture
from nightjar.domain.layout import (
    BATCH,
    LIVE,
    PICTURES,
    SHARD,
    detections_prefix,
    footage_key,
    run_prefix,
    standard_key,
)
from nightjar.domain.manifest import Counts
from nightjar.domain.names import parse_footage_name
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import NightjarError
from nightjar.runtime.manifests import read_lines, read_manifest, reference, write_bytes, write_lines
from nightjar.runtime.stage import StageContext, StageResult, main

REGISTRY = "registry.example.com/nightjar"
ROOT = Path(__file__).resolve().parents[2]
MISBEHAVE = "misbehave.json"


def build_images(store: Path, tag: str = "test-1", python: str = sys.executable) -> dict[str, str]:
    """Build every stage's image; returns the value of Variable `nightjar_images`."""
    for stage in STAGE_IMAGES:
        build_image(store, stage, tag, python)
    return {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, tag)}


def build_image(store: Path, stage: str, tag: str, python: str = sys.executable) -> Path:
    """One image: a `python` that knows package nightjar, and the stage as a package in the working directory."""
    folder = store / stage / tag
    program = folder / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT / "images" / "base"} exec {python} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    package = folder / f"nightjar_{stage}"
    package.mkdir()
    shutil.copyfile(__file__, package / "stage_programs.py")
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(f'from .stage_programs import start\n\nstart("{stage}")\n')
    (folder / "image.json").write_text("{}")
    return folder


def misbehave(folder: Path, **how: Any) -> None:
    """Make the image at `folder` do wrong from now on."""
    (folder / MISBEHAVE).write_text(json.dumps(how))


def start(stage: str) -> None:
    """The program."""
    wrong = Path(MISBEHAVE)
    how = json.loads(wrong.read_text()) if wrong.exists() else {}
    if how and how.get("shard") in (None, os.environ.get("NIGHTJAR_SHARD")):
        _do_wrong(stage, how)
    main(stage, WORK[stage])


def _do_wrong(stage: str, how: Mapping[str, Any]) -> None:
    if times := how.get("times"):
        done = Path("done")
        so_far = len(done.read_text()) if done.exists() else 0
        if so_far >= times:
            return
        done.write_text("x" * (so_far + 1))
    if how["kind"] == "hang":
        time.sleep(600)
    if how["kind"] == "silent":
        sys.exit(0)

    def work(_context: StageContext) -> StageResult:
        error = type("WrongError", (NightjarError,), {"exit_code": how["code"]})
        raise error(how.get("sentence", "told to"))

    main(stage, work)


def collect(context: StageContext) -> StageResult:
    """Files every object of the drop zone."""
    found = list(context.store.list_objects(context.input_prefix))
    lines = []
    for info in found:
        data, info = context.store.get(info.key)
        version = ReceivedVersion(
            key=info.key, version_id=info.version_id, size=info.size, received_at=info.modified_at
        )
        key = footage_key(parse_footage_name(info.key.rsplit("/", 1)[-1]))
        ref = write_bytes(context.store, key, data, content_type="image/jpeg")
        lines.append(
            BatchLine(
                source=version,
                outcome=Outcome.FILED,
                footage_key=ref.key,
                footage_version=ref.version_id,
                sha256=ref.sha256,
            )
        )
    if not lines:
        return StageResult(result={"batch_id": None})
    batch = batch_id(line.source for line in lines)
    ref = write_lines(context.store, f"{run_prefix(LIVE, batch)}{BATCH}", lines)
    for line in lines:
        context.store.delete(line.source.key, line.source.version_id)
    counts = Counts(received=len(lines), outcomes={"filed": len(lines)})
    return StageResult(counts=counts, objects=[ref], result={"batch_id": batch})


def validate(context: StageContext) -> StageResult:
    """Takes every object for a picture."""
    footage, source = read_lines(context.store, f"{context.input_prefix}{SHARD}", Footage)
    pictures = [
        Picture(
            user=one.camera.user,
            device=one.camera.device,
            taken_at=one.name.taken_at,
            footage_key=one.key,
            footage_version=one.version_id,
            standard_key=standard_key(one.camera, one.name.taken_at),
            standard_sha256=one.sha256,
            width=640,
            height=480,
        )
        for one in footage
    ]
    ref = write_lines(context.store, f"{context.output_prefix}{PICTURES}", pictures)
    counts = Counts(received=len(pictures), outcomes={"standard": len(pictures)}, details={"videos": 0})
    return StageResult(counts=counts, inputs=[source], objects=[ref])


def detect(context: StageContext) -> StageResult:
    """Sees nothing; a picture that is in the store is known."""
    _, source = read_manifest(context.store, context.input_prefix)
    pictures, _ = read_lines(context.store, f"{context.input_prefix}{PICTURES}", Picture)
    detector = DetectorRef(tag=context.tag, model="none", sha256="0" * 64, settings="0")
    refs, known = [], 0
    for camera in sorted({p.camera for p in pictures}):
        for day in sorted({p.taken_at.date() for p in pictures if p.camera == camera}):
            prefix = detections_prefix(context.tag, day, camera)
            there = [read_lines(context.store, i.key, Detection) for i in context.store.list_objects(prefix)]
            refs += [ref for _, ref in there]
            seen = {line.picture.standard_key for lines, _ in there for line in lines}
            mine = [p for p in pictures if p.camera == camera and p.taken_at.date() == day]
            new = [p for p in mine if p.standard_key not in seen]
            known += len(mine) - len(new)
            if new:
                lines = [Detection.of(p, detector, ()) for p in new]
                refs.append(write_lines(context.store, f"{prefix}{context.run}.jsonl", lines))
    counts = Counts(received=len(pictures), outcomes={"detected": len(pictures)}, details={"known": known})
    return StageResult(counts=counts, inputs=[source], objects=refs)


def assess(context: StageContext) -> StageResult:
    """Writes one line a detection of a thief."""
    manifest, source = read_manifest(context.store, context.input_prefix)
    found = [line for ref in manifest.objects for line in read_lines(context.store, ref.key, Detection)[0]]
    threats = [line for line in found if line.picture.device == "thief"]
    ref = write_lines(context.store, f"{context.output_prefix}threats.jsonl", threats)
    return StageResult(inputs=[source], objects=[ref], result={"threats": len(threats)})


def notify(context: StageContext) -> StageResult:
    """Writes one message a threat into the outbox."""
    _, source = read_manifest(context.store, context.input_prefix)
    threats, _ = read_lines(context.store, f"{context.input_prefix}threats.jsonl", Detection)
    refs = [
        write_bytes(context.store, f"outbox/{t.picture.standard_key}.txt", b"thief", content_type="text/plain")
        for t in threats
    ]
    counts = Counts(received=len(refs), outcomes={"sent": len(refs)})
    return StageResult(counts=counts, inputs=[source], objects=refs)


def report(context: StageContext) -> StageResult:
    """Counts."""
    _, source = read_manifest(context.store, context.input_prefix)
    data, info = context.store.get(f"{context.input_prefix}_manifest.json")
    assert reference(info, data) == source
    return StageResult(inputs=[source], result={"day": str(context.day) if context.day else None})


WORK = {f.__name__: f for f in (collect, validate, detect, assess, notify, report)}
