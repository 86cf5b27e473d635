"""A stage's manifest as OpenLineage tells it: datasets that it read and wrote, and by what it was made.

Imported by Airflow's OpenLineage provider only, when a transport is configured: it costs a process half a second.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define, field
from openlineage.client.event_v2 import Dataset
from openlineage.client.facet_v2 import DatasetFacet, RunFacet, dataset_version_dataset

from nightjar.domain.manifest import Manifest, ObjectRef, Refs
from nightjar.domain.release import Release
from nightjar.errors import InputError
from nightjar.runtime.manifests import all_refs, read_manifest
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import Run, folder_of

log = logging.getLogger(__name__)

Granularity = Literal["stores", "objects"]
MOST = 200  # objects that an event names on each side: a shard may have thousands, and servers refuse large events
_SCHEMA = "urn:nightjar:openlineage:1"


@define
class NightjarRunFacet(RunFacet):
    """By what a stage's outputs were made."""

    run: str
    stage: str
    shard: str | None
    image: str
    imageDigest: str | None  # noqa: N815 - as OpenLineage spells its keys
    release: str
    rules: str | None
    settings: dict[str, str] = field(factory=dict)
    outcomes: dict[str, int] = field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return _SCHEMA


@define
class NightjarObjectsFacet(DatasetFacet):
    """The objects of a store that a stage read or wrote: how many, and the first ones with their versions."""

    number: int
    objects: list[dict[str, str]] = field(factory=list)

    @staticmethod
    def _get_schema() -> str:
        return _SCHEMA


def lineage_of_stage(
    store: ObjectStore, output_prefix: str, run: Run, shard: str | None, release: str | None, granularity: Granularity
) -> OperatorLineage[Dataset, NightjarRunFacet]:
    """The lineage of the stage that worked by the release with this SHA-256, as its manifest says.

    An empty one where it left none, as a task that was skipped, or one by another release; None, the provider warns of.
    """
    try:
        manifest, _ = read_manifest(store, output_prefix)
        if manifest.release != release:
            return OperatorLineage()
        pinned = run.release()[0] if release else None
        refs = all_refs(store, manifest)
    except InputError as error:
        log.info("no lineage is told: %s", error)
        return OperatorLineage()
    return lineage_of(
        manifest,
        refs,
        bucket=load(StoreSettings).bucket,
        run=folder_of(run.prefix),
        shard=shard,
        release=pinned,
        granularity=granularity,
    )


def lineage_of(
    manifest: Manifest,
    refs: Refs,
    *,
    bucket: str,
    run: str,
    shard: str | None,
    release: Release | None,
    granularity: Granularity,
) -> OperatorLineage[Dataset, NightjarRunFacet]:
    """The lineage of the stage that left `manifest`, which means `refs`; `run` is a folder below `runs/`.

    Datasets are named as OpenLineage names objects of S3: `s3://<bucket>` and the key, or, by `stores`, the key's top
    folder.
    """
    datasets = _stores if granularity == "stores" else _objects
    stage = release.stages.get(manifest.stage) if release else None
    facet = NightjarRunFacet(
        run=run,
        stage=manifest.stage,
        shard=shard,
        image=manifest.image,
        imageDigest=manifest.image_digest,
        release=manifest.release,
        rules=release.rules.sha256 if release else None,
        settings=dict(stage.settings) if stage else {},
        outcomes=dict(manifest.counts.outcomes),
    )
    return OperatorLineage(
        inputs=datasets(f"s3://{bucket}", refs.inputs),
        outputs=datasets(f"s3://{bucket}", refs.objects),
        run_facets={"nightjar": facet},
    )


def _stores(namespace: str, refs: Sequence[ObjectRef]) -> list[Dataset]:
    """A dataset for each top folder, which names its objects up to MOST in all."""
    numbers = Counter(_folder(ref) for ref in refs)
    named: dict[str, list[dict[str, str]]] = {folder: [] for folder in sorted(numbers)}
    for ref in refs[:MOST]:
        named[_folder(ref)].append({"key": ref.key, "version": ref.version_id, "sha256": ref.sha256})
    return [
        Dataset(namespace, folder, facets={"nightjar_objects": NightjarObjectsFacet(numbers[folder], objects)})
        for folder, objects in named.items()
    ]


def _objects(namespace: str, refs: Sequence[ObjectRef]) -> list[Dataset]:
    """A dataset for each object, by key the version that comes last; up to MOST of them."""
    last = {ref.key: ref for ref in refs}
    return [
        Dataset(
            namespace,
            ref.key,
            facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=ref.version_id)},
        )
        for ref in list(last.values())[:MOST]
    ]


def _folder(ref: ObjectRef) -> str:
    return ref.key.partition("/")[0]
