"""The stage as a program over a real S3 server, and its records read by an outside reader."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds

from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext
from nightjar_local.seaweedfs import S3Access
from tests.images.report.test_history import live_day
from tests.images.report.test_stage import an_eventful_run
from tests.images.report.world import DAY, REPORT, history, keys


def run_program(context: StageContext, access: S3Access) -> subprocess.CompletedProcess[str]:
    arguments = ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix]
    arguments += ["--release", str(context.release_key), *(["--day", context.day.isoformat()] if context.day else [])]
    environment = {
        **os.environ,
        **access.environment(),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NIGHTJAR_IMAGE": context.image,
        "NIGHTJAR_RUN": context.run,
    }
    command = [sys.executable, "-m", "nightjar_report", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_run_over_s3_is_read_back_by_a_reader_of_hive_partitions(
    s3_store: S3Store, seaweedfs: S3Access, tmp_path: Path
) -> None:
    context = an_eventful_run(s3_store)
    ended = run_program(context, seaweedfs)
    assert ended.returncode == 0, ended.stderr
    assert "report: done, 13 received" in ended.stderr
    manifest, _ = read_manifest(s3_store, context.output_prefix)
    assert manifest.result == {"reports": [REPORT]}
    for key in keys(s3_store, "records/"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        s3_store.download(key, tmp_path / key)
    pictures = ds.dataset(tmp_path / "records/pictures", partitioning="hive").to_table()
    assert pictures["date"].unique().to_pylist() == [DAY.isoformat()]
    assert pictures.num_rows == 13
    assert pictures.schema.field("width").metadata[b"unit"] == b"pixels"
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
        ended = run_program(context, seaweedfs)
        assert ended.returncode == 0, ended.stderr
    assert keys(s3_store, "records/events/") == ["records/events/date=2026-11-20/day.parquet"]
    assert {key.rpartition("/")[2] for key in keys(s3_store, "validations/")} == {"day.jsonl"}
    after = {(v.key, v.version_id) for v in s3_store.list_versions("")}
    assert {(v.key, v.version_id) for v in before} <= after
