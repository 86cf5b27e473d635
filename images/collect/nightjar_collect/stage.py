"""The stage: claim, file, write the batch, empty the drop zone; in this order, so that a kill anywhere loses nothing.

Once the batch is written every claimed version is filed or in quarantine; only then are they deleted from the drop
zone. A retry that finds the batch only has deletes to finish; one that does not files again from the claim, and
recognises the versions that it filed before.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from nightjar.domain.batch import BatchLine, Claim, Outcome, ReceivedVersion
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.reasons import Reason
from nightjar.errors import UsageError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar.settings.collect import CollectSettings
from nightjar.stores.claims import Claims, HeldClaim
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.runs import WATCH, Runs
from nightjar_collect.filing import Filed, Filer
from nightjar_collect.selection import receipt_order, select

log = logging.getLogger(__name__)


def collect(context: StageContext) -> StageResult:
    """File one batch of what landed below the input prefix; a batch that a dead run left behind comes first.

    `result.batch_id` is None when nothing is there. Raises UsageError for a bucket without versions.
    """
    settings = load(CollectSettings)
    store = context.store
    drop_zone = DropZone(store, context.input_prefix)
    run = _run_of(context.output_prefix)
    if not store.is_versioned():
        raise UsageError("expected a bucket that keeps versions, got one that does not: turn versioning on")
    held, markers = _claim(store, drop_zone, run, settings)
    if held is None:
        return StageResult(counts=Counts(details={"folder_markers": markers}), result={"batch_id": None})
    claim = held.claim
    log.info("collecting %d versions", len(claim.versions), extra={"batch_id": claim.batch_id, "claimed_by": held.run})
    live = Runs(store).live(claim.batch_id)
    filer = Filer(store, drop_zone, context.image, f"{WATCH}/{run}", settings.max_object_bytes)
    if store.head(live.batch_key):
        lines, batch = live.batch()
        written = [ref for refs in in_parallel(filer.refs, lines, settings.transfers) for ref in refs]
    else:
        lines, written = _file(filer, claim, settings)
        if not lines:  # the uploader took every one of them back
            Claims(store).drop(held)
            return StageResult(counts=_counts([], len(claim.versions), markers), result={"batch_id": None})
        batch = live.write_batch(lines)
    _empty(drop_zone, claim, lines, settings.transfers)
    withdrawn = len({_identity(version) for version in claim.versions} - {_identity(line.source) for line in lines})
    return StageResult(
        counts=_counts(lines, withdrawn, markers),
        inputs=[held.ref],
        objects=[*sorted(written, key=lambda ref: (ref.key, ref.version_id)), batch],
        result={
            "batch_id": claim.batch_id,
            "batch_key": live.batch_key,
            "adopted_from": held.run if held.run != run else None,
        },
        warnings=[f"{withdrawn} of {len(claim.versions)} were withdrawn before they were filed"] if withdrawn else [],
    )


def _run_of(output_prefix: str) -> str:
    folder, _, last = output_prefix.rstrip("/").rpartition("/")
    if last != "collect" or not folder:
        raise UsageError(f"expected an output prefix like runs/nightjar_watch/<run>/collect/, got {output_prefix!r}")
    return last_segment(folder)


def _claim(
    store: ObjectStore, drop_zone: DropZone, run: str, settings: CollectSettings
) -> tuple[HeldClaim | None, int]:
    """The claim to work on, if there is anything to do, and how many folder markers were removed."""
    claims = Claims(store)
    if held := claims.open(run, lambda batch: Runs(store).live(batch).has_begun()):
        return held, 0
    landed = drop_zone.survey()
    versions = select(drop_zone.waiting(landed.withdrawn), settings.batch_objects, settings.batch_bytes)
    for marker in landed.folder_markers:  # or the sensor would see them for ever
        drop_zone.remove(marker.key, marker.version_id)
    return claims.write(run, Claim.of(versions)) if versions else None, len(landed.folder_markers)


def _file(filer: Filer, claim: Claim, settings: CollectSettings) -> tuple[list[BatchLine], list[ObjectRef]]:
    progress = Progress("collected", len(claim.versions))

    def work(group: Sequence[ReceivedVersion]) -> list[Filed]:
        filed = filer.file_all(group)
        progress.add(len(group))
        return filed

    groups = in_parallel(work, _by_identity(claim.versions), settings.transfers, ahead=settings.batch_objects)
    filed = [each for group in groups for each in group]
    progress.finish()
    lines = sorted((line for f in filed for line in _lines(f)), key=lambda line: _identity(line.source))
    return lines, [ref for f in filed for ref in f.refs]


def _lines(filed: Filed) -> Iterator[BatchLine]:
    """The lines of a version: one, or none if it was withdrawn.

    A refused version that a retry files after all has two: it is a duplicate from now on, of footage that is worked on.
    """
    line = filed.line
    if line is None:
        return
    if line.source.kept is None or line.outcome is not Outcome.FILED:
        yield line
        return
    footage = line.footage
    place = {"key": footage.key, "version_id": footage.version_id, "kept": None}
    yield line.model_copy(update={"outcome": Outcome.DUPLICATE})
    yield line.model_copy(update={"source": line.source.model_copy(update=place)})


def _empty(drop_zone: DropZone, claim: Claim, lines: Iterable[BatchLine], transfers: int) -> None:
    """Remove from the drop zone what is filed or in quarantine, and hide what could not be copied."""
    unreadable: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.reason == Reason.UNREADABLE:
            unreadable[line.source.key].add(line.source.version_id)
    copied = (v for v in claim.versions if v.version_id not in unreadable.get(v.key, ()))
    for _ in in_parallel(lambda v: drop_zone.remove(v.key, v.version_id), copied, transfers):
        pass
    for key, version_ids in unreadable.items():
        drop_zone.hide(key, version_ids)


def _identity(version: ReceivedVersion) -> tuple[str, str]:
    return version.key, version.version_id


def _by_identity(versions: Iterable[ReceivedVersion]) -> list[list[ReceivedVersion]]:
    """Versions of one identity together, in the order received; these must not be filed at the same time."""
    groups: dict[Hashable, list[ReceivedVersion]] = defaultdict(list)
    for version in sorted(versions, key=receipt_order):
        name = version.name
        groups[(name.stem, name.is_video) if name else (version.key, version.version_id)].append(version)
    return list(groups.values())


def _counts(lines: Sequence[BatchLine], withdrawn: int, markers: int) -> Counts:
    outcomes = Counter(
        f"{line.outcome}:{line.reason}" if line.outcome is Outcome.QUARANTINED else str(line.outcome) for line in lines
    )
    return Counts(
        received=len(lines),
        outcomes=dict(sorted(outcomes.items())),
        details={"folder_markers": markers, "withdrawn": withdrawn},
    )
