"""`nightjar evaluate`: how well one detector or several find what is labelled, side by side."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightjar.errors import UsageError

if TYPE_CHECKING:
    from nightjar.domain.evaluation.labels import Labels
    from nightjar.domain.evaluation.looked import Looked

# Starts the image of a detector, named by tag, over a folder of JPEGs; gives the lines of `looked`.
Look = Callable[[str, Path], Iterable[str]]

_NO_LOOK = (
    "this installation cannot start images: expected --detections FILE, which "
    "`python -m nightjar_detect.looking PICTURES > FILE` writes in the image of the detector"
)


def register(commands: "argparse._SubParsersAction[Any]", look: Look | None = None) -> None:
    """Add `evaluate` to the command line; `look` can start images of detectors."""
    command = commands.add_parser(
        "evaluate",
        help="how well detectors find what is labelled: AP50, precision and recall, best thresholds",
        description="Measure detectors on labelled pictures: AP50 by label, precision and recall by threshold, and the "
        "threshold with the best F1. Nothing is written to the bucket.",
    )
    command.add_argument(
        "--labels", type=Path, required=True, metavar="FILE", help="of MOT, COCO, or a folder of YOLO; told by content"
    )
    command.add_argument(
        "--footage",
        metavar="DIR|PREFIX",
        help="a folder of pictures and videos, a video, or a prefix below standard/ of the bucket, whose stored "
        "detections are used",
    )
    command.add_argument(
        "--detector",
        nargs="+",
        action="extend",
        default=[],
        metavar="TAG",
        help="tags of detect images; several are shown side by side. In the bucket, the default is the deployed one",
    )
    command.add_argument(
        "--detections",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="JSON lines that `python -m nightjar_detect.looking` wrote, in place of a detector or beside it",
    )
    command.add_argument(
        "--same",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL=NAME[,NAME…]",
        help="names that stand for a label, in the label file or of a detector: person=pedestrian,man",
    )
    command.add_argument("--every", type=int, default=1, metavar="N", help="of the labelled pictures only every Nth")
    command.add_argument(
        "--json", type=Path, metavar="FILE", help="write all of it there, with every point of the curves"
    )
    command.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the curves there")
    command.set_defaults(run=lambda given: run_evaluate(given, look))


def run_evaluate(given: argparse.Namespace, look: Look | None) -> int:
    """Print the table, write the files that are asked for; returns 0."""
    from nightjar.cli.evaluate_files import label_file
    from nightjar.cli.evaluate_text import as_document, as_text
    from nightjar.domain.evaluation.kinds import parse_same
    from nightjar.domain.evaluation.measure import measure
    from nightjar.runtime.progress import log_handler

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log_handler(sys.stderr)])
    _check(given)
    same = parse_same(given.same)
    labels = _thinned(label_file(given.labels), given.every)
    measured = [measure(labels, looked, same) for looked in _all_looked(given, labels, look)]
    sys.stdout.writelines(f"{line}\n" for line in as_text(labels, measured))
    if given.json:
        document = json.dumps(as_document(labels, measured), indent=1, ensure_ascii=False)
        _write(given.json, f"{document}\n".encode())
    if given.plot:
        from nightjar.cli.evaluate_plot import plot

        _write(given.plot, plot(measured))
    return 0


def _check(given: argparse.Namespace) -> None:
    if not given.footage and not given.detections:
        raise UsageError("expected --footage or --detections, got neither")
    if given.detector and not given.footage:
        raise UsageError("expected --footage with --detector: it has to look at something")
    if given.every < 1:
        raise UsageError(f"expected --every 1 or more, got {given.every}")
    if given.plot and given.plot.suffix.lower() != ".svg":
        raise UsageError(f"expected --plot with a name that ends with .svg, got {str(given.plot)!r}")


def _thinned(labels: "Labels", every: int) -> "Labels":
    from nightjar.domain.evaluation.labels import Labels

    return Labels(labels.kind, dict(sorted(labels.pictures.items())[::every]), labels.names)


def _all_looked(given: argparse.Namespace, labels: "Labels", look: Look | None) -> Iterator["Looked"]:
    """The finds of each detector: those that look now, or have looked in the bucket, then those of files."""
    from nightjar.domain.evaluation.looked import read_looked
    from nightjar.stores.standard import STANDARD

    if given.footage:
        if _exists(Path(given.footage)):
            yield from _looks(Path(given.footage), given.detector, labels, look)
        elif given.footage.startswith(STANDARD):
            yield from _stored_looks(given.footage, given.detector, labels, look)
        else:
            expected = f"a folder, a picture or a video, or a prefix that begins with {STANDARD}"
            raise UsageError(f"expected --footage with {expected}, got {given.footage!r}")
    for path in given.detections:
        try:
            with path.open(encoding="utf-8-sig") as lines:
                yield read_looked(lines, str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"expected detections at {str(path)!r}: {error}") from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, or a folder above that may not be entered
        raise UsageError(f"expected footage at {str(path)[:200]!r}: {error.strerror}") from None


def _looks(footage: Path, tags: Sequence[str], labels: "Labels", look: Look | None) -> Iterator["Looked"]:
    from nightjar.cli.evaluate_footage import standard_pictures
    from nightjar.domain.evaluation.looked import read_looked

    if not tags:
        return
    if look is None:
        raise UsageError(_NO_LOOK)
    with standard_pictures(footage, labels) as (folder, sizes):
        for tag in tags:
            yield read_looked(look(tag, folder), f"detections of {tag}").of_size(sizes)


def _stored_looks(prefix: str, tags: Sequence[str], labels: "Labels", look: Look | None) -> Iterator["Looked"]:
    from nightjar.queries.stored_looks import stored_looks
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    store = S3Store(load(StoreSettings))
    for tag in tags or (None,):
        yield stored_looks(store, prefix, labels, tag, look)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from None
    sys.stdout.write(f"written: {path}\n")
