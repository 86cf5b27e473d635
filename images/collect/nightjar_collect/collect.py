"""The stage: claim, file, write the batch, empty the drop zone; in this order, so that a kill anywhere loses nothing.

Once the batch is written every claimed version is filed or in quarantine; only then are they deleted from the drop
zone. A retry that finds the batch only has deletes to finish; one that does not files again from the claim, and
recognises what it filed before.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.layout import BATCH, LIVE, last_segment, run_prefix
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import NameRefused
from nightjar.errors import UsageError
from nightjar.runtime.manifests import read_lines, write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore, VersionInfo
from nightjar.settings.collect import CollectSettings
from nightjar_collect.claims import Claim, Held, drop_claim, open_claim, write_claim
from nightjar_collect.filing import Filed, Filer
from nightjar_collect.selection import footage_name, receipt_order, select

log = logging.getLogger(__name__)


def collect(context: StageContext) -> StageResult:
    """File one batch of what landed below the input prefix; a batch that a dead run left behind comes first.

    `result.batch_id` is None when nothing is there. Raises UsageError for a bucket without versions.
    """
    settings = load(CollectSettings)
    store = context.store
    run = _run_of(context.output_prefix)
    if not store.is_versioned():
        raise UsageError("expected a bucket that keeps versions, got one that does not: turn versioning on")
    held, markers = _claim(context, run, settings)
    if held is None:
        return StageResult(counts=Counts(details={"folder_markers": markers}), result={"batch_id": None})
    claim = held.claim
    log.info("collecting %d versions", len(claim.versions), extra={"batch_id": claim.batch_id, "claimed_by": held.run})
    batch_key = f"{run_prefix(LIVE, claim.batch_id)}{BATCH}"
    if store.head(batch_key):
        lines, batch = read_lines(store, batch_key, BatchLine)
        written = _refs(context, lines, settings)
    else:
        lines, written = _file(context, claim, settings)
        if not lines:  # the uploader took every one of them back
            drop_claim(store, held)
            return StageResult(counts=_counts([], len(claim.versions), markers), result={"batch_id": None})
        batch = write_lines(store, batch_key, lines)
    _delete(store, claim.versions, settings)
    withdrawn = len(claim.versions) - len(lines)
    return StageResult(
        counts=_counts(lines, withdrawn, markers),
        inputs=[held.ref],
        objects=[*written, batch],
        result={
            "batch_id": claim.batch_id,
            "batch_key": batch_key,
            "adopted_from": held.run if held.run != run else None,
        },
        warnings=[f"{withdrawn} of {len(claim.versions)} were withdrawn before they were filed"] if withdrawn else [],
    )


def _run_of(output_prefix: str) -> str:
    folder, _, last = output_prefix.rstrip("/").rpartition("/")
    if last != "collect" or not folder:
        raise UsageError(f"expected an output prefix like runs/nightjar_watch/<run>/collect/, got {output_prefix!r}")
    return last_segment(folder)


def _claim(context: StageContext, run: str, settings: CollectSettings) -> tuple[Held | None, int]:
    """The claim to work on, if there is anything to do, and how many folder markers were removed."""
    store, drop_zone = context.store, context.input_prefix
    if held := open_claim(store, run):
        return held, 0
    withdrawn: set[str] = set()
    markers: list[VersionInfo] = []
    for version in store.list_versions(drop_zone):
        if version.is_delete_marker and version.is_latest:
            withdrawn.add(version.key)
        elif _is_folder_marker(version) and version.key != drop_zone:
            markers.append(version)
    waiting = (
        ReceivedVersion(key=v.key, version_id=v.version_id, size=v.size, received_at=v.modified_at)
        for v in store.list_versions(drop_zone)
        if not (v.is_delete_marker or v.key in withdrawn or _is_folder_marker(v))
    )
    versions = select(waiting, drop_zone, settings.batch_objects, settings.batch_bytes)
    for marker in markers:  # or the sensor would see them for ever
        store.delete(marker.key, marker.version_id)
    return write_claim(store, run, Claim.of(versions)) if versions else None, len(markers)


def _is_folder_marker(version: VersionInfo) -> bool:
    """Whether this is what S3 browsers leave as a folder."""
    return version.key.endswith("/") and version.size == 0 and not version.is_delete_marker


def _file(context: StageContext, claim: Claim, settings: CollectSettings) -> tuple[list[BatchLine], list[ObjectRef]]:
    filer = Filer(context.store, context.input_prefix, context.image, settings.max_object_bytes)
    progress = Progress("collected", len(claim.versions))

    def work(group: Sequence[ReceivedVersion]) -> list[Filed]:
        filed = filer.file_all(group)
        progress.add(len(group))
        return filed

    groups = _by_identity(claim.versions, context.input_prefix)
    filed = [each for group in in_parallel(work, groups, settings.transfers) for each in group]
    progress.finish()
    lines = sorted((f.line for f in filed if f.line), key=lambda one: (one.source.key, one.source.version_id))
    return lines, sorted((ref for f in filed for ref in f.refs), key=lambda ref: (ref.key, ref.version_id))


def _refs(context: StageContext, lines: Sequence[BatchLine], settings: CollectSettings) -> list[ObjectRef]:
    """The objects that a finished batch's versions were filed as, or are in quarantine as."""
    filer = Filer(context.store, context.input_prefix, context.image, settings.max_object_bytes)
    found = [ref for refs in in_parallel(filer.refs, lines, settings.transfers) for ref in refs]
    return sorted(found, key=lambda ref: (ref.key, ref.version_id))


def _by_identity(versions: Iterable[ReceivedVersion], drop_zone: str) -> list[list[ReceivedVersion]]:
    """Versions of one identity together, in the order received; these must not be filed at the same time."""
    groups: dict[Hashable, list[ReceivedVersion]] = defaultdict(list)
    for version in sorted(versions, key=receipt_order):
        try:
            name = footage_name(version.key, drop_zone)
        except NameRefused:
            groups[version.key, version.version_id].append(version)
        else:
            groups[name.stem, name.is_video].append(version)
    return list(groups.values())


def _delete(store: ObjectStore, versions: Sequence[ReceivedVersion], settings: CollectSettings) -> None:
    for _ in in_parallel(lambda v: store.delete(v.key, v.version_id), versions, settings.transfers):
        pass


def _counts(lines: Sequence[BatchLine], withdrawn: int, markers: int) -> Counts:
    outcomes = Counter(
        f"{line.outcome}:{line.reason}" if line.outcome is Outcome.QUARANTINED else str(line.outcome) for line in lines
    )
    return Counts(
        received=len(lines),
        outcomes=dict(sorted(outcomes.items())),
        details={"folder_markers": markers, "withdrawn": withdrawn},
    )
