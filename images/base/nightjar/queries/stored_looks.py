"""Finds of a detector in pictures of the bucket, for `nightjar evaluate`; the others it may look at now."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.evaluation.labels import Labels, picture_name, same_pictures
from nightjar.domain.evaluation.looked import Head, Looked, LookedPicture, read_looked
from nightjar.domain.model import utc_from_ms
from nightjar.domain.names import Camera, parse_time_digits
from nightjar.errors import InputError, UsageError
from nightjar.queries.deployed import detector_folder
from nightjar.runtime.store import ObjectMissingError, ObjectStore, ObjectUnreadableError
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place
from nightjar.stores.standard import is_standard_key

log = logging.getLogger(__name__)

_LEAST = re.compile(r"\bmin_probability=([0-9.]+)")


def stored_looks(
    store: ObjectStore,
    prefix: str,
    labels: Labels,
    tag: str | None,
    look: Callable[[str, Path], Iterable[str]] | None = None,
) -> Looked:
    """Finds of the detector called `tag` (or the deployed one) in the labelled pictures below `prefix`.

    Pictures that it has not looked at, also those that got their objects from others, are looked at by `look`, where
    that is there and the tag is given; else they are left out. Raises InputError when no labelled picture is below the
    prefix, UsageError for a tag that nobody knows.
    """
    keys = {picture_name(info.key): info.key for info in store.list_objects(prefix) if is_standard_key(info.key)}
    wanted = {keys[name] for name in same_pictures(labels.pictures, keys).values()}
    if not wanted:
        example = next(iter(labels.pictures), "none")
        raise InputError(f"expected labelled pictures, such as {example!r}, below {prefix!r}, got {len(keys)} others")
    head, stored = _stored(store, wanted, tag, can_look=look is not None)
    missing = sorted(wanted - {f"{name}.jpg" for name in stored})
    if missing and look is not None and tag is not None:
        log.info("looking at %d pictures that %s has not looked at", len(missing), tag)
        with _copied(store, missing) as folder:
            looked = read_looked(look(tag, folder), f"detections of {tag}")
        return Looked(head or looked.head, {**stored, **looked.pictures})
    if head is None:
        raise InputError(f"expected detections below {prefix!r}, got none")
    return Looked(head, stored)


def _stored(
    store: ObjectStore, wanted: set[str], tag: str | None, *, can_look: bool
) -> tuple[Head | None, dict[str, LookedPicture]]:
    """The detector and what it has found before; nothing where it has never run and can be asked now."""
    try:
        folder = detector_folder(store, tag)
    except UsageError:
        if tag is None or not can_look:
            raise
        return None, {}
    published = next((each for each in Detectors(store).published() if each.id == folder), None)
    places = sorted({_place(folder, key) for key in wanted})
    lines = (line for place in places for line in Detections(store).read(place))
    found = {
        picture_name(line.picture.standard_key): LookedPicture(
            picture=picture_name(line.picture.standard_key),
            width=line.picture.width,
            height=line.picture.height,
            objects=line.objects,
        )
        for line in lines
        if line.is_seen and line.picture.standard_key in wanted
    }
    return _head(tag or folder, published, found.values()), found


def _head(name: str, published: PublishedDetector | None, found: Iterable[LookedPicture]) -> Head:
    """The detector as it was published; of one of release 0.1, which is not published, the labels that it has told."""
    if published is None:
        labels = sorted({each.label for picture in found for each in picture.objects})
        return Head(detector=name, labels=tuple(labels), min_probability=0.0)
    least = _LEAST.search(published.settings)
    return Head(detector=name, labels=published.labels, min_probability=float(least[1]) if least else 0.0)


def _place(folder: str, key: str) -> Place:
    camera, time = key.removesuffix(".jpg").split("/")[-2:]
    return Place(folder, Camera.parse(camera), utc_from_ms(parse_time_digits(time)).astimezone(UTC).date())


@contextmanager
def _copied(store: ObjectStore, keys: Iterable[str]) -> Iterator[Path]:
    """A folder with the pictures at `keys`; those that are gone are told."""
    with TemporaryDirectory(prefix="nightjar-evaluate-") as folder:
        for key in keys:
            path = Path(folder) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.write_bytes(store.get(key)[0])
            except (ObjectMissingError, ObjectUnreadableError) as error:
                log.warning("not looked at: %s", error)
        yield Path(folder)
