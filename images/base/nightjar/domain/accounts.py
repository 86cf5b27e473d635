"""The account of a run: every picture of its batch ends as exactly one of detected, quarantined, duplicate, failed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.manifest import Counts, Manifest, ObjectRef, add_counts
from nightjar.domain.model import Stored
from nightjar.domain.tally import many

STANDARD = "standard"  # what validate passes on to detect
ENDS = frozenset({"detected", "quarantined", "duplicate", "failed"})


class DoesNotAddUpError(ValueError):
    """The shards do not hold the batch: a bug or a mixed-up run, not a failed shard."""


@dataclass(frozen=True)
class ShardProof:
    """A shard, and the manifests that its stages left; None where there is none that holds.

    `problem` says why nobody may have been alerted about pictures that were detected.
    """

    name: str
    footage: Sequence[Footage]
    validated: Manifest | None = None
    detected: Manifest | None = None
    problem: str | None = None


class Account(Stored):
    """`reconcile/account.json`. `failures` says by shard why its pictures count as failed, or were not alerted."""

    counts: Counts
    shards: dict[str, Counts]
    failures: dict[str, str]


def settle(batch: Iterable[BatchLine], shards: Iterable[ShardProof]) -> Account:
    """The account of a run over `batch`, whose filed footage was cut into `shards`.

    A shard without proof counts as failed, so that it does not hold back the others. Raises DoesNotAddUpError when the
    shards do not hold each filed object exactly once.
    """
    lines, proofs = list(batch), list(shards)
    _check_covered(lines, proofs)
    failures: dict[str, str] = {}
    by_shard: dict[str, Counts] = {}
    for proof in proofs:
        by_shard[proof.name], failure = _settle_shard(proof)
        if problem := failure or proof.problem:
            failures[proof.name] = problem
    collected = _count(Counter(_outcome(line) for line in lines if line.outcome is not Outcome.FILED))
    counts = reduce(add_counts, by_shard.values(), collected)
    if wrong := counts.problem():
        raise DoesNotAddUpError(wrong)
    return Account(counts=counts, shards=by_shard, failures=failures)


def consumed(manifest: Manifest, reference: ObjectRef) -> bool:
    """Whether a stage worked from exactly this object: its key and its content."""
    return any((each.key, each.sha256) == (reference.key, reference.sha256) for each in manifest.inputs)


def _check_covered(lines: Sequence[BatchLine], proofs: Sequence[ShardProof]) -> None:
    filed = Counter(line.filed for line in lines if line.outcome is Outcome.FILED)
    held = Counter((f.key, f.version_id) for proof in proofs for f in proof.footage)
    if filed != held:
        missing, extra = sorted((filed - held).elements()), sorted((held - filed).elements())
        raise DoesNotAddUpError(
            f"expected the shards to hold each of {filed.total()} filed objects once, "
            f"missing are {missing[:3]} ({len(missing)}), too many are {extra[:3]} ({len(extra)})"
        )


def _settle_shard(proof: ShardProof) -> tuple[Counts, str | None]:
    if proof.validated is None:
        number = len(proof.footage)
        objects = "object" if number == 1 else "objects"
        return _count({"failed:validate": number}), f"validate left no proof for {number} {objects}"
    validated = proof.validated.counts
    standard = validated.total(STANDARD)
    ended = {k: v for k, v in validated.outcomes.items() if k.partition(":")[0] != STANDARD}
    failure = None
    if proof.detected is None:
        detected = _count({"failed:detect": standard} if standard else {})
        failure = f"detect left no proof for {many(standard, 'picture')}"
    elif proof.detected.counts.received != standard:
        detected = _count({"failed:detect": standard} if standard else {})
        failure = f"expected detect to receive {standard} pictures, it says {proof.detected.counts.received}"
    else:
        found = proof.detected.counts
        detected = Counts(
            received=found.received,
            outcomes=found.outcomes,
            details={f"detect_{name}": number for name, number in found.details.items()},
        )
    counts = add_counts(Counts(received=sum(ended.values()), outcomes=ended, details=validated.details), detected)
    if unknown := {k for k in counts.outcomes if k.partition(":")[0] not in ENDS}:
        raise DoesNotAddUpError(
            f"shard {proof.name}: expected pictures to end as one of {sorted(ENDS)}, got {sorted(unknown)}"
        )
    return counts, failure


def _outcome(line: BatchLine) -> str:
    return f"{line.outcome}:{line.reason}" if line.reason else str(line.outcome)


def _count(outcomes: "Counter[str] | dict[str, int]") -> Counts:
    return Counts(received=sum(outcomes.values()), outcomes=dict(sorted(outcomes.items())))
