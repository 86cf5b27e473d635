"""The work of the detect stage: pictures of one shard in, one object of detections for each camera and day out.

Reader threads fetch and verify, a decoder thread decodes, both ahead of the interpreter, and finished objects are
written behind it, so that the interpreter never waits for S3. Each object holds a line for every picture of the shard
that could be looked at, known or computed, by time: it is complete in itself, and the same when the shard is run again.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC
from functools import partial
from itertools import groupby

from nightjar.domain.detections import DetectorRef, ListedPicture, Origin
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.layout import FAILURES, PICTURES
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.garbage import no_garbage_collection
from nightjar.runtime.manifests import read_lines, read_manifest
from nightjar.runtime.noting import Notes
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.settings.detect import DetectSettings
from nightjar.stores.detections import Detections
from nightjar.stores.detector_speed import LOOK_SECONDS
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import folder_of
from nightjar.stores.standard import StandardPictures
from nightjar_detect.deciding import finder, model_folder, settings_fingerprint
from nightjar_detect.detectors import Detector, open_detector
from nightjar_detect.fetch import Fetch, s3_fetch, store_fetch
from nightjar_detect.frames import Frame
from nightjar_detect.gate import gate
from nightjar_detect.known import KnownAt
from nightjar_detect.memory import keep_freed_memory, use_huge_pages
from nightjar_detect.model import ModelCard, read_card
from nightjar_detect.pictures import Failure, Fetched, Shot, decode_pictures, fetch_picture
from nightjar_detect.sparing import SparingOf, sparing_of
from nightjar_detect.work import Find, Looks, Work, batched, prefetched

log = logging.getLogger(__name__)

_NAMED_WARNINGS = 20  # failures that the manifest tells one by one; the log has them all
# Pictures are fetched this many at a time: a request every now and then costs client and server twice the processor
# time of the same requests in bursts (threads fall asleep and are woken at every hop). Twice as many may be held.
_BURST = 128
# So many are decoded at a time, which leaves the processor's caches to the interpreter in between; twice as many,
# 270 to 440 KB each, may wait for it.
_DECODED = 16


def detect(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment, pictures through obstore."""
    keep_freed_memory()
    # A reproduction reads through its overlay, which knows where each picture is.
    is_again = context.reproduction is not None
    fetch = store_fetch(context.store) if is_again else s3_fetch(load(StoreSettings), context.store)
    return detect_shard(context, load(DetectSettings), fetch)


def detect_shard(context: StageContext, settings: DetectSettings, fetch: Fetch) -> StageResult:
    """Look at every picture of the shard at `context.input_prefix` that this detector does not know yet."""
    card, card_json = read_card(model_folder(settings))
    artefact = card.artefact(settings.detect_backend)
    release, release_ref = context.release()
    ref = DetectorRef(
        tag=context.tag,
        image_digest=release.stage("detect").digest,
        model=card.name,
        sha256=artefact.sha256,
        settings=settings_fingerprint(settings, card),
    )
    detector = PublishedDetector.of(ref, card.labels.values())
    pictures, inputs = _read_shard(context)
    Detectors(context.store).publish(release.stage("detect").identity, detector, card_json)
    detections = Detections(context.store)
    shard = RunShard.of(context.run_prefix, context.input_prefix)
    places = _by_place(pictures, detector.id)
    sparing, rules_inputs = sparing_of(settings, context.store, release.rules, pictures)
    readers = ThreadPoolExecutor(settings.detect_readers, thread_name_prefix="reader")
    decoder = ThreadPoolExecutor(1, thread_name_prefix="decoder")  # one keeps ahead of the interpreter; more disturb it
    try:
        with no_garbage_collection():
            known = dict(zip(places, readers.map(lambda p: _known(detections, p, shard, sparing), places), strict=True))
        unknown = [p for place, members in places.items() for p in members if known[place].of(p) is None]
        standard = StandardPictures(context.store, fetch)
        decode = partial(decode_pictures, card.input, lambda picture: sparing(picture.camera) is not None)
        shots = _shots(readers, decoder, partial(_fetch, standard, context.notes), unknown, decode)
        looks = Looks(lambda: _loaded(settings, card))
        work = Work(
            detections=detections,
            origin=Origin(ref, folder_of(context.run_prefix), shard.shard),
            shard=shard,
            results=gate(_frames(places, known, shots), looks, sparing),
            writers=readers,
            progress=Progress("pictures", total=len(unknown)),
        )
        for place, members in places.items():
            work.do(place, members)
        objects = work.finish(context.store, f"{context.output_prefix}{FAILURES}")
    finally:
        for pool in (readers, decoder):
            pool.shutdown(wait=False, cancel_futures=True)
    named = [failure.detail for failure in work.failures[:_NAMED_WARNINGS]]
    more = len(work.failures) - len(named)
    return StageResult(
        counts=Counts(received=len(pictures), outcomes=dict(work.outcomes), details=dict(work.details)),
        inputs=[*inputs, release_ref, *rules_inputs],
        objects=objects,
        result={"detector": detector.id, LOOK_SECONDS: round(looks.seconds, 3)},
        warnings=(*named, f"and {more} more pictures failed; failures.jsonl names them") if more else named,
    )


def _known(detections: Detections, place: Place, shard: RunShard, sparing: SparingOf) -> KnownAt:
    """Objects that this detector found at `place` before; where looks are not spared, only those that it saw itself."""
    return KnownAt.of_lines(detections.known(place, shard), with_marks=sparing(place.camera) is not None)


def _frames(
    places: Mapping[Place, Sequence[ListedPicture]],
    known: Mapping[Place, KnownAt],
    shots: Iterator[Shot | Failure],
) -> Iterator[Frame]:
    """Every picture with what is known of it, or its shot, which come in the same order."""
    for place, members in places.items():
        for picture in members:
            yield Frame(picture, known[place].of(picture) or next(shots))


def _fetch(standard: StandardPictures, notes: Notes, picture: ListedPicture) -> Fetched:
    """The picture, noted among what was read: it does not come through the stage's store."""
    fetched = fetch_picture(standard, picture)
    content = fetched[1]
    if not isinstance(content, Failure):
        version = picture.standard_version or ""  # not known of lines of release 0.1
        key, sha256 = picture.standard_key, picture.standard_sha256
        notes.note_read(ObjectRef(key=key, version_id=version, sha256=sha256, size=len(content)))
    return fetched


def _shots(
    readers: Executor,
    decoder: Executor,
    fetch: Callable[[ListedPicture], Fetched],
    pictures: Iterable[ListedPicture],
    decode: Callable[[list[Fetched]], list[Shot | Failure]],
) -> Iterator[Shot | Failure]:
    """The pixels of each picture, in order, fetched ahead by `readers` and decoded ahead by `decoder`."""
    fetched = prefetched(readers, fetch, pictures, ahead=2 * _BURST, burst=_BURST)
    for burst in prefetched(decoder, decode, batched(fetched, _DECODED), ahead=2, burst=1):
        yield from burst


def _loaded(settings: DetectSettings, card: ModelCard) -> tuple[Detector, Find]:
    """The detector with its model loaded, and what finds objects in its outputs."""
    detector = open_detector(settings.detect_backend, model_folder(settings), card, settings.detect_threads)
    use_huge_pages()
    return detector, finder(card, settings.min_probability)


def _read_shard(context: StageContext) -> tuple[list[ListedPicture], list[ObjectRef]]:
    """The pictures that validate made, checked against its manifest; raises InputError."""
    manifest, manifest_ref = read_manifest(context.store, context.input_prefix)
    pictures, ref = read_lines(context.store, f"{context.input_prefix}{PICTURES}", ListedPicture)
    named = {each.key: each.sha256 for each in manifest.objects}
    if named.get(ref.key) != ref.sha256:
        expected = f"expected {ref.key} with SHA-256 {named.get(ref.key)}, as its manifest says"
        raise InputError(f"{expected}, got {ref.sha256}")
    if len({picture.standard_key for picture in pictures}) != len(pictures):
        raise InputError(f"expected each picture once in {ref.key}, got some twice")
    return pictures, [ref, manifest_ref]


def _by_place(pictures: Iterable[ListedPicture], detector_id: str) -> dict[Place, list[ListedPicture]]:
    """The pictures of each camera and UTC day, in order of time."""
    ordered = sorted(pictures, key=lambda p: (p.user, p.device, p.taken_at, p.standard_key))
    days = groupby(ordered, key=lambda p: (p.user, p.device, p.taken_at.astimezone(UTC).date()))
    return {Place(detector_id, Camera(user, device), day): list(members) for (user, device, day), members in days}
