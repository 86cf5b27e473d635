"""The shards of a run, some at a time: the manifests of their stages, their events, who was told, their refusals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.alerts import DigestLine
from nightjar.domain.deliveries import Delivery
from nightjar.domain.events import Event
from nightjar.domain.layout import DIGEST
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.stages import SHARD_STAGES
from nightjar.errors import InputError
from nightjar.queries.readable import lines_at, told
from nightjar.queries.run_account import Proof, proofs_of
from nightjar.runtime.manifests import read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.runs import Run

MOST_EVENTS = 60  # read for one answer, the newest
MOST_REFUSALS = 60
_EVENTS = "events.jsonl"
_READERS = 16


@dataclass(frozen=True)
class ShardWork:
    """A shard by what its stages left; `problems` say which of their manifests cannot be read."""

    name: str
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long its stages worked, together."""
        return sum(proof.manifest.seconds for proof in self.proofs.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of its stages, each once."""
        return tuple(dict.fromkeys(w for proof in self.proofs.values() for w in proof.manifest.warnings))


@dataclass(frozen=True)
class RunEvent:
    """An event that a run judged, as it is stored now, and who was told. `held` is why the run told nobody of it."""

    event: Event
    told: tuple["Told", ...] = ()
    held: str = ""


@dataclass(frozen=True)
class Told:
    """A delivery and its state in words; `by_this_run` unless an earlier or later run told it."""

    delivery: Delivery
    state: str
    by_this_run: bool


@dataclass(frozen=True)
class Refusal:
    """A refusal that a stage wrote. `entry` is None where it is gone: erased, or put through since."""

    folder: str
    entry: QuarantineEntry | None
    is_lifted: bool = False


def shard_work(store: ObjectStore, run: Run, names: Sequence[str], sha256: str) -> list[ShardWork]:
    """The state of the shards called `names`, of a run that is pinned to the release with this SHA-256."""
    problems: list[str] = []
    places = [(stage, name) for name in names for stage in SHARD_STAGES]
    proofs = proofs_of(store, run, places, sha256, problems)
    of_shard = {name: tuple(p for p in problems if f"/{name}/" in p) for name in names}
    return [ShardWork(name, proofs[name], of_shard[name]) for name in names]


def shard_events(
    store: ObjectStore, run: Run, shards: Iterable[ShardWork], now: datetime, problems: list[str]
) -> list[RunEvent]:
    """The events of these shards, newest first, at most MOST_EVENTS; those that were erased since are left out."""
    assessed = [shard.name for shard in shards if "assess" in shard.proofs]

    def read(name: str) -> tuple[list[Event], list[DigestLine]]:
        return (
            lines_at(store, f"{run.stage_prefix('assess', name)}{_EVENTS}", Event, problems),
            lines_at(store, f"{run.stage_prefix('notify', name)}{DIGEST}", DigestLine, problems),
        )

    answers = list(in_parallel(read, assessed, _READERS))
    lines = {event.id: event for events, _ in answers for event in events}
    held = {line.event_id: str(line.reason) for _, digest in answers for line in digest}
    newest = sorted(lines.values(), key=lambda event: event.started_at, reverse=True)[:MOST_EVENTS]
    events = in_parallel(lambda event: told(problems, lambda: _event(store, run, event, held, now)), newest, _READERS)
    return [event for event in events if event]


def refusals(store: ObjectStore, refs: Iterable[ObjectRef]) -> list[Refusal]:
    """The refusals among the objects of a manifest, at most MOST_REFUSALS."""
    reasons = [ref for ref in refs if ref.key.startswith(QUARANTINE) and ref.key.endswith("/reason.json")]

    def read(ref: ObjectRef) -> Refusal:
        folder = ref.key.rpartition("/")[0]
        try:
            entry = read_record(store, ref.key, QuarantineEntry, ref.version_id)[0]
        except InputError:
            return Refusal(folder, None)
        return Refusal(folder, entry, is_lifted=store.head(ref.key) is None)

    return list(in_parallel(read, reasons[:MOST_REFUSALS], _READERS))


def _event(store: ObjectStore, run: Run, event: Event, held: Mapping[str, str], now: datetime) -> RunEvent | None:
    current = Events(store).get(event.camera, event.ref)
    if current is None:
        return None
    line = Ledger(store).find(current)
    if line is None:
        return RunEvent(current, held=held.get(event.id, ""))
    alert = line.alert
    is_held = alert.is_held("", "", now)
    deliveries = (Told(each, each.told_state(is_held), alert.run == run.name) for each in alert.each_delivery)
    return RunEvent(current, tuple(deliveries), held.get(event.id, ""))
