"""A live run with one of everything, as its folder looks once it has ended: for tests of what is told of runs."""

from datetime import timedelta

from nightjar.domain.accounts import Account
from nightjar.domain.detections import How, ListedPicture, LookedAt, Mark
from nightjar.domain.layout import PICTURES
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.reasons import Reason
from nightjar.domain.release import Ended, Started
from nightjar.runtime.manifests import read_manifest, write_lines, write_manifest, write_record
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import LIVE, Run, Runs, run_prefix
from tests.bucket import NOON, PORCH, SHOP, YARD, RunWorld
from tests.images.record.world import World, person

BATCH_ID = "20261120T120000Z-0123456789ab"
SHARD = "all"  # the only shard: porch, yard and shop, packed


def eventful_run(store: ObjectStore, name: str = BATCH_ID, dag_run: str = BATCH_ID, porch: Camera = PORCH) -> Run:
    """Seven pictures that validate passed on: four with persons, one without detection, one that failed, one that is
    the same as another.

    Two events, of which one was alerted and the other came too late; and refusals by collect and by validate.
    """
    world = World(store, name)
    first = world.still(porch, NOON, person())
    second = world.still(porch, NOON + timedelta(seconds=30), person(0.7))
    world.still(porch, NOON + timedelta(minutes=5), mark=Mark(how=How.CARRIED, sources=(LookedAt.of(first),)))
    world.still(porch, NOON + timedelta(minutes=6), person(), detected=False)
    world.still(porch, NOON + timedelta(minutes=8), failure="picture-unreadable")
    world.refused(porch, NOON + timedelta(minutes=7), Reason.GREY)
    world.duplicate(first)
    world.misnamed("{{ 7*7 }}<script>.jpg")
    world.unproven(SHOP, NOON)
    frames = world.video(YARD, NOON, [[person(0.9)], [person(0.95)]])
    world.alert(world.event([first, second]))
    world.too_late(world.event(frames, number=2))
    world.close()
    run = Runs(store).at(run_prefix(LIVE, name))
    run.begin(Started(dag_run=dag_run, start="1"), lambda _: False)
    pictures = [ListedPicture.of(picture) for each in world.validations for picture in each.pictures]
    write_lines(store, f"{run.stage_prefix('validate', SHARD)}{PICTURES}", pictures)
    for picture in pictures:
        if store.head(picture.standard_key) is None:
            store.put(picture.standard_key, b"jpeg")
    _worked(store, run)
    counts = Counts(
        received=10,
        outcomes={"detected": 5, "failed:detect": 2, "quarantined:grey": 1, "quarantined:bad-name": 1, "duplicate": 1},
        details={"videos": 1},
    )
    problem = "validate left no proof for 1 object"
    run.write_account(Account(counts=counts, shards={SHARD: counts}, failures={SHARD: problem}))
    run.end(Ended(state="failed", problems=(f"1 task failed: shard.{SHARD}",), ended_at=NOON + timedelta(days=3650)))
    return run


def shards_of(store: ObjectStore, number: int, name: str = BATCH_ID) -> Run:
    """A run of so many shards, each validated in a second, but the last, which took a minute."""
    run = RunWorld(store, name)
    run.pin()
    for each in range(number):
        shard, counts = f"user{each:04d}-cam", Counts(received=2, outcomes={"standard": 2})
        write_record(store, f"{run.prefix}shards/{shard}/shard.jsonl", Ended(state="", ended_at=NOON))
        run.leave("validate", shard, counts=counts)
        manifest, _ = read_manifest(store, run.at("validate", shard))
        seconds = timedelta(seconds=60 if each == number - 1 else 1)
        write_manifest(
            store, run.at("validate", shard), manifest.model_copy(update={"finished_at": manifest.started_at + seconds})
        )
    return Runs(store).at(run.prefix)


def _worked(store: ObjectStore, run: Run) -> None:
    """The manifest of validate names its refusals, and every stage counts and took its time."""
    reasons = [info for info in store.list_objects("quarantine/grey/") if info.key.endswith("reason.json")]
    refused = tuple(ObjectRef(key=i.key, version_id=i.version_id, sha256="0", size=i.size) for i in reasons)
    for number, stage in enumerate(("validate", "detect", "assess", "notify"), 1):
        manifest, _ = run.manifest(stage, SHARD)
        counts = Counts(received=number, outcomes={"standard": number})
        update = {
            "counts": counts,
            "objects": (*manifest.objects, *(refused if stage == "validate" else ())),
            "warnings": ("a warning of detect",) if stage == "detect" else (),
            "finished_at": manifest.started_at + timedelta(seconds=number),
        }
        write_manifest(store, run.stage_prefix(stage, SHARD), manifest.model_copy(update=update))
