"""The work of the detect stage: pictures of one shard in, one object of detections for each camera and day out.

Reader threads fetch and verify, a decoder thread decodes, both ahead of the interpreter, and finished objects are
written behind it, so that the interpreter never waits for S3. Each object holds a line for every picture of the shard
that could be looked at, known or computed, by time: it is complete in itself, and the same when the shard is run again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC
from functools import partial
from itertools import chain

from nightjar.domain.detections import DetectorRef, Picture
from nightjar.domain.layout import FAILURES, PICTURES, REELS, last_segment, model_card_key
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.reels import Reel
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_lines, read_manifest
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectExistsError, ObjectStore
from nightjar.settings.detect import DetectSettings
from nightjar_detect.deciding import model_folder, settings_fingerprint
from nightjar_detect.detectors import open_detector
from nightjar_detect.fetch import Fetch, s3_fetch
from nightjar_detect.known import Place, known_objects
from nightjar_detect.memory import keep_freed_memory
from nightjar_detect.model import ModelCard, read_card
from nightjar_detect.pictures import Failure, Request, decode_pictures, fetch_pictures, requests
from nightjar_detect.preprocess import Pixels
from nightjar_detect.work import Seen, Work, batched, look, prefetched

log = logging.getLogger(__name__)

_NAMED_WARNINGS = 20  # failures that the manifest tells one by one; the log has them all
# Pictures are fetched this many at a time: a request every now and then costs client and server twice the processor
# time of the same requests in bursts (threads fall asleep and are woken at every hop).
_BURST = 32
# So many are decoded at a time, which leaves the processor's caches to the interpreter in between; twice as many,
# 270 KB each, may wait for it.
_DECODED = 16


def detect(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment, pictures through obstore."""
    keep_freed_memory()
    return detect_shard(context, load(DetectSettings), s3_fetch(load(StoreSettings)))


def detect_shard(context: StageContext, settings: DetectSettings, fetch: Fetch) -> StageResult:
    """Look at every picture of the shard at `context.input_prefix` that this detector does not know yet."""
    card, card_json = read_card(model_folder(settings))
    artefact = card.artefact(settings.detect_backend)
    ref = DetectorRef(tag=context.tag, model=card.name, sha256=artefact.sha256, settings=settings_fingerprint(settings))
    pictures, reels, inputs = _read_shard(context)
    _publish_card(context.store, context.tag, card_json)
    shard, run = last_segment(context.input_prefix), context.run_prefix
    places = _by_place(pictures)
    readers = ThreadPoolExecutor(settings.detect_readers, thread_name_prefix="reader")
    decoder = ThreadPoolExecutor(1, thread_name_prefix="decoder")  # one keeps ahead of the interpreter; more disturb it
    try:
        seen = readers.map(lambda place: known_objects(context.store, place, ref, run), places)
        known = dict(zip(places, seen, strict=True))
        unknown = [p for place, members in places.items() for p in members if p.standard_sha256 not in known[place]]
        work = Work(
            store=context.store,
            detector=ref,
            seen=_seen(settings, card, _pixels(readers, decoder, fetch, requests(unknown, reels)))
            if unknown
            else iter(()),
            writers=readers,
            progress=Progress("pictures looked at", total=len(unknown)),
        )
        for place, members in places.items():
            work.do(place.key(context.tag, run, shard), members, known[place])
        objects = work.finish(f"{context.output_prefix}{FAILURES}")
    finally:
        for pool in (readers, decoder):
            pool.shutdown(wait=False, cancel_futures=True)
    told = [failure.detail for failure in work.failures[:_NAMED_WARNINGS]]
    more = len(work.failures) - len(told)
    return StageResult(
        counts=Counts(received=len(pictures), outcomes=dict(work.outcomes), details=dict(work.details)),
        inputs=inputs,
        objects=objects,
        warnings=(*told, f"and {more} more pictures failed; failures.jsonl names them") if more else told,
    )


def _pixels(
    readers: Executor, decoder: Executor, fetch: Fetch, wanted: Iterable[Request]
) -> Iterator[Pixels | Failure]:
    """The pixels of each picture, in order, fetched ahead by `readers` and decoded ahead by `decoder`."""
    call, size = partial(fetch_pictures, fetch), lambda request: len(request.pictures)
    answers = prefetched(readers, call, wanted, ahead=2 * _BURST, burst=_BURST, weight=size)
    bursts = batched(chain.from_iterable(answers), _DECODED)
    return chain.from_iterable(prefetched(decoder, decode_pictures, bursts, ahead=2, burst=1))


def _seen(settings: DetectSettings, card: ModelCard, pixels: Iterator[Pixels | Failure]) -> Iterator[Seen]:
    """From pixels to objects, with the model loaded."""
    detector = open_detector(settings.detect_backend, model_folder(settings), card, settings.detect_threads)
    return look(detector, card.class_labels, settings.min_probability, pixels)


def _read_shard(context: StageContext) -> tuple[list[Picture], list[Reel], list[ObjectRef]]:
    """The pictures that validate made and their reels, checked against its manifest; raises InputError."""
    prefix = context.input_prefix
    manifest, manifest_ref = read_manifest(context.store, prefix)
    named = {each.key: each.sha256 for each in manifest.objects}
    pictures, ref = read_lines(context.store, f"{prefix}{PICTURES}", Picture)
    refs, reels = [ref], list[Reel]()
    if f"{prefix}{REELS}" in named:
        reels, ref = read_lines(context.store, f"{prefix}{REELS}", Reel)
        refs.append(ref)
    for ref in refs:
        if named.get(ref.key) != ref.sha256:
            expected = f"expected {ref.key} with SHA-256 {named.get(ref.key)}, as its manifest says"
            raise InputError(f"{expected}, got {ref.sha256}")
    if len({picture.standard_key for picture in pictures}) != len(pictures):
        raise InputError(f"expected each picture once in {refs[0].key}, some are there twice")
    return pictures, reels, [*refs, manifest_ref]


def _by_place(pictures: Iterable[Picture]) -> dict[Place, list[Picture]]:
    """The pictures of each camera and UTC day, in order of time."""
    places: dict[Place, list[Picture]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda p: (p.camera, p.taken_at, p.standard_key)):
        places[Place(picture.camera, picture.taken_at.astimezone(UTC).date())].append(picture)
    return dict(places)


def _publish_card(store: ObjectStore, tag: str, card_json: bytes) -> None:
    """Leave the model card beside the detections, so that others can tell what this detector can see.

    Raises UsageError when another model was deployed under the same tag.
    """
    key = model_card_key(tag)
    if store.head(key) is None:
        try:
            store.put(key, card_json, content_type="application/json", if_absent=True)
        except ObjectExistsError:  # another shard of the same run was first
            pass
        else:
            return
    if store.get(key)[0] != card_json:
        raise UsageError(
            f"expected tag {tag} to be the detector whose card is at {key}, this is another; use a new tag"
        )
