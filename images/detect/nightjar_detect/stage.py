"""The work of the detect stage: pictures of one shard in, one object of detections for each camera and day out.

Reader threads fetch and verify, a decoder thread decodes, both ahead of the interpreter, and finished objects are
written behind it, so that the interpreter never waits for S3. Each object holds a line for every picture of the shard
that could be looked at, known or computed, by time: it is complete in itself, and the same when the shard is run again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC
from functools import partial

from nightjar.domain.detections import DetectedObject, DetectorRef, ListedPicture
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.layout import FAILURES, PICTURES
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_manifest
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.settings.detect import DetectSettings
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.standard import StandardPictures
from nightjar_detect.deciding import finder, model_folder, settings_fingerprint
from nightjar_detect.detectors import open_detector
from nightjar_detect.fetch import Fetch, s3_fetch
from nightjar_detect.memory import keep_freed_memory, use_huge_pages
from nightjar_detect.model import ModelCard, read_card
from nightjar_detect.pictures import Failure, decode_pictures, fetch_picture
from nightjar_detect.preprocess import Pixels
from nightjar_detect.work import Seen, Work, batched, look, prefetched

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
    return detect_shard(context, load(DetectSettings), s3_fetch(load(StoreSettings), context.store))


def detect_shard(context: StageContext, settings: DetectSettings, fetch: Fetch) -> StageResult:
    """Look at every picture of the shard at `context.input_prefix` that this detector does not know yet."""
    card, card_json = read_card(model_folder(settings))
    artefact = card.artefact(settings.detect_backend)
    ref = DetectorRef(
        tag=context.tag, model=card.name, sha256=artefact.sha256, settings=settings_fingerprint(settings, card)
    )
    detector = PublishedDetector.of(ref, card.labels.values())
    release, release_ref = context.release()
    pictures, inputs = _read_shard(context)
    Detectors(context.store).publish(release.stage("detect").identity, detector, card_json)
    detections = Detections(context.store)
    shard = RunShard.of(context.run_prefix, context.input_prefix)
    places = _by_place(pictures, detector.id)
    readers = ThreadPoolExecutor(settings.detect_readers, thread_name_prefix="reader")
    decoder = ThreadPoolExecutor(1, thread_name_prefix="decoder")  # one keeps ahead of the interpreter; more disturb it
    try:
        seen = readers.map(lambda place: _known(detections, place, shard), places)
        known = dict(zip(places, seen, strict=True))
        unknown = [p for place, members in places.items() for p in members if p.standard_sha256 not in known[place]]
        standard = StandardPictures(context.store, fetch)
        work = Work(
            detections=detections,
            detector=ref,
            shard=shard,
            seen=_seen(settings, card, _pixels(readers, decoder, card, standard, unknown)) if unknown else iter(()),
            writers=readers,
            progress=Progress("pictures looked at", total=len(unknown)),
        )
        for place, members in places.items():
            work.do(place, members, known[place])
        objects = work.finish(context.store, f"{context.output_prefix}{FAILURES}")
    finally:
        for pool in (readers, decoder):
            pool.shutdown(wait=False, cancel_futures=True)
    named = [failure.detail for failure in work.failures[:_NAMED_WARNINGS]]
    more = len(work.failures) - len(named)
    return StageResult(
        counts=Counts(received=len(pictures), outcomes=dict(work.outcomes), details=dict(work.details)),
        inputs=[*inputs, release_ref],
        objects=objects,
        result={"detector": detector.id},
        warnings=(*named, f"and {more} more pictures failed; failures.jsonl names them") if more else named,
    )


def _known(detections: Detections, place: Place, shard: RunShard) -> dict[str, Sequence[DetectedObject]]:
    """The objects that this detector saw at `place` before, by the SHA-256 of the standard picture."""
    return {line.picture.standard_sha256: line.objects for line in detections.known(place, shard)}


def _pixels(
    readers: Executor,
    decoder: Executor,
    card: ModelCard,
    standard: StandardPictures,
    pictures: Iterable[ListedPicture],
) -> Iterator[Pixels | Failure]:
    """The pixels of each picture, in order, fetched ahead by `readers` and decoded ahead by `decoder`."""
    fetched = prefetched(readers, partial(fetch_picture, standard), pictures, ahead=2 * _BURST, burst=_BURST)
    decode = partial(decode_pictures, card.input)
    for burst in prefetched(decoder, decode, batched(fetched, _DECODED), ahead=2, burst=1):
        yield from burst


def _seen(settings: DetectSettings, card: ModelCard, pixels: Iterator[Pixels | Failure]) -> Iterator[Seen]:
    """From pixels to objects, with the model loaded."""
    detector = open_detector(settings.detect_backend, model_folder(settings), card, settings.detect_threads)
    use_huge_pages()
    return look(detector, finder(card, settings.min_probability), pixels)


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
    places: dict[Place, list[ListedPicture]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda p: (p.camera, p.taken_at, p.standard_key)):
        places[Place(detector_id, picture.camera, picture.taken_at.astimezone(UTC).date())].append(picture)
    return dict(places)
