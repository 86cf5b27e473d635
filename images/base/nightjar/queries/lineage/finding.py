"""Finds stored things for a lineage: the line about a picture, the picture of a line, the original of a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from nightjar.domain.detections import Detection, LookedAt, Picture
from nightjar.domain.detectors import detector_id
from nightjar.domain.events import ThreatPicture
from nightjar.domain.layout import digest, last_segment
from nightjar.domain.names import Camera, FootageName
from nightjar.domain.reproduction.request import Reproduction
from nightjar.domain.validations import Validation
from nightjar.errors import InputError
from nightjar.queries.lineage.makers import batch_line, began, made_by, of_file, written
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import By, DetectionOf, OriginalOf, PictureOf, UploadOf
from nightjar.runtime.store import ObjectInfo, ObjectUnreadableError
from nightjar.stores.detections import Detections
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.footage import footage_of
from nightjar.stores.line_store import LineStore, Place
from nightjar.stores.reproductions import reproduction_key
from nightjar.stores.standard import standard_key
from nightjar.stores.validations import Validations

# Of a camera and day, so many files are looked through for a line, the likely ones first.
MOST_FILES = 32
_CLOCK_AHEAD = timedelta(minutes=10)
FOOTAGE_KEY, FOOTAGE_VERSION = "footage-key", "footage-version"  # in the metadata of a standard picture


def files_of(reading: Reading, store: LineStore[Any], place: Place, moment: datetime) -> list[ObjectInfo]:
    """The files of a camera and day, those first that are likely to have a picture of `moment`.

    A picture is looked at by the first run after it was taken, mostly; clocks of cameras run ahead a little.
    """
    files = reading.once(("files", store.TOP, place), lambda: store.files(place))

    def order(info: ObjectInfo) -> tuple[int, datetime]:
        at = began(last_segment(info.key).partition(".")[0])
        if at is None:
            return 1, info.modified_at
        return (0 if at >= moment - _CLOCK_AHEAD else 2), at

    return sorted(files, key=order)


def line_about(reading: Reading, detector: str, camera: Camera, moment: datetime, key: str) -> DetectionOf | None:
    """The line of a detector about the picture at `key`, with the run that looked; None where its line is not found."""
    store = Detections(reading.store)
    try:
        files = files_of(reading, store, Place(detector, camera, moment.date()), moment)
    except InputError:
        return None
    for info in files[:MOST_FILES]:
        for line in reading.lines(info.key, Detection):
            if line.picture.standard_key == key:
                return in_file(reading, line, info.key, info.version_id)
    return None


def in_file(reading: Reading, line: Detection, key: str, version: str) -> DetectionOf:
    """The line, which stands in the file `key`, with the run that wrote it."""
    by = of_file(reading, key, line.picture.camera, "detect")
    ref = written(reading, by, key)
    if ref:
        return DetectionOf(line, key, by, ref.version_id, ref.sha256)
    return DetectionOf(line, key, by, version)


def detection_of(reading: Reading, threat: ThreatPicture) -> DetectionOf:
    """The line that a threat was judged by."""
    picture, detector = threat.picture, threat.detector
    makers = dict.fromkeys((detector_id(detector.sha256, detector.settings), detector.tag))  # the tag: release 0.1
    for maker in makers:
        found = line_about(reading, maker, picture.camera, picture.taken_at, picture.standard_key)
        if found:
            return found
    return DetectionOf(Detection.of(picture, detector, threat.objects, threat.mark), "")


def reproduction(reading: Reading, identity: str) -> Reproduction | None:
    """The request of a reproduction; None when there is none, or none that can be read."""
    return reading.document(reproduction_key(identity), Reproduction)


def picture_of(reading: Reading, picture: Picture, by: By) -> PictureOf:
    """The standard picture that the task `by` looked at, in the version that it was given, and the run that made it."""
    made = By(by.run, "validate", by.shard)
    ref = written(reading, made, picture.standard_key)
    is_it = ref is not None and ref.sha256 == picture.standard_sha256
    is_made = ref is not None and is_it and made_by(reading, made, ref)
    known = PictureOf(
        camera=picture.camera,
        taken_at=picture.taken_at,
        key=picture.standard_key,
        version=ref.version_id if ref and is_it else "",
        sha256=picture.standard_sha256,
        footage_key=picture.footage_key,
        footage_version=picture.footage_version,
        by=made if is_made else By(stage="validate"),
    )
    return known if is_made else with_maker(reading, known)


def picture_at(reading: Reading, camera: Camera, moment: datetime) -> PictureOf | None:
    """The standard picture of a moment as it is now; None where there is none."""
    key = standard_key(camera, moment)
    try:
        info = reading.head(key)
    except ObjectUnreadableError:
        return PictureOf(camera, moment, key)
    if info is None:
        return None
    said = info.metadata
    return PictureOf(
        camera,
        moment,
        key,
        info.version_id,
        said.get("sha256", ""),
        said.get(FOOTAGE_KEY, ""),
        said.get(FOOTAGE_VERSION, ""),
        By(stage="validate"),
    )


def validated(reading: Reading, name: FootageName, key: str, version: str) -> Iterator[tuple[Validation, By]]:
    """The outcome of an original by each validator, and the run that has it; `version` is empty for any."""
    store = Validations(reading.store)
    for validator in reading.once(("validators",), store.makers):
        place = Place(validator, name.camera, name.taken_at.date())
        lines = (
            (line, info)
            for info in files_of(reading, store, place, name.taken_at)[:MOST_FILES]
            for line in reading.lines(info.key, Validation)
            if line.footage_key == key and version in ("", line.footage_version)
        )
        for line, info in islice(lines, 1):
            yield line, of_file(reading, info.key, name.camera, "validate")


def with_maker(reading: Reading, picture: PictureOf) -> PictureOf:
    """The picture with the run that made it, where a validation of its original names one."""
    name = footage_of(picture.footage_key)
    if picture.by.run or name is None:
        return picture
    for _, by in validated(reading, name, picture.footage_key, picture.footage_version):
        ref = written(reading, by, picture.key)
        if (
            ref
            and made_by(reading, by, ref)
            and (ref.version_id == picture.version or (not picture.version and ref.sha256 == picture.sha256))
        ):
            return replace(picture, by=by, version=ref.version_id)
    return picture


def picture_gone(reading: Reading, camera: Camera, moment: datetime) -> PictureOf | None:
    """A picture that is not there any more, as a detector's line keeps it; None where none does."""
    key = standard_key(camera, moment)
    for detector in reading.once(("detectors",), Detections(reading.store).makers):
        found = line_about(reading, detector, camera, moment, key)
        if found:
            return picture_of(reading, found.line.picture, found.by)
    return None


def looked_at(reading: Reading, source: LookedAt, camera: Camera, by: By) -> PictureOf:
    """A picture from which the task `by` took the objects of another one."""
    made = By(by.run, "validate", by.shard)
    ref = written(reading, made, source.standard_key)
    if ref and ref.sha256 == source.standard_sha256:
        then = PictureOf(camera, source.taken_at, ref.key, ref.version_id, ref.sha256, by=made)
        return _with_original(reading, then)
    now = picture_at(reading, camera, source.taken_at)
    if now and now.sha256 == source.standard_sha256:
        return now
    return PictureOf(camera, source.taken_at, source.standard_key, "", source.standard_sha256)


def _with_original(reading: Reading, picture: PictureOf) -> PictureOf:
    """The picture with the original that its metadata names, as long as that version is kept."""
    try:
        info = reading.head(picture.key, picture.version)
    except ObjectUnreadableError:
        info = None
    said = info.metadata if info else {}
    return replace(picture, footage_key=said.get(FOOTAGE_KEY, ""), footage_version=said.get(FOOTAGE_VERSION, ""))


def original_of(reading: Reading, picture: PictureOf) -> OriginalOf | None:
    """The original that a picture is of; None where neither its line nor the object says."""
    if not picture.footage_key:
        return None
    batch = picture.by.run
    line = batch_line(reading, batch, picture.footage_key, picture.footage_version) if batch else None
    return OriginalOf(picture.footage_key, picture.footage_version, (line.sha256 or "") if line else "", batch)


def upload_of(reading: Reading, original: OriginalOf) -> UploadOf | None:
    """The upload that became an original: by the batch of its run, or else by the original's own metadata."""
    line = batch_line(reading, original.batch, original.key, original.version) if original.batch else None
    if line and line.source.key != original.key:
        return UploadOf(line.source.key, line.source.version_id, original.sha256)
    try:
        info = reading.head(original.key, original.version or None)
    except ObjectUnreadableError:
        return None
    name = footage_of(original.key)
    if info is None or name is None:
        return None
    said = info.metadata.get("source-key-sha256", "")
    for each in _names(last_segment(original.key)):
        if digest(f"{INCOMING}{each}", 64) == said:
            return UploadOf(
                f"{INCOMING}{each}", info.metadata.get("source-version", ""), info.metadata.get("sha256", "")
            )
    return None


def _names(canonical: str) -> Iterator[str]:
    """The names by which footage may have landed that is filed under `canonical`: there are several writings."""
    stem, _, extension = canonical.rpartition(".")
    extensions: Sequence[str] = (extension, extension.upper())
    if extension == "jpg":
        extensions = (*extensions, "jpeg", "JPEG")
    times = (stem, f"{stem}000") if len(stem.rpartition("-")[2]) == 10 else (stem,)
    yield from (f"{each}.{end}" for each in times for end in extensions)
