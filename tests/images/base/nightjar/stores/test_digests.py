"""Lines of digests by the user's day, and events whose end is to be told."""

from datetime import date, timedelta

import pytest

from nightjar.domain.alerts import DigestLine
from nightjar.domain.events import Event
from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.digests import Closing, Closings, Digests
from tests.bucket import PORCH
from tests.images.base.nightjar.stores.test_ledger import event
from tests.scenes import DOOR, NOON

TODAY = date(2024, 11, 20)
YARD = Camera("alice", "yard")


def line(about: Event, reason: str = "muted") -> DigestLine:
    return DigestLine.of(about, "events/…", NOON, reason)


def test_an_event_is_one_line_of_a_day() -> None:
    store = MemoryStore()
    digests = Digests(store)
    assert digests.put(line(event("e1")), TODAY).key == "digests/2024/11/20/alice/e1.json"
    digests.put(line(event("e1"), "cap"), TODAY)
    digests.put(line(event("e0").model_copy(update={"started_at": NOON + timedelta(seconds=5)})), TODAY)
    digests.put(line(event("d1", camera=DOOR)), TODAY)
    assert [(each.event_id, each.reason) for each in digests.lines("alice", TODAY)] == [("e1", "cap"), ("e0", "muted")]
    assert digests.lines("alice", date(2024, 11, 21)) == []
    assert digests.users(TODAY) == ["alice", "bob"]
    assert digests.users(date(2024, 11, 21)) == []


@pytest.mark.parametrize(("days", "is_known"), [(0, True), (6, True), (7, False), (-1, False)])
def test_the_digests_of_the_last_week_are_known(days: int, is_known: bool) -> None:
    digests = Digests(MemoryStore())
    digests.put(line(event("e1")), TODAY - timedelta(days=days))
    known = {"e1": TODAY - timedelta(days=days)} if is_known else {}
    assert digests.days_of("alice", TODAY) == known
    assert digests.days_of("bob", TODAY) == {}


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, {"d"}),
        ("alice", "porch", {"y", "d"}),
        ("alice", "door", {"p", "y", "d"}),
        ("bob", None, {"p", "y"}),
        ("ali", None, {"p", "y", "d"}),
    ],
)
def test_all_of_a_user_or_camera_is_erased(user: str, device: str | None, left: set[str]) -> None:
    store = MemoryStore()
    digests, closings = Digests(store), Closings(store)
    for identity, camera in (("p", PORCH), ("y", YARD), ("d", DOOR)):
        about = event(identity, camera=camera)
        for reason in ("muted", "cap"):
            digests.put(line(about, reason), TODAY)
        closings.put(closing(about))
    assert digests.erase(user, device) == 2 * (3 - len(left))
    assert closings.erase(user, device) == 3 - len(left)
    kept = {info.key.rpartition("/")[2].removesuffix(".json") for info in store.list_objects("digests/")}
    assert kept == {each.event.id for each in closings.each()} == left


def closing(about: Event, seconds: float = 60) -> Closing:
    ended_at = about.ended_at + timedelta(seconds=seconds)
    return Closing(event=about.ref, user=about.user, device=about.device, told_until=about.ended_at, ended_at=ended_at)


def test_an_end_that_is_to_be_told_is_noted_once_and_dropped_when_it_was() -> None:
    store = MemoryStore()
    closings = Closings(store)
    assert list(closings.each()) == []
    assert closings.put(closing(event("e1"))).key == "closings/alice-porch/e1.json"
    closings.put(closing(event("e1"), seconds=90))
    [stored] = closings.each()
    assert stored == closing(event("e1"), seconds=90)
    closings.drop(stored)
    closings.drop(stored)
    assert list(closings.each()) == []
