"""`nightjar status`: short, and never slower for a full drop zone."""

from datetime import UTC, datetime

import pytest

from nightjar.cli.main import main
from nightjar.cli.status import status
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Release, StageRelease
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Runs

RULES = FrozenRules(key="rules/x.yaml", sha256="x", source=ObjectRef(key="k", version_id="v", sha256="x", size=1))


def deploy(store: MemoryStore | S3Store, **images: str) -> None:
    stages = {stage: StageRelease(image=image) for stage, image in images.items()}
    release = Release(run="r1", stages=stages, rules=RULES)
    Runs(store).deploy("runs/nightjar_live/r1/", release, datetime(2026, 11, 20, 13, 5, tzinfo=UTC))


def test_an_empty_bucket() -> None:
    assert list(status(MemoryStore())) == [
        "Nothing is deployed yet: no run has begun.",
        "0 objects wait below incoming/.",
    ]


def test_the_deployed_images() -> None:
    store = MemoryStore()
    deploy(store, detect="localhost/nightjar/detect:1.4.0", record="localhost/nightjar/report:1.0.0")
    assert next(status(store)).splitlines() == [
        "Deployed since 2026-11-20 13:05 UTC, first by runs/nightjar_live/r1/",
        "  detect  localhost/nightjar/detect:1.4.0",
        "  record  localhost/nightjar/report:1.0.0",
    ]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "1 object waits below"),
        (999, "999 objects wait"),
        (1000, "1,000 objects or more"),
        (1500, "1,000 objects or more"),
    ],
)
def test_what_waits_is_counted_up_to_a_bound(number: int, sentence: str) -> None:
    store = MemoryStore()
    for each in range(number):
        store.put(f"incoming/alice-porch-{1795179900 + each}.jpg", b"x")
    assert list(status(store))[-1].startswith(sentence)


def test_the_command_prints_what_the_surroundings_add(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(s3_store, detect="localhost/nightjar/detect:1.4.0")
    assert main(["status"], sections=(lambda: "scheduler  RUNNING",)) == 0
    said = capsys.readouterr().out
    assert "detect:1.4.0" in said
    assert said.endswith("scheduler  RUNNING\n\n")
