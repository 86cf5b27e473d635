"""`nightjar export`: the detections of a detector as files: one JSON a picture, one CSV, or annotated pictures."""

import argparse
import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import InputError, UsageError
from nightjar.queries.deployed import detector_folder
from nightjar.queries.known_cameras import cameras_named

if TYPE_CHECKING:
    from nightjar.domain.detections import Detection
    from nightjar.domain.names import Camera
    from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)

CSV_NAME = "detections.csv"
CSV_COLUMNS = (
    *("user", "device", "taken_at", "label", "probability", "x_min", "y_min", "x_max", "y_max"),
    *("standard_key", "standard_sha256", "footage_key", "footage_version", "detector", "model", "model_sha256"),
    "mark",
)
_READERS = 8


@dataclass(frozen=True)
class Wanted:
    """Which detections: of one detector, from `start` up to, not including, `end`, of `cameras` or (none given) all."""

    detector: str
    start: datetime = BEGINNING
    end: datetime = END
    cameras: "frozenset[Camera]" = frozenset()

    def holds(self, line: "Detection") -> bool:
        """Whether the picture of `line` was taken in time."""
        return self.start <= line.picture.taken_at < self.end


@dataclass
class Exported:
    """How much was exported."""

    pictures: int = 0
    objects: int = 0
    missing: int = 0  # pictures that are no longer in the bucket, or are others by now


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export` to the command line."""
    export = commands.add_parser(
        "export",
        help="what the detector saw: JSON, CSV or annotated pictures",
        description="Write what a detector saw to files below --out: DIR/<user>-<device>/<time>.json, one a picture; "
        f"DIR/{CSV_NAME}, a row an object, and one for a picture without any; or DIR/<user>-<device>/<time>.jpg with "
        "boxes drawn, dashed where the detector did not look and has the objects from other pictures. "
        "A file that is there with the same content is left, with other content it is an error.",
    )
    export.add_argument("--format", choices=sorted(_FORMATS), required=True)
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="made where it is missing")
    add_range(export)
    export.add_argument("--camera", nargs="+", action="extend", default=[], metavar="USER-DEVICE", help="default: all")
    export.add_argument("--detector", metavar="NAME", help="its id, or the tag of its image; default: the deployed one")
    export.set_defaults(run=run_export)


def run_export(given: argparse.Namespace) -> int:
    """Export as the command line says; returns 0, or 65 when some pictures are no longer there."""
    from nightjar.domain.tally import many
    from nightjar.runtime.progress import log_handler
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log_handler(sys.stderr)])
    check_range(given)
    store = S3Store(load(StoreSettings))
    cameras = cameras_named(store, given.camera)
    wanted = Wanted(detector_folder(store, given.detector), given.start, given.end, cameras)
    done = export(store, wanted, given.format, given.out)
    pictures, objects = many(done.pictures, "picture"), many(done.objects, "object")
    sys.stdout.write(f"{pictures}, {objects} by detector {wanted.detector}: {given.out}\n")
    if done.missing:
        total = done.pictures + done.missing
        raise InputError(f"expected {total} pictures, {done.missing} are gone or are others than the detector saw")
    return 0


def export(store: "ObjectStore", wanted: Wanted, kind: str, out: Path) -> Exported:
    """Write what is `wanted` below `out` in the format `kind`; raises UsageError where a file has other content."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _FORMATS[kind](store, wanted, out)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename!r}: {error.strerror}") from None


def detections(store: "ObjectStore", wanted: Wanted) -> Iterator["Detection"]:
    """The detections that are wanted, by day, camera and time, logging progress; a camera's day in memory at a time."""
    from nightjar.runtime.progress import Progress
    from nightjar.stores.detections import Detections

    lines = Detections(store)
    places = list(lines.places(wanted.detector, wanted.start.date(), wanted.end.date(), wanted.cameras or None))
    progress = Progress("days of cameras read", len(places), every=5.0)
    for place in places:
        yield from filter(wanted.holds, lines.read(place))
        progress.add()


def _as_json(store: "ObjectStore", wanted: Wanted, out: Path) -> Exported:
    done = Exported()
    for line in detections(store, wanted):
        text = json.dumps(line.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False)
        _write(_file(out, line, "json"), f"{text}\n".encode())
        _count(done, line)
    return done


def _as_csv(store: "ObjectStore", wanted: Wanted, out: Path) -> Exported:
    done = Exported()
    target = out / CSV_NAME
    part = out / f".{CSV_NAME}.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for line in detections(store, wanted):
            writer.writerows(_csv_rows(line))
            _count(done, line)
    if target.exists() and not _same_content(part, target):
        part.unlink()
        raise _other_content(target)
    part.replace(target)
    return done


def _as_pictures(store: "ObjectStore", wanted: Wanted, out: Path) -> Exported:
    from nightjar.runtime.parallel import in_parallel

    done = Exported()

    def draw(line: "Detection") -> "Detection | None":
        jpeg = _annotated(store, line)
        if jpeg is None:
            return None
        _write(_file(out, line, "jpg"), jpeg)
        return line

    for drawn in in_parallel(draw, detections(store, wanted), _READERS):
        if drawn:
            _count(done, drawn)
        else:
            done.missing += 1
    return done


_FORMATS: dict[str, Callable[["ObjectStore", Wanted, Path], Exported]] = {
    "json": _as_json,
    "csv": _as_csv,
    "pictures": _as_pictures,
}


def _annotated(store: "ObjectStore", line: "Detection") -> bytes | None:
    """The picture with its boxes; None when it is not the one that the detector saw, which the log tells."""
    try:
        from nightjar.runtime.annotate import annotate
    except ModuleNotFoundError as error:
        raise UsageError(f"annotated pictures need Pillow, which this installation lacks: {error}") from None
    from nightjar.stores.standard import PictureError, StandardPictures

    try:
        return annotate(StandardPictures(store).read(line.picture), line.objects, is_dashed=not line.is_seen)
    except PictureError as error:
        log.warning("not exported: %s", error)
        return None


def _csv_rows(line: "Detection") -> Iterator[list[object]]:
    from nightjar.domain.model import iso_utc

    picture, detector = line.picture, line.detector
    head = [picture.user, picture.device, iso_utc(picture.taken_at)]
    tail = [picture.standard_key, picture.standard_sha256, picture.footage_key, picture.footage_version]
    tail += [detector.tag, detector.model, detector.sha256, line.mark.how if line.mark else ""]
    for one in line.objects:
        yield [*head, one.label, one.probability, *one.box, *tail]
    if not line.objects:
        yield [*head, *[""] * 6, *tail]


def _file(out: Path, line: "Detection", extension: str) -> Path:
    """`<out>/<user>-<device>/<time>.<extension>`; names come from outside, so they are checked here once more."""
    from nightjar.domain.model import ms_from_utc
    from nightjar.domain.names import Camera, NameRefused, time_digits

    try:
        camera = Camera.parse(line.picture.camera.name)
    except NameRefused as error:
        raise InputError(f"expected detections of a camera: {error}") from None
    return out / camera.name / f"{time_digits(ms_from_utc(line.picture.taken_at))}.{extension}"


def _write(file: Path, data: bytes) -> None:
    """Write a file whole or not at all; raises UsageError when there is one with other content."""
    if file.exists():
        if file.read_bytes() != data:
            raise _other_content(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)


def _other_content(file: Path) -> UsageError:
    return UsageError(f"expected no file at {str(file)!r}, or the same content, found other; give another --out")


def _same_content(first: Path, second: Path) -> bool:
    with first.open("rb") as one, second.open("rb") as other:
        size = io.DEFAULT_BUFFER_SIZE
        chunks = iter(lambda: (one.read(size), other.read(size)), (b"", b""))
        return all(a == b for a, b in chunks)


def _count(done: Exported, line: "Detection") -> None:
    done.pictures += 1
    done.objects += len(line.objects)
