"""Killed anywhere, collect loses nothing: SIGKILL before and after every S3 call, on a real S3 server.

After a call and before the next one the bucket is the same; so where it is killed before a call the same run is
retried, and where it is killed after one the next run has to pick it up.
"""

import hashlib
import os
import signal
import threading
import time
from typing import Any

import pytest

from nightjar.domain.batch import Outcome
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar_local.seaweedfs import S3Access
from tests.images.collect.dropping import collected, look

PART, WHOLE = b"beginning", b"beginning and end"


class Points:
    """The points of a run: one before each call to S3 and one after. At the point `kill_at` this process ends."""

    def __init__(self, store: S3Store) -> None:
        self.kill_at = -1
        self._lock = threading.Lock()
        self.calls: list[str] = []
        for event in ("before-call.s3", "after-call.s3"):
            store._client.meta.events.register(event, self._point)

    def _point(self, model: Any, **_: Any) -> None:
        with self._lock:
            if len(self.calls) == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.calls.append(model.name)


def empty(access: S3Access, client: Any) -> None:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=access.bucket)
    found = [
        {"Key": v["Key"], "VersionId": v["VersionId"]}
        for page in pages
        for v in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    if found:
        client.delete_objects(Bucket=access.bucket, Delete={"Objects": found, "Quiet": True})


def drop_all(access: S3Access, client: Any, at: int) -> dict[tuple[str, str], bytes]:
    """A good one, the same moment with the same and with other content, a bad name, a large one of each kind, and a
    part with its whole.

    Version to content.
    """
    drops = [
        (f"alice-porch-{at}.jpg", b"picture"),
        (f"alice-porch-{at}000.jpeg", b"picture"),
        (f"alice-porch-{at}000.png", b"other"),
        ("{{ bad }}", b"bad"),
        (f"alice-porch-{at}.mp4", b"more than is held in memory"),
        ("{{ large }}", b"much more than is held in memory"),
        (f"alice-yard-{at}.mp4", PART),
        (f"alice-yard-{at}000.mp4", WHOLE),
    ]
    return {
        (
            f"incoming/{name}",
            client.put_object(Bucket=access.bucket, Key=f"incoming/{name}", Body=data)["VersionId"],
        ): data
        for name, data in drops
    }


def killed_at(store: S3Store, points: Points, point: int) -> bool:
    """Run collect in a forked process that is killed at `point`; whether it was.

    `store` is for these processes alone: this one has no connection through it that they would share.
    """
    child = os.fork()
    if child == 0:
        try:
            points.kill_at = point
            collected(store)
        finally:
            os._exit(0)  # also after an error: the parent then sees that it was not killed
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def check(store: S3Store, received: dict[tuple[str, str], bytes]) -> None:
    """Every received version has one outcome, in one batch, and is stored exactly once."""
    bucket = look(store)
    assert bucket.incoming == []
    [lines] = bucket.batches.values()
    assert [(line.source.key, line.source.version_id) for line in lines] == sorted(received)
    assert sorted(str(line.outcome) for line in lines) == [*2 * ["duplicate"], *3 * ["filed"], *3 * ["quarantined"]]
    filed = {
        line.footage_key: [received[line.source.key, line.source.version_id]]
        for line in lines
        if line.outcome is Outcome.FILED
    }
    expected = {key: [PART, WHOLE] if content == [WHOLE] else content for key, content in filed.items()}
    assert {key: sorted(versions) for key, versions in bucket.footage.items()} == expected
    for line in lines:
        content = received[line.source.key, line.source.version_id]
        if line.outcome is Outcome.QUARANTINED:
            stored = [data for entry, data in bucket.quarantine if entry.source_version == line.source.version_id]
            assert stored == [content]
        else:
            now = WHOLE if content == PART else content
            assert line.sha256 == hashlib.sha256(now).hexdigest()
    assert len(bucket.quarantine) == 3


@pytest.mark.timeout(900)
def test_killed_before_and_after_every_call(
    seaweedfs: S3Access, s3_settings: StoreSettings, s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_TRANSFERS", "1")  # so that calls come in one order
    monkeypatch.setattr("nightjar_collect.contents.IN_MEMORY", 10)  # bytes, so that some are copied inside the store
    client = seaweedfs.client()
    received = drop_all(seaweedfs, client, int(time.time()))
    counting = S3Store(s3_settings)
    points = Points(counting)
    whole = collected(counting)
    check(s3_store, received)
    assert points.calls.count("CopyObject") == 2 * 3
    assert len(points.calls) > 80

    of_children = S3Store(s3_settings)
    points_of_children = Points(of_children)
    for point in range(len(points.calls)):
        empty(seaweedfs, client)
        received = drop_all(seaweedfs, client, int(time.time()))
        assert killed_at(of_children, points_of_children, point), (
            f"expected to be killed at {points.calls[point]}, point {point}"
        )
        manifest = collected(s3_store, "w1" if point % 2 == 0 else "w2")
        check(s3_store, received)
        assert manifest.counts.outcomes == whole.counts.outcomes
        assert [info.key for info in s3_store.list_objects("claims/")] in (["claims/w1.json"], ["claims/w2.json"])
