"""The assess stage as a program on a real S3 server: quick, with its exit codes and last words."""

import os
import subprocess
import sys

import pytest

from nightjar.domain.layout import MANIFEST
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext
from tests.bucket import PORCH
from tests.scenes import NOON, detection, start_run


@pytest.fixture
def context(s3_store: S3Store) -> StageContext:
    """A run on the real server that has come as far as detect."""
    return start_run(s3_store, "r1", [detection(PORCH, NOON, {"person": 0.9})])


def assess(context: StageContext, *more: str, **environment: str) -> tuple[int, str]:
    """Run the program; its exit code and the last line on standard error."""
    arguments = ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix, *more]
    settings = {"PYTHONPATH": "images/base:images/assess", "NIGHTJAR_IMAGE": context.image, "NIGHTJAR_RUN": "r1"}
    done = subprocess.run(
        [sys.executable, "-m", "nightjar_assess", *arguments],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize("times", [1, 2])
def test_done(s3_store: S3Store, context: StageContext, times: int) -> None:
    for _ in range(times):
        code, sentence = assess(context, "--release", str(context.release_key))
        assert (code, sentence) == (0, "assess: done, 1 received: {'threat': 1, 'safe': 0}")
    manifest, _ = read_manifest(s3_store, context.output_prefix)
    written = {ref.key.partition("/")[0] for ref in manifest.objects}
    assert written == ({"events", "journals", "threats", "runs"} if times == 1 else {"runs"})
    assert manifest.result == {"events": 1}
    for ref in manifest.objects:
        assert s3_store.head(ref.key, ref.version_id) is not None


def test_without_a_release_it_is_used_wrongly(context: StageContext) -> None:
    code, sentence = assess(context)
    assert code == 64
    assert "--release" in sentence


def test_without_a_manifest_the_input_is_refused(s3_store: S3Store, context: StageContext) -> None:
    s3_store.delete(f"{context.input_prefix}{MANIFEST}")
    code, sentence = assess(context, "--release", str(context.release_key))
    assert code == 65
    assert "detect/everything/_manifest.json" in sentence


def test_what_reconcile_vouches_for_counts_in_that_version(s3_store: S3Store, context: StageContext) -> None:
    [listed] = s3_store.list_objects("detections/")
    s3_store.put(listed.key, b"{}\n")
    code, _ = assess(context, "--release", str(context.release_key))
    assert code == 0
    assert read_manifest(s3_store, context.output_prefix)[0].counts.received == 1


def test_no_s3_is_tried_again_later(context: StageContext) -> None:
    code, sentence = assess(context, "--release", str(context.release_key), NIGHTJAR_S3_ENDPOINT="http://127.0.0.1:9")
    assert code == 75
    assert "cannot be reached" in sentence
