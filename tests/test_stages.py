"""Each stage reads and writes the stores that it is declared to: the chain is run and every request is looked at."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from docs.iam import policies
from nightjar.domain.alerts import DigestLine
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.domain.reproduction.answer import Verdict
from nightjar.domain.stages import STAGES
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.digests import Digests
from nightjar.stores.events import Events
from nightjar.stores.health import DueTimes
from nightjar.stores.reactions import Reviews
from nightjar.stores.rules import RulesStore
from nightjar_local import samples
from nightjar_local.layout import ROOT
from nightjar_local.seaweedfs import S3Access, make_bucket
from tests.chain import Chain
from tests.policies import allows
from tests.recorder import Recorder, Request, folders

SILENT = Camera("carol", "drive")  # of the rules; its footage is left out

# All that makes notify and tell look further than at an event and its picture.
WANTED = b"""\
    digest: "00:00"
    closing: true
    cap: {alerts: 1, hours: 24}
    quiet_hours: "00:00-23:59"
"""
HELD_BACK = DigestLine(
    event_id="e1",
    event_key="events/e1.json",
    user="alice",
    device="porch",
    site=None,
    rule_id=200,
    rule_name="intruder",
    started_at=datetime(2026, 11, 20, tzinfo=UTC),
    ended_at=datetime(2026, 11, 20, tzinfo=UTC),
    labels={"person": 0.9},
    pictures=1,
)

BETWEEN = "airflow"  # the name of the policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Watched(Chain):
    """A chain that notes the requests of each stage, and those of the operators between the stages."""

    recorder: Recorder | None = None
    requests: dict[str, list[Request]] = field(default_factory=lambda: defaultdict(list))

    def _start(self, command: Sequence[str], stage: str, run: str) -> None:
        assert self.recorder is not None
        self.requests[BETWEEN] += self.recorder.take_requests()
        super()._start(command, stage, run)
        self.requests[stage] += self.recorder.take_requests()


@pytest.fixture(scope="module")
def requests(seaweedfs_server: S3Access) -> Iterator[dict[str, list[Request]]]:
    """The requests of each stage to S3 in live and history runs, reports and a patrol over all kinds of footage."""
    access = replace(seaweedfs_server, bucket="stages")
    make_bucket(access.client(), access.bucket)
    now = datetime.now(UTC)
    shots = [shot for shot in samples.footage(now) if "bunny" not in shot.name]
    with Recorder(int(access.endpoint.rsplit(":", 1)[1])) as recorder, pytest.MonkeyPatch.context() as patch:
        through = replace(access, endpoint=recorder.url)
        for name, value in through.environment().items():
            patch.setenv(name, value)
        store = S3Store(StoreSettings())
        rules = (ROOT / "local" / "rules.yaml").read_bytes().replace(b"  alice:\n", b"  alice:\n" + WANTED)
        rules = rules.replace(b"{name: intruder,", b"{name: intruder, severity: critical,")
        chain = Watched(through, store, recorder=recorder)
        for number, part in enumerate((shots[::2], shots[1::2])):
            chain.land({shot.name: shot.body for shot in part if shot.name.startswith(("alice-porch", "IMG"))})
            # Only by then the rules know the camera: history heals what the first run refused.
            RulesStore(store).put(rules if number else rules.replace(b"porch:", b"other:"))
            recorder.take_requests()  # of an uploader, and of whoever has put the rules
            batch = chain.live(f"w{number}")
        chain.report("r1")
        for day in sorted({(now - timedelta(hours=1)).date(), now.date()}):  # the footage is of the last hour
            chain.history(day)
        chain.report("r2")
        event = next(event for event in Events(store).of_day(now.date()) if event.is_current)
        Reviews(store).put(Review.of(event, ReviewVerdict.CONFIRMED, "command nina", now))
        recorder.take_requests()
        chain.candidate("c1", "candidate", now.date(), {"NIGHTJAR_MIN_PROBABILITY": "0.3"})
        # A camera that has been awaited for days: before it counts as silent, it is looked whether its footage waits.
        DueTimes(store).add(DueTimes.minute(now - timedelta(hours=1)), {SILENT: now - timedelta(days=2)})
        Digests(store).put(HELD_BACK, now.date() - timedelta(days=1))
        recorder.take_requests()
        chain.patrol("p1")
        assert chain.reproduce("again", str(batch)).verdict == Verdict.SAME
        chain.requests[BETWEEN] += recorder.take_requests()
        yield chain.requests
        access.client().delete_bucket(Bucket=access.bucket)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_what_it_is_declared_to(requests: dict[str, list[Request]], stage: str) -> None:
    assert folders(requests[stage], writes=True) == set(STAGES[stage].writes)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_what_it_is_declared_to(requests: dict[str, list[Request]], stage: str) -> None:
    assert folders(requests[stage], writes=False) == set(STAGES[stage].reads)


@pytest.mark.parametrize("stage", [*STAGES, BETWEEN])
def test_a_stage_asks_for_nothing_that_its_policy_forbids(requests: dict[str, list[Request]], stage: str) -> None:
    assert requests[stage]
    forbidden = {right for request in requests[stage] if not allows(policies()[stage], *(right := request.right))}
    assert forbidden == set()
