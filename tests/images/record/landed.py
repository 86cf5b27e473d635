"""Footage that landed in a run, and its outcome in collect, validate and detect."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, FailedPicture, Mark, Picture
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera, FootageName
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import FailedFootage, Refusal, Validation
from nightjar.runtime.store import ObjectStore
from nightjar.stores.quarantine import Quarantine, entry_prefix
from nightjar.stores.standard import standard_key
from tests.bucket import NOON, REGISTRY, RunWorld, picture_of, sha256_of

DETECTOR = DetectorRef(tag="d1", model="ssdlite_mobilenet_v2_coco", sha256="ab" * 32, settings="s1")
VALIDATOR = "v1"


class Landed:
    """The batch of a run over a bucket, and the lines that validate and detect leave about it."""

    def __init__(self, store: ObjectStore, run: str, dag: str, detector: DetectorRef) -> None:
        self.store = store
        self.detector = detector
        self.run = RunWorld(store, run, dag)
        self.prefix = self.run.prefix
        self.name = run
        self.batch: list[BatchLine] = []
        self.validations: list[Validation] = []
        self.detections: list[Detection] = []
        self.failures: list[FailedPicture] = []
        self.unvalidated: list[FailedFootage] = []

    def still(
        self,
        camera: Camera,
        at: datetime,
        *objects: DetectedObject,
        detected: bool = True,
        failure: str = "",
        jpeg: bytes = b"",
        mark: Mark | None = None,
    ) -> Picture:
        """A still that was filed and validated and, unless told, detected in; `failure` says why not."""
        picture = self._picture(camera, at, "jpg", at)
        if jpeg:
            picture = picture.model_copy(update={"standard_sha256": hashlib.sha256(jpeg).hexdigest()})
            self.store.put(picture.standard_key, jpeg)
        self._filed(picture, at, "jpg")
        self._validated(picture, at, "jpg", [picture])
        if failure:
            self.failures.append(FailedPicture(standard_key=picture.standard_key, reason=failure, detail="why"))
        elif detected:
            self.detections.append(Detection.of(picture, self.detector, objects, mark))
        return picture

    def video(
        self,
        camera: Camera,
        at: datetime,
        frames: Sequence[Sequence[DetectedObject]],
        cut: bool = False,
        duplicates: int = 0,
    ) -> list[Picture]:
        """A video with a frame a second; `cut` short, its rest is refused."""
        pictures = [self._picture(camera, at + timedelta(seconds=n), "mp4", at) for n in range(len(frames))]
        first = pictures[0] if pictures else self._picture(camera, at, "mp4", at)
        self._filed(first, at, "mp4")
        end = at + timedelta(seconds=len(frames))
        refusals = [self._refusal(first, Reason.TRUNCATED, end, "rest")] if cut else []
        self._validated(first, at, "mp4", pictures, refusals, duplicates)
        self.detections += [Detection.of(p, self.detector, f) for p, f in zip(pictures, frames, strict=True)]
        return pictures

    def refused(self, camera: Camera, at: datetime, reason: Reason) -> None:
        """A still that validation refused."""
        picture = self._picture(camera, at, "jpg", at)
        self._filed(picture, at, "jpg")
        self._validated(picture, at, "jpg", [], [self._refusal(picture, reason, at, "")])

    def unproven(self, camera: Camera, at: datetime) -> None:
        """A still of a shard whose validation failed."""
        self._filed(self._picture(camera, at, "jpg", at), at, "jpg")

    def unread(self, camera: Camera, at: datetime, reason: str) -> None:
        """A still that validation could not look at."""
        picture = self._picture(camera, at, "jpg", at)
        self._filed(picture, at, "jpg")
        key, version = picture.footage_key, picture.footage_version
        self.unvalidated.append(FailedFootage(footage_key=key, footage_version=version, reason=reason, detail="why"))

    def misnamed(self, name: str, reason: Reason = Reason.BAD_NAME, taken_at: datetime | None = None) -> None:
        """An object that collect refused; it says when it was taken where it trusts the name."""
        source = ReceivedVersion(key=f"incoming/{name}", version_id="in1", size=9, received_at=NOON)
        self.batch.append(BatchLine(source=source, outcome=Outcome.QUARANTINED, reason=reason))
        entry = QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected="a name",
            found=name,
            source_key=source.key,
            source_version=source.version_id,
            detail="",
            received_at=NOON,
            taken_at=taken_at,
            sha256=sha256_of(name),
            size=9,
            stage="collect",
            image=f"{REGISTRY}/collect:c1",
        )
        Quarantine(self.store).put(entry, b"whatever!")

    def duplicate(self, picture: Picture, version: str = "in2") -> None:
        """A second copy of a picture's footage landed."""
        name = picture.footage_key.rpartition("/")[2]
        source = ReceivedVersion(key=f"incoming/{name}", version_id=version, size=9, received_at=NOON)
        self.batch.append(
            BatchLine(
                source=source,
                outcome=Outcome.DUPLICATE,
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                sha256=sha256_of(picture.footage_key),
            )
        )

    def _picture(self, camera: Camera, at: datetime, extension: str, footage_at: datetime) -> Picture:
        footage = FootageName(camera, ms_from_utc(footage_at), extension)
        return picture_of(camera, at, sha256_of(standard_key(camera, at)), footage)

    def _filed(self, picture: Picture, at: datetime, extension: str) -> None:
        name = FootageName(picture.camera, ms_from_utc(at), extension).canonical
        self.batch.append(
            BatchLine(
                source=ReceivedVersion(key=f"incoming/{name}", version_id="in1", size=9, received_at=at),
                outcome=Outcome.FILED,
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                sha256=sha256_of(picture.footage_key),
            )
        )

    def _validated(
        self,
        picture: Picture,
        at: datetime,
        extension: str,
        pictures: Sequence[Picture],
        refusals: Sequence[Refusal] = (),
        duplicates: int = 0,
    ) -> None:
        self.validations.append(
            Validation(
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                footage_sha256=sha256_of(picture.footage_key),
                validator=VALIDATOR,
                settings="s1",
                video=extension == "mp4",
                pictures=tuple(pictures),
                refusals=tuple(refusals),
                duplicates=duplicates,
            )
        )

    def _refusal(self, picture: Picture, reason: Reason, at: datetime, part: str) -> Refusal:
        entry = QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected="better",
            found="this",
            source_key=picture.footage_key,
            source_version=picture.footage_version,
            detail=part,
            received_at=at,
            taken_at=at,
            sha256=sha256_of(picture.footage_key),
            size=9,
            stage="validate",
            image=f"{REGISTRY}/validate:{VALIDATOR}",
        )
        Quarantine(self.store).put(entry, b"whatever!")
        return Refusal(reason=reason, detail="expected better", taken_at=at, quarantine_key=entry_prefix(entry))
