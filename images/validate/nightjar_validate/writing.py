"""Writing the outputs of a decoder: standard pictures, create-only, and quarantine."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.batch import Footage
from nightjar.domain.detections import Picture
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import NameRefused, parse_footage_name
from nightjar.domain.quarantine import QuarantineEntry, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Refusal
from nightjar.runtime.store import ObjectStore
from nightjar.stores.quarantine import Quarantine, entry_prefix
from nightjar.stores.standard import Moment, StandardPictures
from nightjar_validate.decoded import LARGEST_PREVIEW, Decoded, Refused

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The footage being validated, as it is in the bucket. `taken_at` is None where the name does not tell.

    `video` goes by the content as soon as that is known.
    """

    footage: Footage
    stored_at: datetime
    taken_at: datetime | None
    video: bool


@dataclass(frozen=True)
class Written:
    """The outcome of one output of a decoder. Neither a picture nor a refusal: a duplicate."""

    picture: Picture | None = None
    refusal: Refusal | None = None
    refs: tuple[ObjectRef, ...] = ()


class Writer:
    """Writes to the stores of standard pictures and of quarantine; doing it again gives the same and writes nothing."""

    def __init__(self, store: ObjectStore, image: str, run: str) -> None:
        self._pictures, self._quarantine = StandardPictures(store), Quarantine(store)
        self._image, self._run = image, run

    def standard(self, source: Source, decoded: Decoded) -> Written:
        """Put a picture where its moment belongs: the first to be there is kept, any other is a duplicate.

        Clips of one camera may overlap, with each other and with its stills, and are decoded side by side, so which of
        two pictures of one moment comes first is not fixed: to fix it, clips would have to be decoded one by one. How
        many are kept is fixed, and doing it again, in this run or another, decides as the first time.

        A person has to look only where two different objects claim to be the same thing: two stills, or two videos, of
        one name. Collect lets in no such pair, but someone with a key of the bucket may.
        """
        footage = source.footage
        assert source.taken_at is not None, "expected decoding only of footage whose name tells its time"
        taken_at = source.taken_at + timedelta(milliseconds=decoded.offset_ms)
        put = self._pictures.put(footage, taken_at, decoded.data)
        if put.ref is None:
            if put.moment is Moment.TAKEN and _same_identity(footage, put.holder):
                detail = f"expected one {_kind(source)} of this name, got another beside {put.holder}"
                offset_ms = decoded.offset_ms if source.video else None
                # The standard picture, which a decoder made as well, is its own preview: nothing is decoded here.
                shown = decoded.data if len(decoded.data) <= LARGEST_PREVIEW else b""
                return self.quarantine(
                    source, Refused(Reason.IDENTITY_CONFLICT, detail, offset_ms, decoded.data, shown)
                )
            log.info("duplicate: %s has the picture of this moment", put.holder, extra={"footage": footage.key})
            return Written()
        picture = Picture(
            user=footage.camera.user,
            device=footage.camera.device,
            taken_at=taken_at,
            footage_key=footage.key,
            footage_version=footage.version_id,
            standard_key=put.ref.key,
            standard_sha256=put.ref.sha256,
            standard_version=put.ref.version_id,
            width=decoded.width,
            height=decoded.height,
        )
        return Written(picture=picture, refs=(put.ref,))

    def quarantine(self, source: Source, refused: Refused) -> Written:
        """Put a frame, or the footage itself, into quarantine. A still is kept as it came, a frame as standardised.

        The preview of either, if a decoder made one, goes beside it.
        """
        footage, taken_at = source.footage, source.taken_at
        frame: bytes | None = None
        if taken_at and refused.offset_ms is not None:
            frame = refused.data
            taken_at += timedelta(milliseconds=refused.offset_ms)
        expected, found = expected_and_found(refused.detail)
        entry = QuarantineEntry(
            reason=refused.reason,
            meaning=refused.reason.meaning,
            expected=expected,
            found=found,
            source_key=footage.key,
            source_version=footage.version_id,
            detail=f"frame at {refused.offset_ms} ms" if frame is not None else "",
            received_at=source.stored_at,
            taken_at=taken_at,
            sha256=hashlib.sha256(frame).hexdigest() if frame is not None else footage.sha256,
            size=len(frame) if frame is not None else footage.size,
            stage="validate",
            image=self._image,
            run=self._run,
        )
        refs = self._quarantine.put(entry, frame, preview=refused.preview)
        refusal = Refusal(
            reason=refused.reason, detail=refused.detail, taken_at=taken_at, quarantine_key=entry_prefix(entry)
        )
        return Written(refusal=refusal, refs=refs)


def _same_identity(footage: Footage, holder: str) -> bool:
    """Whether the footage at the key `holder` has the camera, the time and the kind of `footage`."""
    try:
        name = parse_footage_name(last_segment(holder))
    except NameRefused:  # put there by hand
        return False
    return (name.stem, name.is_video) == (footage.name.stem, footage.name.is_video)


def _kind(source: Source) -> str:
    return "video" if source.video else "still"
