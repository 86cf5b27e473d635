"""The account of a run, as tables."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.accounts import DoesNotAddUpError, ShardProof, consumed, settle
from nightjar.domain.batch import BatchLine, Footage, Outcome, ReceivedVersion
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.reasons import Reason

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)


def line(number: int, outcome: Outcome = Outcome.FILED, reason: Reason | None = None) -> BatchLine:
    source = ReceivedVersion(key=f"incoming/{number}", version_id="1", size=1, received_at=NOW)
    kept = outcome is not Outcome.QUARANTINED
    return BatchLine(
        source=source,
        outcome=outcome,
        reason=reason,
        footage_key=footage(number).key if kept else None,
        footage_version="1" if kept else None,
        sha256="0" if kept else None,
    )


def footage(number: int) -> Footage:
    key = f"footage/alice-porch-{1_700_000_000 + number}.jpg"
    return Footage.model_validate({"key": key, "version_id": "1", "size": 1, "sha256": "0"})


def manifest(received: int, details: dict[str, int] | None = None, /, **outcomes: int) -> Manifest:
    named = {name.replace("__", ":").replace("_", "-"): number for name, number in outcomes.items()}
    counts = Counts(received=received, outcomes=named, details=details or {})
    return Manifest(stage="s", image="r/s:1", run="r", counts=counts, started_at=NOW, finished_at=NOW)


def shard(numbers: range, validated: Manifest | None = None, detected: Manifest | None = None) -> ShardProof:
    return ShardProof(f"shard-{numbers.start}", [footage(n) for n in numbers], validated, detected)


FILED = [line(n) for n in range(4)]
DUPLICATE = line(8, Outcome.DUPLICATE)
REFUSED = line(9, Outcome.QUARANTINED, Reason.BAD_NAME)


@pytest.mark.parametrize(
    ("batch", "shards", "received", "outcomes", "failed"),
    [
        pytest.param([], [], 0, {}, [], id="nothing at all"),
        pytest.param([DUPLICATE, REFUSED], [], 2, {"duplicate": 1, "quarantined:bad-name": 1}, [], id="nothing filed"),
        pytest.param(
            FILED, [shard(range(4), manifest(4, standard=4), manifest(4, detected=4))], 4, {"detected": 4}, [], id="all"
        ),
        pytest.param(
            [*FILED, DUPLICATE],
            [shard(range(4), manifest(34, standard=32, quarantined__grey=2), manifest(32, detected=30, failed__io=2))],
            35,
            {"detected": 30, "duplicate": 1, "failed:io": 2, "quarantined:grey": 2},
            [],
            id="videos, and each outcome",
        ),
        pytest.param(FILED, [shard(range(4))], 4, {"failed:validate": 4}, ["shard-0"], id="nothing validated"),
        pytest.param(
            FILED,
            [shard(range(4), manifest(5, standard=3, duplicate=2))],
            5,
            {"duplicate": 2, "failed:detect": 3},
            ["shard-0"],
            id="nothing detected",
        ),
        pytest.param(
            FILED,
            [shard(range(2), manifest(2, standard=2), manifest(2, detected=2)), shard(range(2, 4))],
            4,
            {"detected": 2, "failed:validate": 2},
            ["shard-2"],
            id="a failed shard beside a good one",
        ),
        pytest.param(
            FILED,
            [shard(range(4), manifest(4, standard=4), manifest(3, detected=3))],
            4,
            {"failed:detect": 4},
            ["shard-0"],
            id="detect saw other pictures than validate made",
        ),
        pytest.param(
            FILED, [shard(range(4), manifest(4, void=0, quarantined__void=4), manifest(0))], 4, None, None, id="unknown"
        ),
        pytest.param(
            FILED,
            [shard(range(4), manifest(4, quarantined__void=4), manifest(0))],
            4,
            {"quarantined:void": 4},
            [],
            id="all refused",
        ),
        pytest.param(FILED, [shard(range(3))], 4, None, None, id="a filed object is in no shard"),
        pytest.param(FILED, [shard(range(4)), shard(range(1))], 4, None, None, id="a filed object is in two shards"),
        pytest.param([], [shard(range(1))], 0, None, None, id="a shard holds what the batch does not"),
    ],
)
def test_settle(
    batch: list[BatchLine],
    shards: list[ShardProof],
    received: int,
    outcomes: dict[str, int] | None,
    failed: list[str] | None,
) -> None:
    if outcomes is None:
        with pytest.raises(DoesNotAddUpError):
            settle(batch, shards)
        return
    account = settle(batch, shards)
    assert account.counts.received == received
    assert {k: v for k, v in account.counts.outcomes.items() if v} == outcomes
    assert list(account.failures) == failed
    assert account.counts.problem() is None


@pytest.mark.parametrize(
    ("detected", "failure"),
    [(manifest(4, detected=4), "assess left no proof"), (None, "detect left no proof for 4 pictures")],
    ids=["pictures that nobody was alerted about", "the first reason counts"],
)
def test_a_shard_whose_alerts_failed_is_told_and_its_pictures_are_detected(
    detected: Manifest | None, failure: str
) -> None:
    proof = ShardProof("s", [footage(n) for n in range(4)], manifest(4, standard=4), detected, "assess left no proof")
    account = settle(FILED, [proof])
    assert account.failures == {"s": failure}
    assert account.counts.total("detected") == (4 if detected else 0)


def test_details_of_detect_are_told_apart() -> None:
    validated = manifest(4, {"videos": 1, "known": 2}, standard=4)
    detected = manifest(4, {"known": 3}, detected=4)
    account = settle(FILED, [shard(range(4), validated, detected)])
    assert account.counts.details == {"videos": 1, "known": 2, "detect_known": 3}


@pytest.mark.parametrize(
    ("key", "sha256", "expected"),
    [("a", "1", True), ("a", "2", False), ("b", "1", False)],
    ids=["the same", "other content", "other key"],
)
def test_consumed(key: str, sha256: str, expected: bool) -> None:
    there = ObjectRef(key=key, version_id="new", sha256=sha256, size=1)
    used = ObjectRef(key="a", version_id="old", sha256="1", size=1)
    assert consumed(manifest(0).model_copy(update={"inputs": (used,)}), there) is expected
