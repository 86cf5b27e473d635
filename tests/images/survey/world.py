"""Live runs as they leave the bucket: a batch, and the outcomes of its footage by shard, over the shared world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from nightjar.domain.batch import BatchLine, NameFields, Outcome, ReceivedVersion
from nightjar.domain.health import Health
from nightjar.domain.manifest import Manifest
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera, FootageName
from nightjar.domain.reasons import Reason
from nightjar.domain.troubles import Trouble
from nightjar.domain.validations import Refusal, Validation
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar.stores.footage import footage_key
from nightjar.stores.health import EndedRuns, HealthStore
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import Runs
from nightjar.stores.troubles import Troubles
from nightjar.stores.validations import Validations
from nightjar_survey.stage import survey
from tests.bucket import PORCH, RunWorld, put_picture, sha256_of

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
START = datetime(2026, 11, 20, 12, tzinfo=UTC)  # the rules hold at any time
PATROL = "nightjar_patrol"


@dataclass(frozen=True)
class Shot:
    """A still: when it was taken, how long after that it arrived, and why it was refused (None: it was not).

    Shots of the same `scene` are the same bytes; by default each is one of its own. `by` is the stage that refused it.
    """

    taken_at: datetime
    reason: Reason | None = None
    scene: str = ""
    delay: timedelta = timedelta(seconds=5)
    camera: Camera = PORCH
    by: str = "validate"
    outcome: Outcome | None = None

    @property
    def name(self) -> FootageName:
        return FootageName(self.camera, ms_from_utc(self.taken_at), "jpg")

    @property
    def batch_line(self) -> BatchLine:
        source = ReceivedVersion(
            key=f"incoming/{self.name.canonical}",
            version_id="v1",
            size=1,
            received_at=self.taken_at + self.delay,
            named=NameFields.of(self.name),
        )
        if self.reason and self.by == "collect":
            return BatchLine(source=source, outcome=Outcome.QUARANTINED, reason=self.reason)
        key = footage_key(self.name)
        return BatchLine(source=source, outcome=self.outcome or Outcome.FILED, footage_key=key, footage_version="f1")

    def validation(self, store: ObjectStore, look: Callable[[Camera, datetime, str], bytes]) -> Validation:
        refusals = [Refusal(reason=self.reason, detail="", taken_at=None, quarantine_key="")] if self.reason else []
        picture = put_picture(store, look(self.camera, self.taken_at, self.scene), self.taken_at, self.camera)
        return Validation(
            footage_key=footage_key(self.name),
            footage_version="f1",
            footage_sha256="",
            validator="1",
            settings="",
            video=False,
            pictures=() if self.reason else (picture,),
            refusals=tuple(refusals),
        )


def plain(camera: Camera, taken_at: datetime, scene: str) -> bytes:
    """Bytes that are no picture, of a scene."""
    return (scene or f"{camera.name} {taken_at}").encode()


def shots(first: datetime, number: int, every: timedelta = 5 * MINUTE, like: Shot | None = None) -> list[Shot]:
    """So many shots from `first` on, `like` this one but for the time."""
    return [replace(like or Shot(first), taken_at=first + n * every) for n in range(number)]


def live_run(
    store: ObjectStore,
    sent: Sequence[Shot],
    name: str | None = None,
    look: Callable[[Camera, datetime, str], bytes] = plain,
    failed: Sequence[Camera] = (),
) -> str:
    """A live run over `sent`, ended and announced; of cameras in `failed`, validate left nothing. Returns its name."""
    first = min((shot.taken_at + shot.delay for shot in sent), default=START)
    name = name or f"{first:%Y%m%dT%H%M%SZ}-{sha256_of(repr(sent))[:12]}"
    at = Runs(store).live(name)
    at.write_batch([shot.batch_line for shot in sent])
    filed = [shot for shot in sent if shot.batch_line.outcome == Outcome.FILED]
    for camera in sorted({shot.camera for shot in filed} - set(failed)):
        lines = [shot.validation(store, look) for shot in filed if shot.camera == camera]
        place = Place("1", camera, first.date())
        ref = Validations(store).write(place, RunShard(name, camera.name, is_history=False), lines)
        RunWorld(store, name).leave("validate", camera.name, objects=[ref])
    EndedRuns(store).announce(name)
    return name


def context(store: ObjectStore, now: datetime, rules: bytes | None = None) -> StageContext:
    """The context in which the survey works at `now`."""
    world = RunWorld(store, f"patrol-{now:%Y%m%dT%H%M%S}", PATROL)
    world.pin(rules)
    return world.context("survey", "health/", now=now)


def look_around(store: ObjectStore, now: datetime, rules: bytes | None = None) -> Manifest:
    """A survey at `now`."""
    return run(survey, context(store, now, rules))


def health(store: ObjectStore, camera: Camera = PORCH) -> Health:
    found = HealthStore(store).find(camera)
    assert found is not None, f"nothing is known of {camera.name}"
    return found


def open_troubles(store: ObjectStore) -> set[tuple[str, str]]:
    return {(trouble.about, trouble.kind) for trouble in Troubles(store).all_open(100)}


def trouble(store: ObjectStore, kind: str, camera: Camera = PORCH) -> Trouble:
    stored = Troubles(store).find(camera.name, kind)
    assert stored is not None, f"{camera.name} was never {kind}"
    return stored.trouble
