"""The footage of each camera in one live run: its arrivals, and the outcome of every picture."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nightjar.domain.batch import RETRY, BatchLine, Outcome
from nightjar.domain.detections import Picture
from nightjar.domain.health import Look, Sent
from nightjar.domain.layout import last_segment
from nightjar.domain.names import Camera, NameRefused, parse_footage_name
from nightjar.domain.validations import Validation
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import Run, Runs
from nightjar.stores.validations import Validations

log = logging.getLogger(__name__)


@dataclass
class Evidence:
    """The footage of a camera in a run, and the last good picture among it."""

    sent: Sent = field(default_factory=Sent)
    newest: Picture | None = None


def evidence_of(store: ObjectStore, name: str) -> Mapping[Camera, Evidence]:
    """The footage of each camera in the live run called `name`; nothing for a run that cannot be read.

    A retry brings nothing new from a camera, and neither does a duplicate: that footage was counted when it came.
    """
    cameras: dict[Camera, Evidence] = defaultdict(Evidence)
    if name.startswith(RETRY):
        return cameras
    run = Runs(store).live(name)
    try:
        _add_batch(cameras, run.batch()[0])
    except InputError as error:
        log.warning("run %s is left out: %s", name, error)
        return cameras
    for line in _validations(store, run):
        _add_validation(cameras, line)
    return cameras


def _add_batch(cameras: dict[Camera, Evidence], lines: Iterable[BatchLine]) -> None:
    for line in lines:
        named = line.source.named
        if named is None or line.outcome == Outcome.DUPLICATE:
            continue
        sent = cameras[named.camera].sent
        sent.arrivals.append((line.source.received_at, named.taken_at))
        if line.outcome == Outcome.QUARANTINED and line.reason:
            sent.looks.append(Look(taken_at=named.taken_at, reason=line.reason))


def _validations(store: ObjectStore, run: Run) -> Iterable[Validation]:
    """The outcomes of the footage of all shards; of a shard that failed there are none."""
    validations = Validations(store)
    for shard in run.shards_of("validate"):
        try:
            manifest, _ = run.manifest("validate", shard)
            for ref in validations.objects_among(manifest.objects):
                yield from validations.read_object(ref)
        except InputError as error:
            log.warning("shard %s of run %s is left out: %s", shard, run.name, error)


def _add_validation(cameras: dict[Camera, Evidence], line: Validation) -> None:
    try:
        name = parse_footage_name(last_segment(line.footage_key))
    except NameRefused:  # put there by hand
        return
    seen = cameras[name.camera]
    for picture in line.pictures:
        seen.sent.looks.append(Look(taken_at=picture.taken_at, sha256=picture.standard_sha256))
        if seen.newest is None or picture.taken_at > seen.newest.taken_at:
            seen.newest = picture
    seen.sent.looks += [Look(taken_at=each.taken_at or name.taken_at, reason=each.reason) for each in line.refusals]
