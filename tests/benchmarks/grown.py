"""One picture as the 2,000th live run of its day, inside an event of 20,000 pictures, against the first run of a day.

Every stage as the program it is, over a real S3 server, with every request counted on its way.
"""

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from nightjar.domain.detections import Picture
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.grouping import Regrouped, regroup
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera
from nightjar.domain.succession import Judge
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.s3 import S3Store
from nightjar.stores.camera_view import CameraView
from nightjar.stores.events import Events
from nightjar.stores.standard import standard_key
from nightjar_local import samples
from tests.benchmarks.recorded_chain import recorded_chain
from tests.benchmarks.rows import Asked, Row
from tests.chain import Chain
from tests.recorder import Recorder

RUNS = 2000
PICTURES = 20_000  # of the event
SPACING = 4  # seconds from one picture to the next
LIMIT = 1.2
CAMERA = Camera("bob", "counter")
RULES = b"""\
version: 1
event_gap_seconds: 60
rules:
  300: {name: anybody, unsafe: [person], min_probability: 0.5}
users:
  bob: {email: bob@example.com, timezone: America/New_York, rules: [300], devices: {counter: }}
"""
_WRITERS = 16


@dataclass(frozen=True)
class Cost:
    """Of one watch run and its live run; `seconds` of processor time, of the stages and of what is between them."""

    requests: int
    bytes: int
    seconds: float


def rows(say: Callable[[str], None]) -> list[Row]:
    """Requests, bytes and processor time."""
    day = datetime.now(UTC).date() - timedelta(days=1)
    with recorded_chain(RULES, {"NIGHTJAR_ALERT_MAX_AGE": "200000"}) as (chain, recorder):
        start = datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=30)
        say("grown: the first live run of a day")
        first = _live_run(chain, recorder, start, 0)
        second = _live_run(chain, recorder, start + timedelta(seconds=SPACING), 1)
        say(f"grown: an event of {PICTURES:,} pictures")
        last = _grow(chain.store, day, start)
        say(f"grown: what {RUNS - 3:,} more live runs leave")
        _leave_runs(chain.store, day)
        say(f"grown: live run {RUNS:,}")
        grown = _live_run(chain, recorder, last + timedelta(seconds=SPACING), 2)
        event = next(Events(chain.store).of_day(day))
    assert event.picture_count == PICTURES + 1, f"expected one event of all pictures, got {event.picture_count}"
    name = f"1 picture, live run {RUNS:,} of its day, in an event of {PICTURES:,}"
    return [row for base, what in ((first, "run 1"), (second, "run 2")) for row in _rows(name, grown, base, what)]


def _rows(name: str, grown: Cost, base: Cost, what: str) -> Iterator[Row]:
    yield Row(f"{name}: requests", grown.requests, "", base.requests, what, LIMIT, Asked.AT_MOST)
    yield Row(f"{name}: bytes", grown.bytes / 1024, "KiB", base.bytes / 1024, what, LIMIT, Asked.AT_MOST)
    yield Row(f"{name}: processor time", grown.seconds, "s", base.seconds, what, LIMIT, Asked.AT_MOST)


def _live_run(chain: Chain, recorder: Recorder, moment: datetime, number: int) -> Cost:
    """Somebody's picture, taken at `moment`, from landing to its rows."""
    shots = [s.body for s in samples.footage() if s.name.startswith("alice-porch-") and s.name.endswith(".jpg")]
    chain.land({f"{CAMERA.name}-{int(moment.timestamp())}.jpg": shots[5 + number]})
    recorder.take_requests()
    before = _processor_seconds()
    chain.live(f"watch-{number}")
    seconds = _processor_seconds() - before
    requests = recorder.take_requests()
    return Cost(len(requests), sum(r.sent + r.received for r in requests), seconds)


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + time.thread_time()


def _grow(store: S3Store, day: date, start: datetime) -> datetime:
    """Put the threats of the runs in between into the event, by its own transactions; when the last one was taken."""
    events = Events(store)
    [event] = events.of_day(day)
    moments = [start + timedelta(seconds=SPACING * n) for n in range(2, PICTURES)]
    judge = Judge(CAMERA, None, event.topic, event.rule_name, event.rules_sha256, timedelta(seconds=60))
    for part in (moments[first : first + 1000] for first in range(0, len(moments), 1000)):
        shown = {moment: _shown(event, moment) for moment in part}

        def work(view: CameraView, shown: dict[datetime, ThreatPicture] = shown) -> Regrouped:
            changes = regroup(judge, view.timeline(event.topic), shown.keys(), shown, view.number)
            view.put(event.topic, changes)
            return changes

        events.change(CAMERA, day, work)
    return moments[-1]


def _shown(event: Event, moment: datetime) -> ThreatPicture:
    picture: Picture = event.first.picture.model_copy(
        update={"taken_at": moment, "standard_key": standard_key(CAMERA, moment)}
    )
    return event.first.model_copy(update={"picture": picture})


def _leave_runs(store: S3Store, day: date) -> None:
    """Leave in the day's stores as much as live runs do: copies of the second run's objects, under other names."""
    tops = ("validations/", "detections/", "records/")
    own = [info.key for top in tops for info in store.list_objects(top) if day.strftime("%Y") in info.key]
    names = sorted({key.rpartition("/")[2].partition(".")[0] for key in own if "T" in key.rpartition("/")[2]})
    copied = {key: store.get(key)[0] for key in own if names[-1] in key}
    moments = (f"{day:%Y%m%d}T{ms_from_utc(datetime.now(UTC)) % 10**6:06d}Z-{number:012x}" for number in range(3, RUNS))
    pairs = ((key.replace(names[-1], name), data) for name in moments for key, data in copied.items())
    for _ in in_parallel(lambda pair: store.put(*pair), pairs, _WRITERS):
        pass
