"""Small stages that keep the contract of a stage, as programs in a local image store.

They do not look at pictures: every filed object is one picture, and a device whose name begins with `thief` sees a
person. So the chain, its hand-overs and its failures can be run without decoding or detecting anything. A fault that a
stage should have is read from the image's own `misbehave.json`: `{"kind": "exit" | "hang" | "wait" | "silent", ...}`,
with `stage` for one of the image's stages alone, `shard` for one shard alone, `times` for so many times only.
"""

import hashlib
import json
import os
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nightjar.domain.batch import BatchLine, Outcome, batch_id
from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, Picture
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Counts
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.errors import NightjarError
from nightjar.runtime.manifests import read_lines, read_manifest, write_bytes, write_lines
from nightjar.runtime.stage import StageContext, StageResult, main
from nightjar.stores.detections import Detections
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.footage import footage_key
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import Run, Runs
from nightjar.stores.standard import standard_key

REGISTRY = "registry.example.com/nightjar"
ROOT = Path(__file__).resolve().parents[2]
MISBEHAVE = "misbehave.json"
PICTURES, THREATS = "pictures.jsonl", "threats.jsonl"
_MAIN = """import nightjar.runtime.swift_start
from .stage_programs import start

start("{stage}")
"""


def build_images(store: Path, tag: str = "test-1", python: str = sys.executable) -> dict[str, str]:
    """Build every image; returns the value of Variable `nightjar_images`."""
    for image in STAGE_IMAGES:
        build_image(store, image, tag, python)
    return {"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, tag)}


def build_image(store: Path, image: str, tag: str, python: str = sys.executable, *, real: bool = False) -> Path:
    """One image: a `python` that knows package nightjar, and the image's stages as packages in the working directory.

    With `real`, they are the real ones, run by a Python that has their requirements.
    """
    folder = store / image / tag
    program = folder / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(_program(python))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for stage in STAGES.values():
        if stage.image == image and real:
            shutil.copytree(ROOT / "images" / image / stage.module, folder / stage.module)
        elif stage.image == image:
            package = folder / stage.module
            package.mkdir()
            shutil.copyfile(__file__, package / "stage_programs.py")
            (package / "__init__.py").touch()
            (package / "__main__.py").write_text(_MAIN.format(stage=stage.name))
    digest = hashlib.sha256(f"{image} {tag}".encode()).hexdigest()
    (folder / "image.json").write_text(json.dumps({"digest": digest}))
    return folder


def _program(python: str) -> str:
    """A shell script that is an image's Python: with the Python of the tests, stages are forks (see forked.py)."""
    base = ROOT / "images" / "base"
    start = [python]
    if python == sys.executable:
        from tests.operators import forked  # the copies of this file in images are not among the tests

        start = [python, "-I", "-S", forked.__file__, python, _server(python, str(base))]
    return f'#!/bin/sh\nPYTHONPATH={base} exec {shlex.join(start)} "$@"\n'


@cache
def _server(python: str, base: str) -> str:
    """The socket of the server that forks stages, one for each process of the tests."""
    from tests.operators import forked

    return forked.start_server(python, base)


def misbehave(folder: Path, **how: Any) -> None:
    """Make the image at `folder` do wrong from now on."""
    (folder / "done").unlink(missing_ok=True)
    unfinished = folder / f".{MISBEHAVE}"
    unfinished.write_text(json.dumps(how))
    unfinished.rename(folder / MISBEHAVE)


def behave(folder: Path) -> None:
    """Let the image at `folder` do right again."""
    (folder / MISBEHAVE).unlink(missing_ok=True)


def start(stage: str) -> None:
    """The program."""
    wrong = Path(MISBEHAVE)
    how = json.loads(wrong.read_text()) if wrong.exists() else {}
    mine = {"shard": os.environ.get("NIGHTJAR_SHARD"), "stage": stage}
    if how and all(how.get(name) in (None, value) for name, value in mine.items()):
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
    if how["kind"] == "wait":  # until it is told otherwise
        while Path(MISBEHAVE).exists():
            time.sleep(0.1)
        return
    if how["kind"] == "silent":
        sys.exit(0)

    def work(_context: StageContext) -> StageResult:
        error = type("WrongError", (NightjarError,), {"exit_code": how["code"]})
        raise error(how.get("sentence", "told to"))

    main(stage, work)


def collect(context: StageContext) -> StageResult:
    """Files every object of the drop zone."""
    zone = DropZone(context.store, context.input_prefix)
    lines = []
    for received in zone.waiting(frozenset()):
        if received.name is None:
            continue
        data, _ = context.store.get(received.key, received.version_id)
        ref = write_bytes(context.store, footage_key(received.name), data, content_type="image/jpeg")
        lines.append(
            BatchLine(
                source=received,
                outcome=Outcome.FILED,
                footage_key=ref.key,
                footage_version=ref.version_id,
                sha256=ref.sha256,
            )
        )
    if not lines:
        return StageResult(result={"batch_id": None})
    batch = batch_id(line.source for line in lines)
    ref = Runs(context.store).live(batch).write_batch(lines)
    for line in lines:
        zone.remove(line.source.key, line.source.version_id)
    counts = Counts(received=len(lines), outcomes={"filed": len(lines)})
    return StageResult(counts=counts, objects=[ref], result={"batch_id": batch})


def validate(context: StageContext) -> StageResult:
    """Takes every object for a picture."""
    footage, source = Run(context.store, context.run_prefix).shard(last_segment(context.input_prefix))
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
    """Sees a person on every picture of a thief; a picture that is in the store is known."""
    _, source = read_manifest(context.store, context.input_prefix)
    pictures, _ = read_lines(context.store, f"{context.input_prefix}{PICTURES}", Picture)
    detector = DetectorRef(tag=context.tag, model="none", sha256="0" * 64, settings="0")
    detections, me = Detections(context.store), RunShard.of(context.run_prefix, context.input_prefix)
    refs, known = [], 0
    for camera in sorted({p.camera for p in pictures}):
        objects = (PERSON,) if camera.device.startswith("thief") else ()
        for day in sorted({p.taken_at.date() for p in pictures if p.camera == camera}):
            place = Place(context.tag, camera, day)
            seen = {line.picture.standard_key for line in detections.known(place, me)}
            mine = [p for p in pictures if p.camera == camera and p.taken_at.date() == day]
            known += sum(p.standard_key in seen for p in mine)
            refs.append(detections.write(place, me, [Detection.of(p, detector, objects) for p in mine]))
    counts = Counts(received=len(pictures), outcomes={"detected": len(pictures)}, details={"known": known})
    return StageResult(counts=counts, inputs=[source], objects=refs)


def assess(context: StageContext) -> StageResult:
    """Writes one line a detection with an object; each is an event."""
    manifest, source = read_manifest(context.store, context.input_prefix)
    refs = Detections(context.store).objects_among(manifest.objects)
    lines = [line for ref in refs for line in Detections(context.store).read_object(ref)]
    threats = [line for line in lines if line.objects]
    ref = write_lines(context.store, f"{context.output_prefix}{THREATS}", threats)
    counts = Counts(received=len(lines), outcomes={"threat": len(threats), "safe": len(lines) - len(threats)})
    return StageResult(counts=counts, inputs=[source], objects=[ref], result={"events": len(threats)})


def notify(context: StageContext) -> StageResult:
    """Writes one message a threat into the outbox."""
    _, source = read_manifest(context.store, context.input_prefix)
    threats, _ = read_lines(context.store, f"{context.input_prefix}{THREATS}", Detection)
    refs = [
        write_bytes(context.store, f"outbox/{t.picture.standard_key}.txt", b"thief", content_type="text/plain")
        for t in threats
    ]
    counts = Counts(received=len(refs), outcomes={"sent": len(refs)})
    return StageResult(counts=counts, inputs=[source], objects=refs)


def record(context: StageContext) -> StageResult:
    """Leaves the numbers of the account."""
    manifest, source = read_manifest(context.store, context.input_prefix)
    ref = write_lines(context.store, f"{context.output_prefix}rows.jsonl", [manifest.counts])
    return StageResult(inputs=[source], objects=[ref], result={"day": str(context.day) if context.day else None})


def report(context: StageContext) -> StageResult:
    """Leaves one page, which says how many runs have recorded something."""
    rows = [i.key for i in context.store.list_objects("runs/") if i.key.endswith("/record/rows.jsonl")]
    page = json.dumps(sorted(rows)).encode()
    ref = write_bytes(context.store, "reports/page.json", page, content_type="application/json")
    return StageResult(objects=[ref], result={"runs": len(rows)})


def compare(_context: StageContext) -> StageResult:
    """Finds no difference."""
    return StageResult()


def survey(_context: StageContext) -> StageResult:
    """Finds every camera well."""
    return StageResult()


def tell(_context: StageContext) -> StageResult:
    """Tells nobody of anything."""
    return StageResult()


PERSON = DetectedObject(label="person", probability=0.9, box=(0.1, 0.1, 0.5, 0.9))
WORK = {f.__name__: f for f in (collect, validate, detect, assess, notify, record, report, compare, survey, tell)}
