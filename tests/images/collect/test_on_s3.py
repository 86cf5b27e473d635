"""The stage as a program, against a real S3 server and against none."""

import os
import subprocess
import sys
import time

import pytest

from nightjar.runtime.s3 import S3Store
from nightjar.stores.drop_zone import INCOMING
from nightjar_local.seaweedfs import S3Access
from tests.images.collect.dropping import IMAGE, collected, drop, look


def program(**changes: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--input-prefix", INCOMING, "--output-prefix", "runs/nightjar_watch/w1/collect/"]
    environment = {**os.environ, "NIGHTJAR_IMAGE": IMAGE, "NIGHTJAR_RUN": "w1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "nightjar_collect", *arguments],
        env={**environment, **changes},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_names_that_break_the_contract_and_versions_of_one_key(s3_store: S3Store) -> None:
    at = int(time.time())
    good = f"alice-porch-{at}.jpg"
    bad = [
        f"a b-{at}.jpg",
        f"ü-{at}.jpg",
        "{{ 7 * 7 }}",
        "'\"`$(id)",
        f"sub/{good}",
        "x" * 1000,
        "a..b",
        "%2e%2e%2f",
    ]
    names = [good, good, good.replace(".jpg", ".png"), *bad]
    received = drop(s3_store, *names)
    drop(s3_store, "", "folder/", data=b"")
    assert len(set(received)) == len(names)
    manifest = collected(s3_store)
    assert manifest.counts.outcomes == {
        "filed": 1,
        "duplicate": 1,
        "quarantined:identity-conflict": 1,
        "quarantined:bad-name": len(bad),
    }
    bucket = look(s3_store)
    assert bucket.incoming in ([], [INCOMING])
    [lines] = bucket.batches.values()
    assert sorted((line.source.key, line.source.version_id) for line in lines) == sorted(received)
    assert {entry.source_key for entry, _ in bucket.quarantine} >= {f"{INCOMING}{name}" for name in bad}


def test_an_empty_bucket(seaweedfs: S3Access, s3_store: S3Store) -> None:
    done = program()
    assert done.returncode == 0, done.stderr
    assert done.stderr == "collect: done, 0 received: nothing to do\n"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"NIGHTJAR_S3_ENDPOINT": "http://127.0.0.1:9"}, 75, "cannot be reached"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, 64, "SignatureDoesNotMatch"),
        ({"NIGHTJAR_BATCH_OBJECTS": "0"}, 64, "NIGHTJAR_BATCH_OBJECTS"),
    ],
)
def test_failing_leaves_the_input_untouched(s3_store: S3Store, changes: dict[str, str], code: int, says: str) -> None:
    before = drop(s3_store, f"alice-porch-{int(time.time())}.jpg")
    done = program(**changes)
    assert done.returncode == code
    assert says in done.stderr.splitlines()[-1]
    assert [(v.key, v.version_id) for v in s3_store.list_versions(INCOMING)] == before
    assert look(s3_store).batches == {}
