"""`python -m nightjar_detect.looking PICTURES`: look at pictures outside a run, and write what is found as JSON lines.

For `nightjar evaluate`. PICTURES is a folder of JPEGs or, with NIGHTJAR_BUCKET and its like set, a prefix of the bucket
below `standard/`. The lines on standard output are those of `nightjar.domain.evaluation.looked`; nothing is stored. The
model and the settings are those of the stage, so the image of any detector can be asked, in a pod too.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nightjar.domain.evaluation.labels import picture_name
from nightjar.domain.evaluation.looked import Head, LookedPicture
from nightjar.errors import NightjarError, UsageError
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectMissingError, ObjectUnreadableError
from nightjar.settings.detect import DetectSettings
from nightjar.stores.standard import STANDARD
from nightjar_detect.deciding import finder, model_folder
from nightjar_detect.detectors import open_detector
from nightjar_detect.model import read_card
from nightjar_detect.preprocess import UndecodableError, jpeg_size, model_pixels

_JPEGS = (".jpg", ".jpeg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nightjar_detect.looking", description=__doc__)
    parser.add_argument("pictures", help="a folder of JPEGs, or a prefix of the bucket that begins with standard/")
    parser.add_argument("--name", help="the detector's name in the lines; default: that of its model card")
    given = parser.parse_args(arguments)
    try:
        for line in lines(load(DetectSettings), _pictures(given.pictures), given.name):
            sys.stdout.write(f"{line}\n")
    except NightjarError as error:
        sys.stderr.write(f"looking: {error}\n")
        return error.exit_code
    return 0


def lines(settings: DetectSettings, pictures: Iterator[tuple[str, bytes]], name: str | None = None) -> Iterator[str]:
    """The first line, then one for each of `pictures`, names and JPEGs; those that cannot be decoded are told only."""
    folder = model_folder(settings)
    card, _ = read_card(folder)
    detector = open_detector(settings.detect_backend, folder, card, settings.detect_threads)
    find = finder(card, settings.min_probability)
    labels = tuple(sorted(set(card.labels.values())))
    yield Head(detector=name or card.name, labels=labels, min_probability=settings.min_probability).model_dump_json()
    for picture, jpeg in pictures:
        try:
            width, height = jpeg_size(jpeg)
            pixels = model_pixels(jpeg, card.input)
        except UndecodableError as error:
            sys.stderr.write(f"looking: {picture}: {error}\n")
            continue
        begun = time.perf_counter()
        objects = tuple(find(detector.infer(pixels)))
        seconds = round(time.perf_counter() - begun, 5)
        looked = LookedPicture(picture=picture, width=width, height=height, objects=objects, seconds=seconds)
        yield looked.model_dump_json()


def _pictures(where: str) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of the pictures; raises UsageError where there cannot be any."""
    folder = Path(where)
    if where and folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _JPEGS and path.is_file())
        return ((picture_name(path.relative_to(folder).as_posix()), path.read_bytes()) for path in files)
    if where.startswith(STANDARD):
        return _stored(where)
    raise UsageError(f"expected a folder of JPEGs, or a prefix that begins with {STANDARD}, got {where!r}")


def _stored(prefix: str) -> Iterator[tuple[str, bytes]]:
    store = S3Store(load(StoreSettings))
    for info in store.list_objects(prefix):
        try:
            yield picture_name(info.key), store.get(info.key)[0]
        except (ObjectMissingError, ObjectUnreadableError) as error:
            sys.stderr.write(f"looking: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
