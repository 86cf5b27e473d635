"""Killed anywhere, collect loses nothing: SIGKILL before and after every S3 call, on a real S3 server.

After a call and before the next one the bucket is the same; so where it is killed before a call the same run is
retried, and where it is killed after one the next run has to pick it up.
"""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nightjar.domain.batch import Outcome
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar_local.seaweedfs import S3Access
from tests.images.collect.dropping import collected, look


class Deadly:
    """A store in which this process ends at the point `kill_at`; every call has a point before it and one after."""

    def __init__(self, store: S3Store, kill_at: int = -1) -> None:
        self._store, self._kill_at = store, kill_at
        self._lock = threading.Lock()
        self.points = 0

    def _point(self) -> None:
        with self._lock:
            if self.points == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.points += 1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._point()
            answer = method(*args, **kwargs)
            if isinstance(answer, Iterator):
                answer = iter(list(answer))
            self._point()
            return answer

        return call


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
    """A good one, the same moment with the same and with other content, and a bad name: version to content."""
    drops = [
        (f"alice-porch-{at}.jpg", b"picture"),
        (f"alice-porch-{at}000.jpeg", b"picture"),
        (f"alice-porch-{at}000.png", b"other"),
        ("{{ bad }}", b"bad"),
    ]
    return {
        (
            f"incoming/{name}",
            client.put_object(Bucket=access.bucket, Key=f"incoming/{name}", Body=data)["VersionId"],
        ): data
        for name, data in drops
    }


def killed_at(settings: StoreSettings, point: int) -> bool:
    """Run collect in a forked process that is killed at `point`; whether it was."""
    child = os.fork()
    if child == 0:
        try:
            collected(Deadly(S3Store(settings), point))
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
    assert sorted(str(line.outcome) for line in lines) == ["duplicate", "filed", "quarantined", "quarantined"]
    filed = {
        line.footage_key: [received[line.source.key, line.source.version_id]] for line in lines if line.footage_key
    }
    assert bucket.footage == filed
    for line in lines:
        content = received[line.source.key, line.source.version_id]
        if line.outcome is Outcome.QUARANTINED:
            stored = [data for entry, data in bucket.quarantine if entry.source_version == line.source.version_id]
            assert stored == [content]
        else:
            assert line.sha256 == hashlib.sha256(content).hexdigest()
    assert len(bucket.quarantine) == 2


def test_killed_before_and_after_every_call(
    seaweedfs: S3Access, s3_settings: StoreSettings, s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_TRANSFERS", "1")  # so that calls come in one order
    client = seaweedfs.client()
    received = drop_all(seaweedfs, client, int(time.time()))
    counting = Deadly(s3_store)
    whole = collected(counting)
    check(s3_store, received)
    assert counting.points > 60

    for point in range(counting.points):
        empty(seaweedfs, client)
        received = drop_all(seaweedfs, client, int(time.time()))
        assert killed_at(s3_settings, point), f"expected to be killed at point {point} of {counting.points}"
        manifest = collected(s3_store, "w1" if point % 2 == 0 else "w2")
        check(s3_store, received)
        assert manifest.counts.outcomes == whole.counts.outcomes
        assert [info.key for info in s3_store.list_objects("claims/")] in (["claims/w1.json"], ["claims/w2.json"])
