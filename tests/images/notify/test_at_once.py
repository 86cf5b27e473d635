"""Several alerts at once: how many, how an API slows them down, and what a stage that has to end leaves behind."""

import threading
import time
from collections.abc import Callable

import pytest

from nightjar.domain.manifest import Manifest
from nightjar.domain.notices import Notice
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.outbox import Outbox
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from nightjar_notify.channels.outbox import OutboxChannel
from nightjar_notify.channels.protocol import Answer, Channel, Outgoing
from nightjar_notify.pace import Pace
from tests.bucket import PORCH
from tests.images.notify.runs import PERSON, Assessed, Notify, ledger, many_cameras
from tests.scenes import after, detection

NUMBER = 40
QUICK = Reply(202, seconds=0.05)


@pytest.fixture
def store() -> ObjectStore:
    return MemoryStore()


@pytest.fixture
def context(store: ObjectStore, assessed: Assessed) -> StageContext:
    """A run with NUMBER events, each of another camera, that wait for their alert."""
    cameras, rules = many_cameras(NUMBER)
    seen = [detection(camera, after(-100 * n), PERSON) for n, camera in enumerate(cameras)]
    return assessed(store, "r1", *seen, rules=rules)


@pytest.mark.parametrize(("most", "least"), [(1, 1), (4, 4), (16, 8)])
def test_no_more_at_once_than_the_setting_says_and_each_once(
    api: SendGridDouble, notify: Notify, store: ObjectStore, context: StageContext, most: int, least: int
) -> None:
    api.default = QUICK
    manifest = notify(context, mail_concurrency=most)
    assert manifest.counts.outcomes == {"alerted:sent": NUMBER}
    assert least <= api.most_at_once <= most
    assert api.connections <= most  # they are kept open
    ids = [request.body["headers"]["X-Nightjar-Event"] for request in api.received]
    assert len(set(ids)) == len(ids) == NUMBER
    assert {alert.event_id for alert in ledger(store) if alert.state == "sent"} == set(ids)
    assert not any(alert.possibly_repeated for alert in ledger(store))


def test_the_manifest_does_not_depend_on_which_alert_is_done_first(
    api: SendGridDouble, notify: Notify, context: StageContext
) -> None:
    api.default = QUICK
    notify(context)
    again = notify(context)
    assert again.counts.outcomes == {"already": NUMBER}
    for threads in (1, 7):
        other = notify(context, threads=threads)
        assert (other.objects, other.counts, other.warnings) == (again.objects, again.counts, again.warnings)


def test_an_api_that_asks_to_wait_is_left_alone_by_all(
    api: SendGridDouble, notify: Notify, context: StageContext
) -> None:
    limited: list[float] = []
    later: list[float] = []
    too_many = Reply(429, headers={"Retry-After": "1"}, before=lambda: limited.append(time.monotonic()))
    api.answers += [Reply(202)] * 20 + [too_many]
    # They take so long that none of them is done, and its thread begins another, before all have heard of the limit.
    api.default = Reply(202, seconds=0.7, before=lambda: later.append(time.monotonic()))
    assert notify(context).counts.outcomes == {"alerted:sent": NUMBER}
    assert (len(limited), len(later)) == (1, NUMBER - 20)
    waited = [moment for moment in later if moment >= limited[0] + 1]
    assert len(waited) >= NUMBER - 20 - 15  # the other fifteen of sixteen threads may have begun one each


def test_waiting_together_counts_once(api: SendGridDouble, notify: Notify, context: StageContext) -> None:
    """Eight alerts that wait half a second each, at the same time, need less than a second of patience."""
    api.answers += [QUICK] * 20 + [Reply(500, seconds=0.05)] * 8
    api.default = QUICK
    manifest = notify(context, mail_backoff=0.5, mail_patience=1.5)
    assert manifest.counts.outcomes == {"alerted:sent": NUMBER}


def test_an_api_that_goes_down_is_left_alone_soon(
    api: SendGridDouble, notify: Notify, store: ObjectStore, context: StageContext
) -> None:
    api.answers += [QUICK] * 20
    api.default = Reply(500, seconds=0.05)
    with pytest.raises(TryAgainError, match="of 40 alerts could not be sent yet"):
        notify(context, mail_attempts=2)
    # At the most what was under way, and what brings the number to five in a row, each with its tries.
    assert len(api.received) <= 20 + 2 * (16 + 5)
    alerts = ledger(store)
    assert sum(alert.state == "sent" for alert in alerts) == 20
    assert not any(alert.in_flight or alert.possibly_repeated for alert in alerts)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_all(
    api: SendGridDouble, notify: Notify, store: ObjectStore, context: StageContext, status: int
) -> None:
    api.default = Reply(status, "no", seconds=0.05)
    with pytest.raises(UsageError, match="SENDGRID_API_KEY"):
        notify(context)
    assert len(api.received) == 1
    api.answers += [QUICK] * 20
    with pytest.raises(UsageError, match="SENDGRID_API_KEY"):
        notify(context)
    assert len(api.received) <= 1 + 20 + 16
    api.default = Reply(202)
    assert notify(context).counts.outcomes == {"alerted:sent": NUMBER - 20, "already": 20}
    assert not any(alert.possibly_repeated for alert in ledger(store))


class FailingStore(MemoryStore):
    """Fails for good at some point, as S3 does in an outage."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = threading.Event()

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        if self.fails.is_set() and key.startswith("standard/"):
            raise TryAgainError("S3 cannot be reached")
        return super().get(key, version_id)


def test_an_error_lets_alerts_that_are_under_way_come_to_their_record(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = FailingStore()
    cameras, rules = many_cameras(NUMBER)
    seen = [detection(camera, after(-100 * n), PERSON) for n, camera in enumerate(cameras)]
    context = assessed(store, "r1", *seen, rules=rules)
    api.answers += [Reply(202)] * 20 + [Reply(202, before=store.fails.set)]
    api.default = Reply(202, seconds=0.5)
    with pytest.raises(TryAgainError, match="S3 cannot be reached"):
        notify(context, threads=12)
    alerts = ledger(store)
    assert len(api.received) == len(alerts) < NUMBER
    assert all(alert.state == "sent" and not alert.in_flight for alert in alerts)


class Slow:
    """Sends at once, but the first message about PORCH: that takes as long as `meanwhile`, and a second."""

    name = "email"

    def __init__(self, inner: Channel, meanwhile: Callable[[], object]) -> None:
        self.pace, self._inner, self._meanwhile, self._done = inner.pace, inner, meanwhile, threading.Event()
        self.sent: list[Notice] = []

    def send(self, message: Outgoing) -> Answer:
        self.sent.append(message.notice)
        if message.notice.camera == PORCH and not self._done.is_set():
            self._meanwhile()
            self._done.set()
            time.sleep(1)
        return self._inner.send(message)

    def close(self) -> None:
        """Nothing is open."""


def test_an_event_that_absorbs_another_while_that_is_alerted_is_left_to_that_alert(
    notify: Notify, store: ObjectStore, assessed: Assessed
) -> None:
    assessed(store, "r1", detection(PORCH, after(100), PERSON))  # first made, so this event absorbs the other one
    context = assessed(store, "r2", detection(PORCH, after(0), PERSON))
    later: list[Manifest] = []

    def absorb_and_tell() -> None:
        other = assessed(store, "r3", detection(PORCH, after(50), PERSON))
        later.append(notify(other, lambda pace: OutboxChannel(Outbox(store), "nightjar@example.com", pace)))

    opened: list[Slow] = []

    def slow(pace: Pace) -> Channel:
        opened.append(Slow(OutboxChannel(Outbox(store), "nightjar@example.com", pace), absorb_and_tell))
        return opened[-1]

    assert notify(context, slow, threads=2).counts.outcomes == {"alerted:outbox": 1}
    assert [each.counts.outcomes for each in later] == [{"held": 1}]
    assert len(opened[0].sent) == 1
