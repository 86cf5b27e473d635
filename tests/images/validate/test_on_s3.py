"""The stage as a program, against a real S3 server and against none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import RELEASE, shard_prefix, stage_prefix
from tests.bucket import put_footage
from tests.images.validate.pictures import ASTRONAUT, GREY, still
from tests.images.validate.shards import IMAGE, LIVE_RUN, begin_run, pictures, quarantine, state

SHARD = "alice-porch"


def command(**changes: str) -> dict[str, Any]:
    """The arguments of subprocess that start the stage on the shard."""
    arguments = ["--input-prefix", shard_prefix(LIVE_RUN, SHARD)]
    arguments += ["--output-prefix", stage_prefix(LIVE_RUN, "validate", SHARD), "--release", f"{LIVE_RUN}{RELEASE}"]
    environment = {**os.environ, "NIGHTJAR_IMAGE": IMAGE, "NIGHTJAR_RUN": "a run", "NIGHTJAR_SHARD": SHARD}
    return {
        "args": [sys.executable, "-m", "nightjar_validate", *arguments],
        "env": {**environment, "PYTHONPATH": os.pathsep.join(sys.path), **changes},
    }


def program(**changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command(**changes), capture_output=True, text=True, timeout=120, check=False)


def test_a_shard_twice(s3_store: S3Store) -> None:
    at = int(time.time()) - 100
    footage = [
        put_footage(s3_store, f"alice-porch-{at}.jpg", still(ASTRONAUT)),
        put_footage(s3_store, f"alice-porch-{at + 1}.jpg", still(GREY)),
        put_footage(s3_store, f"alice-porch-{at + 2}.jpg", still(ASTRONAUT)[:9000]),
        put_footage(s3_store, f"alice-yard-{at + 3}.jpg", still(GREY)),
    ]
    begin_run(s3_store, footage, shard=SHARD)
    done = program()
    assert done.returncode == 0, done.stdout
    outcomes = "{'quarantined:grey': 1, 'quarantined:truncated': 1, 'standard': 2}"
    assert done.stderr == f"validate: done, 4 received: {outcomes}\n"
    assert [p.footage_key for p in pictures(s3_store, shard=SHARD)] == [footage[0].key, footage[3].key]
    assert sorted(each.entry.source_key for each in quarantine(s3_store)) == [footage[1].key, footage[2].key]
    before = state(s3_store)
    assert program().returncode == 0
    assert state(s3_store) == before
    manifest, _ = read_manifest(s3_store, stage_prefix(LIVE_RUN, "validate", SHARD))
    assert manifest.counts.details["reused"] == 4


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"NIGHTJAR_S3_ENDPOINT": "http://127.0.0.1:9"}, 75, "cannot be reached"),
        ({"NIGHTJAR_LONG_SIDE": "1e9"}, 64, "NIGHTJAR_LONG_SIDE"),
    ],
)
def test_failing_leaves_everything_untouched(s3_store: S3Store, changes: dict[str, str], code: int, says: str) -> None:
    at = int(time.time()) - 100
    begin_run(s3_store, [put_footage(s3_store, f"alice-porch-{at}.jpg", still(ASTRONAUT))], shard=SHARD)
    before = state(s3_store)
    done = program(**changes)
    assert (done.returncode, says in done.stderr.splitlines()[-1]) == (code, True), done.stderr
    assert state(s3_store) == before


def test_sigterm_in_the_middle_refuses_nothing_and_leaves_no_process(s3_store: S3Store) -> None:
    at = int(time.time()) - 1000
    data = still(ASTRONAUT.resize((1920, 1920)))
    begin_run(s3_store, [put_footage(s3_store, f"alice-porch-{at + n}.jpg", data) for n in range(60)], shard=SHARD)
    process = subprocess.Popen(
        **command(NIGHTJAR_DECODERS="2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(list(s3_store.list_objects("standard/"))) < 4:  # two decoders: some were written down by then
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    decoders = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.killpg(process.pid, signal.SIGTERM)  # to the whole group, as the local runtime does
    _, said = process.communicate(timeout=20)
    assert (process.returncode, "SIGTERM" in said.splitlines()[-1]) == (75, True), said
    assert len(decoders) == 2
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in decoders):
        assert time.monotonic() < deadline, "expected the decoders to end with the stage"
        time.sleep(0.05)
    assert quarantine(s3_store) == []
    done = program()
    assert done.stderr == "validate: done, 60 received: {'standard': 60}\n"
    assert len(list(s3_store.list_versions("standard/"))) == 60, "expected nothing to be written twice"
    manifest, _ = read_manifest(s3_store, stage_prefix(LIVE_RUN, "validate", SHARD))
    assert manifest.counts.details["reused"] > 0, "expected to go on from where it stopped"
