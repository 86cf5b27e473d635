"""Both stages as programs over a real S3 server, and their records read by an outside reader."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds

from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext
from nightjar_local.seaweedfs import S3Access
from tests.images.record.test_history import live_day
from tests.images.record.test_live import an_eventful_run
from tests.images.record.warehouse import keys
from tests.images.record.world import DAY, history
from tests.images.report.test_stage import PAGE, reporting


def run_program(context: StageContext, access: S3Access) -> str:
    """Run the stage to its good end; its last words."""
    arguments = ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix]
    arguments += ["--release", context.release_key] if context.release_key else []
    arguments += ["--day", context.day.isoformat()] if context.day else []
    environment = {
        **os.environ,
        **access.environment(),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NIGHTJAR_IMAGE": context.image,
        "NIGHTJAR_RUN": context.run,
    }
    command = [sys.executable, "-m", f"nightjar_{context.stage}", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_a_run_over_s3_is_read_back_by_a_reader_of_hive_partitions(
    s3_store: S3Store, seaweedfs: S3Access, tmp_path: Path
) -> None:
    context = an_eventful_run(s3_store)
    assert "record: done, 13 received" in run_program(context, seaweedfs)
    manifest, _ = read_manifest(s3_store, context.output_prefix)
    assert manifest.result == {"days": [DAY.isoformat()]}
    assert "report: done, 1 received" in run_program(reporting(s3_store), seaweedfs)
    assert "13 pictures" in s3_store.get(PAGE)[0].decode()
    assert "report: done, 0 received" in run_program(reporting(s3_store), seaweedfs)
    for key in keys(s3_store, "records/"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        s3_store.download(key, tmp_path / key)
    pictures = ds.dataset(tmp_path / "records/pictures", partitioning="hive").to_table()
    assert pictures["date"].unique().to_pylist() == [DAY.isoformat()]
    assert pictures.num_rows == 13
    assert (pictures.schema.field("width").metadata or {})[b"unit"] == b"pixels"
    outcomes = pictures.group_by("outcome").aggregate([("id", "count")]).to_pylist()
    assert {o["outcome"]: o["id_count"] for o in outcomes} == {
        "detected": 6,
        "quarantined": 3,
        "duplicate": 2,
        "failed": 2,
    }
    seen = ds.dataset(tmp_path / "records/detections", partitioning="hive").to_table(filter=ds.field("threat"))
    assert set(seen["camera"].to_pylist()) == {"alice-porch", "alice-yard"}


def test_history_over_s3_supersedes_and_compacts_and_every_version_stays(
    s3_store: S3Store, seaweedfs: S3Access
) -> None:
    context = history(s3_store, *live_day(s3_store))
    before = [v for v in s3_store.list_versions("") if not v.is_delete_marker]
    for _ in range(2):
        run_program(context, seaweedfs)
    assert keys(s3_store, "records/events/") == ["records/events/date=2026-11-20/day.parquet"]
    assert {key.rpartition("/")[2] for key in keys(s3_store, "validations/")} == {"day.jsonl"}
    after = {(v.key, v.version_id) for v in s3_store.list_versions("")}
    assert {(v.key, v.version_id) for v in before} <= after
