"""`python -m nightjar_detect` as the operator starts it, over a real S3 server."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext
from tests.images.detect.shards import detections, jpeg, series, validated


def start(context: StageContext, model_dir: Path, **environment: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "nightjar_detect", "--release", str(context.release_key)]
    argv += ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix]
    own = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NIGHTJAR_IMAGE": context.image,
        "NIGHTJAR_RUN": context.run,
        "NIGHTJAR_SHARD": "alice-porch",
        "NIGHTJAR_MODEL_DIR": str(model_dir),
    }
    return subprocess.Popen(
        argv, env=os.environ | own | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def shard(store: S3Store, number: int) -> StageContext:
    return validated(
        store, series(store, (jpeg(Image.new("RGB", (640, 480), (n % 256, 40, 90))) for n in range(number)))
    )


def test_it_detects_and_says_so(s3_store: S3Store, model_dir: Path) -> None:
    context = shard(s3_store, 3)
    out, err = (process := start(context, model_dir)).communicate(timeout=120)
    assert (process.returncode, err.splitlines()[-1]) == (0, "detect: done, 3 received: {'detected': 3}")
    assert all(json.loads(line)["shard"] == "alice-porch" for line in out.splitlines())
    manifest, _ = read_manifest(s3_store, context.output_prefix)
    assert manifest.counts.outcomes == {"detected": 3}
    of_detector = f"detections/{manifest.result['detector']}/"
    own, published = f"{of_detector}2026/11/20/alice-porch/b1.jsonl", f"{of_detector}model_card.json"
    keys = [ref.key for ref in manifest.objects if not ref.key.startswith(("detectors/", context.output_prefix))]
    assert sorted(keys) == [own, published]


def test_sigterm_means_again_later_and_keeps_what_is_done(s3_store: S3Store, model_dir: Path) -> None:
    context = shard(s3_store, 400)
    process = start(context, model_dir)
    assert process.stdout
    assert any("first picture looked at" in line for line in process.stdout)
    time.sleep(0.3)  # so that there is something to keep, and much to be done
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "stopped by SIGTERM" in err.splitlines()[-1]
    with pytest.raises(InputError):
        read_manifest(s3_store, context.output_prefix)
    [kept] = detections(s3_store).values()
    assert 0 < len(kept) < 400


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        pytest.param({"NIGHTJAR_DETECT_THREADS": "0"}, 64, "NIGHTJAR_DETECT_THREADS", id="bad setting"),
        pytest.param({"NIGHTJAR_DETECT_BACKEND": "onnx"}, 64, "NIGHTJAR_DETECT_BACKEND", id="unknown backend"),
        pytest.param({"NIGHTJAR_MODEL_DIR": "/nowhere"}, 64, "expected a model card at /nowhere", id="no model"),
        pytest.param({"NIGHTJAR_IMAGE": "no-tag"}, 64, "expected an image reference", id="image without a tag"),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 64, "no S3 credentials", id="no credentials"
        ),
    ],
)
def test_wrong_configuration_ends_with_64(
    s3_store: S3Store, model_dir: Path, environment: dict[str, str], code: int, says: str
) -> None:
    _, err = (process := start(shard(s3_store, 1), model_dir, **environment)).communicate(timeout=60)
    assert process.returncode == code
    assert says in err.splitlines()[-1]
