"""The pictures of a shard, page by page, each with the objects that detect saw in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from nightjar.domain.detections import DetectedObject, Detection, FailedPicture, ListedPicture, Mark, Picture
from nightjar.domain.layout import FAILURES, PICTURES
from nightjar.queries.readable import LARGEST_LINES, lines_at, told
from nightjar.queries.run_shards import ShardWork
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.runs import Run

_READERS = 8


@dataclass(frozen=True)
class ShardPicture:
    """A picture. `objects` is None where detect says nothing of it; `failed` says why it could not be looked at.

    With a `mark`, it has its objects from other pictures.
    """

    picture: Picture
    objects: tuple[DetectedObject, ...] | None = None
    failed: str = ""
    is_stored: bool = True  # False: erased since
    mark: Mark | None = None


@dataclass(frozen=True)
class ShardPictures:
    """Those of a page, and how many there are in all; `problems` say what could not be read."""

    total: int
    shown: tuple[ShardPicture, ...]
    problems: tuple[str, ...] = ()


def shard_pictures(store: ObjectStore, run: Run, shard: ShardWork, first: int, most: int) -> ShardPictures:
    """At most `most` pictures that validate passed on, from the one with number `first` on, by time."""
    problems: list[str] = []
    at = {stage: run.stage_prefix(stage, shard.name) for stage in ("validate", "detect")}
    listed = lines_at(store, f"{at['validate']}{PICTURES}", ListedPicture, problems)
    listed.sort(key=lambda each: (each.taken_at, each.standard_key))
    page = listed[first : first + most]
    failures = lines_at(store, f"{at['detect']}{FAILURES}", FailedPicture, problems)
    failed = {each.standard_key: f"{each.reason}: {each.detail}" for each in failures}
    seen = {each.picture.standard_key: each for each in _detections(store, shard, page, problems)}
    stored = in_parallel(lambda each: store.head(each.standard_key) is not None, page, _READERS)
    return ShardPictures(
        total=len(listed),
        shown=tuple(
            _picture(each, seen.get(each.standard_key), failed.get(each.standard_key, ""), is_stored)
            for each, is_stored in zip(page, stored, strict=True)
        ),
        problems=tuple(problems),
    )


def _picture(picture: Picture, seen: Detection | None, failed: str, is_stored: bool) -> ShardPicture:
    objects, mark = (seen.objects, seen.mark) if seen else (None, None)
    return ShardPicture(picture, objects, failed, is_stored, mark)


def _detections(
    store: ObjectStore, shard: ShardWork, page: Iterable[Picture], problems: list[str]
) -> Iterable[Detection]:
    """The detections of the cameras and days of `page`, from the files that detect's manifest names."""
    proof, detections = shard.proofs.get("detect"), Detections(store)
    if proof is None:
        return
    wanted = {(picture.camera, picture.taken_at.date()) for picture in page}
    for ref in detections.objects_among(proof.manifest.objects):
        place = told(problems, partial(detections.place, ref.key))
        if place is None or (place.camera, place.day) not in wanted:
            continue
        if ref.size > LARGEST_LINES:
            problems.append(f"{ref.key!r} has {ref.size} bytes, more than is read for a page: no boxes are drawn")
            continue
        yield from told(problems, partial(detections.read_object, ref)) or ()
