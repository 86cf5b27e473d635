"""A stage's lineage as Airflow's OpenLineage provider emits it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from openlineage.client.serde import Serde

from nightjar.domain.manifest import Manifest, ObjectRef, Refs
from nightjar.runtime.manifests import write_manifest, write_refs
from nightjar.runtime.memory import MemoryStore
from operators import stage as stage_module
from operators.openlineage import MOST
from tests.operators.stage_pods import RUN, SHARD, operator, pin

NOW = datetime(2026, 11, 20, tzinfo=UTC)
OUTPUT = f"{RUN}detect/alice-porch/"


def ref(key: str, version: str = "v1") -> ObjectRef:
    return ObjectRef(key=key, version_id=version, sha256="5" * 64, size=1)


READ = (ref("standard/a.jpg", "v1"), ref("standard/a.jpg", "v2"), ref("rules/x.yaml"))
WRITTEN = (ref("detections/d.jsonl", "v7"), ref(f"{OUTPUT}failures.jsonl"))


def lineage(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, granularity: str = "stores", **changes: Any
) -> OperatorLineage[Any, Any] | None:
    """As the provider asks for it, of a stage that left a manifest."""
    monkeypatch.setenv("NIGHTJAR_OPENLINEAGE_DATASETS", granularity)
    monkeypatch.setenv("NIGHTJAR_BUCKET", "footage-of-all")
    monkeypatch.setattr(stage_module, "bucket", lambda: store)
    release = pin(store)
    manifest = Manifest(
        stage="detect",
        image="r/detect:1.0.0",
        image_digest="sha256:7",
        run="b",
        release=release,
        inputs=READ,
        objects=WRITTEN,
        started_at=NOW,
        finished_at=NOW,
    )
    write_manifest(store, OUTPUT, manifest.model_copy(update=changes))
    return DefaultExtractor(operator("detect", SHARD, release=release)).extract_on_complete(None)


def names(datasets: Any) -> list[tuple[str, str]]:
    return [(each.namespace, each.name) for each in datasets]


def test_a_store_is_a_dataset_that_names_its_objects_with_their_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    told = lineage(MemoryStore(), monkeypatch)
    assert told
    assert names(told.inputs) == [("s3://footage-of-all", "rules"), ("s3://footage-of-all", "standard")]
    assert names(told.outputs) == [("s3://footage-of-all", "detections"), ("s3://footage-of-all", "runs")]
    [facet] = Serde.to_dict(told.inputs[1])["facets"].values()
    assert facet["number"] == 2
    assert facet["objects"] == [
        {"key": "standard/a.jpg", "version": version, "sha256": "5" * 64} for version in ("v1", "v2")
    ]


def test_the_run_facet_says_by_what_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told = lineage(MemoryStore(), monkeypatch)
    assert told
    facet = Serde.to_dict(told.run_facets["nightjar"])
    assert facet["run"] == RUN.removeprefix("runs/").rstrip("/")
    assert (facet["stage"], facet["shard"], facet["image"]) == ("detect", "alice-porch", "r/detect:1.0.0")
    assert (facet["imageDigest"], facet["settings"]["NIGHTJAR_LONG_SIDE"]) == ("sha256:7", "640")
    assert facet["rules"] and facet["release"]


def test_objects_are_datasets_with_the_version_that_was_read_last(monkeypatch: pytest.MonkeyPatch) -> None:
    told = lineage(MemoryStore(), monkeypatch, "objects")
    assert told
    versions = {each.name: Serde.to_dict(each)["facets"]["version"]["datasetVersion"] for each in told.inputs}
    assert versions == {"standard/a.jpg": "v2", "rules/x.yaml": "v1"}
    assert names(told.outputs)[0] == ("s3://footage-of-all", "detections/d.jsonl")


@pytest.mark.parametrize("granularity", ["stores", "objects"])
def test_many_objects_are_told_bounded_and_counted(monkeypatch: pytest.MonkeyPatch, granularity: str) -> None:
    store = MemoryStore()
    more = write_refs(store, OUTPUT, Refs(inputs=[ref(f"standard/{n}.jpg") for n in range(5 * MOST)]))
    told = lineage(store, monkeypatch, granularity, more=more)
    assert told
    if granularity == "objects":
        assert len(told.inputs) == MOST
    else:
        facet = Serde.to_dict(told.inputs[1])["facets"]["nightjar_objects"]
        assert (facet["number"], len(facet["objects"])) == (5 * MOST + 2, MOST - 1)


def test_without_a_proof_of_this_release_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """None would make the provider warn, in the last line of a log that is to say why the task failed."""
    assert lineage(MemoryStore(), monkeypatch, release="0" * 64) == OperatorLineage()
    store = MemoryStore()
    monkeypatch.setattr(stage_module, "bucket", lambda: store)
    extractor = DefaultExtractor(operator("detect", SHARD, release=pin(store)))
    assert extractor.extract_on_complete(None) == OperatorLineage()  # it was skipped
    assert extractor.extract_on_failure(None) == OperatorLineage()
