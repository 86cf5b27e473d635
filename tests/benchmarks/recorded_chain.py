"""The chain over a bucket of its own, on a real S3 server, with every request noted on its way."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.rules import RulesStore
from nightjar_local import seaweedfs
from tests.chain import Chain
from tests.recorder import Recorder


@contextmanager
def recorded_chain(rules: bytes, environment: Mapping[str, str] | None = None) -> Iterator[tuple[Chain, Recorder]]:
    """The chain under `rules`, whose stages get `environment` besides, and what it asked of the server."""
    with (
        tempfile.TemporaryDirectory() as directory,
        seaweedfs.running(Path(directory)) as access,
        Recorder(int(access.endpoint.rsplit(":", 1)[1])) as recorder,
    ):
        through = replace(access, endpoint=recorder.url)
        os.environ.update(through.environment())
        store = S3Store(StoreSettings())
        RulesStore(store).put(rules)
        yield Chain(through, store, environment=environment or {}), recorder
