"""`nightjar rules false-boxes`: places where the detector sees day after day what is not there."""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from getpass import getuser
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import InputError, UsageError
from nightjar.queries.deployed import detector_folder
from nightjar.queries.known_cameras import cameras_named

if TYPE_CHECKING:
    from nightjar.cli.false_box_sheet import Candidate
    from nightjar.domain.names import Camera
    from nightjar.domain.rules import CameraRules, Rules
    from nightjar.domain.standing_boxes import Measure
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.line_store import Place


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `false-boxes` to the actions of `nightjar rules`."""
    command = actions.add_parser("false-boxes", help="places where the detector sees what is not there")
    ways = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    find = ways.add_parser(
        "find",
        help="look for them, and make a sheet to review",
        description="Look through stored detections for boxes that a rule in force would call a threat and that were "
        "at the same place on several days, and write a sheet: a page with pictures, and a file to say yes or no in.",
    )
    add_range(find)
    find.add_argument("--camera", nargs="+", action="extend", default=[], metavar="USER-DEVICE", help="default: all")
    find.add_argument("--days", type=int, default=3, metavar="N", help="seen on at least so many days (3)")
    find.add_argument("--overlap", type=float, default=0.8, metavar="SHARE", help="of two boxes of one place (0.8)")
    find.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the sheet is written")
    find.add_argument("--detector", metavar="NAME", help="its id, or its image's tag; default: the deployed one")
    find.set_defaults(run=run_find)
    confirm = ways.add_parser("confirm", help="suppress what the sheet's file says yes to")
    confirm.add_argument("file", type=Path, metavar="FILE", help="false-boxes.yaml of a sheet")
    confirm.set_defaults(run=run_confirm)
    listed = ways.add_parser("list", help="list those that are suppressed")
    listed.set_defaults(run=run_list)
    remove = ways.add_parser("remove", help="suppress one no longer")
    remove.add_argument("camera", metavar="USER-DEVICE")
    remove.add_argument("number", type=int, metavar="NUMBER", help="its number in the list")
    remove.set_defaults(run=run_remove)


def run_find(given: argparse.Namespace) -> int:
    """Write the sheet; returns 0."""
    from nightjar.cli.false_box_sheet import FILE, PAGE, write_sheet
    from nightjar.domain.standing_boxes import Measure
    from nightjar.domain.tally import many
    from nightjar.runtime.progress import log_handler
    from nightjar.stores.rules import RulesStore

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log_handler(sys.stderr)])
    check_range(given)
    if given.start == BEGINNING:
        raise UsageError("expected --from with the first day to look at, got none")
    if given.days < 2 or not 0 < given.overlap <= 1:
        raise UsageError("expected --days of at least 2, and --overlap above 0 and up to 1")
    end = datetime.now(UTC) if given.end == END else given.end
    store = _store()
    cameras = cameras_named(store, given.camera)
    rules = RulesStore(store).in_force().rules
    if rules is None:
        raise InputError("expected rules in force, found none: what would be a threat is not known")
    folder = detector_folder(store, given.detector)
    measure = Measure(days=given.days, overlap=given.overlap)
    found = list(_candidates(store, rules, folder, (given.start, end), cameras, measure))
    write_sheet(store, given.out, found, given.overlap, (given.start, end))
    sys.stdout.write(f"{many(len(found), 'place')} to review: look at {given.out / PAGE}\n")
    if found:
        sys.stdout.write(
            f"then say yes or no in {given.out / FILE}, and: nightjar rules false-boxes confirm {given.out / FILE}\n"
        )
    return 0


def run_confirm(given: argparse.Namespace) -> int:
    """Store what was confirmed; returns 0."""
    from nightjar.cli.false_box_sheet import read_sheet
    from nightjar.domain.false_boxes import FalseBox
    from nightjar.domain.names import Camera
    from nightjar.domain.tally import many
    from nightjar.stores.false_boxes import FalseBoxes

    lines = read_sheet(given.file).boxes
    confirmed = FalseBoxes(_store())
    now, by = datetime.now(UTC).replace(microsecond=0), f"command {getuser()}"
    new = 0
    for name in sorted({line.camera for line in lines if line.confirmed}):
        camera = Camera.parse(name)
        new += confirmed.add(
            camera,
            (
                FalseBox(label=line.label, box=line.box, overlap=line.overlap, confirmed_by=by, confirmed_at=now)
                for line in lines
                if line.confirmed and line.camera == name
            ),
        )
    left = sum(not line.confirmed for line in lines)
    sys.stdout.write(f"{many(new, 'place')} confirmed and suppressed from the next run on; {left} left as they are\n")
    return 0


def run_list(given: argparse.Namespace) -> int:
    """List what is suppressed; returns 0."""
    from nightjar.cli.tables import aligned
    from nightjar.stores.false_boxes import FalseBoxes

    del given
    confirmed = FalseBoxes(_store())
    rows = [
        (
            camera.name,
            number,
            box.label,
            " ".join(f"{side:.2f}" for side in box.box),
            f"by {box.confirmed_by} on {box.confirmed_at:%Y-%m-%d}",
        )
        for camera in confirmed.cameras()
        for number, box in enumerate(confirmed.of(camera), 1)
    ]
    sys.stdout.writelines(f"{line}\n" for line in (aligned(rows) if rows else ["no place is suppressed"]))
    return 0


def run_remove(given: argparse.Namespace) -> int:
    """Suppress one no longer; returns 0."""
    from nightjar.domain.names import Camera, NameRefused
    from nightjar.stores.false_boxes import FalseBoxes

    try:
        camera = Camera.parse(given.camera)
    except NameRefused as error:
        raise UsageError(str(error)) from None
    confirmed = FalseBoxes(_store())
    boxes = confirmed.of(camera)
    if not 1 <= given.number <= len(boxes):
        known = f"1 to {len(boxes)}" if boxes else "of which it has none"
        raise UsageError(f"expected a number that `list` gives for {camera.name}, {known}, got {given.number}")
    confirmed.put(camera, tuple(box for n, box in enumerate(boxes, 1) if n != given.number))
    sys.stdout.write(f"{camera.name}: number {given.number}, {boxes[given.number - 1].label}, counts again\n")
    return 0


def _candidates(
    store: "ObjectStore",
    rules: "Rules",
    folder: str,
    span: tuple[datetime, datetime],
    cameras: "frozenset[Camera]",
    measure: "Measure",
) -> "Iterator[Candidate]":
    """The standing boxes of each camera that are not confirmed yet."""
    from nightjar.cli.false_box_sheet import Candidate
    from nightjar.domain.detections import DetectedObject
    from nightjar.domain.false_boxes import is_false
    from nightjar.domain.standing_boxes import Sighting, standing_boxes
    from nightjar.runtime.progress import Progress
    from nightjar.stores.detection_history import DetectionHistory
    from nightjar.stores.detections import Detections
    from nightjar.stores.false_boxes import FalseBoxes

    places = list(Detections(store).places(folder, span[0].date(), span[1].date(), cameras or None))
    places.sort(key=lambda place: (place.camera, place.day))
    progress = Progress("days of cameras read", len(places), every=5.0)
    known = {place.camera: rules.device(place.camera) for place in places}
    confirmed, number = FalseBoxes(store), 0

    def wanted(place: "Place") -> Mapping[str, float]:
        return _threatening(known[place.camera])

    read = DetectionHistory(store).read(places, wanted)
    for camera, of_camera in groupby(read, key=lambda item: item[0].camera):
        settings = known[camera]
        sightings: list[Sighting] = []
        days: set[date] = set()
        for _, lines in of_camera:
            progress.add()
            for line in lines:
                if settings is None or not span[0] <= line.picture.taken_at < span[1]:
                    continue
                local = settings.local(line.picture.taken_at)
                days.add(local.date())
                for one in line.objects if line.is_seen else ():  # what errs day after day is the detector
                    seen = DetectedObject(label=one.label, probability=one.probability, box=one.box)
                    sightings.append(Sighting(local, seen, line))
        old = confirmed.of(camera)
        for box in standing_boxes([each for each in sightings if not is_false(each.seen, old)], days, measure):
            number += 1
            yield Candidate(number, camera, box)


def _threatening(camera: "CameraRules | None") -> dict[str, float]:
    """The labels that the camera's rules call unsafe, each with the least probability of any."""
    least: dict[str, float] = {}
    for rule in camera.rules.values() if camera else ():
        for label in rule.unsafe:
            asked = rule.probability_of(label) or 0.0
            least[label] = min(asked, least.get(label, asked))
    return least


def _store() -> "ObjectStore":
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    return S3Store(load(StoreSettings))
