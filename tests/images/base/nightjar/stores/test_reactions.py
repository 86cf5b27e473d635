"""The answers of people to messages: the last word holds, and is erased with the rest."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute, Review, ReviewVerdict
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reactions import Mutes, Reviews
from tests.bucket import PORCH
from tests.scenes import DOOR

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REF = EventRef(id="e1", day=date(2026, 11, 20))
CAMERAS = (PORCH, Camera("alice", "yard"), DOOR)


def mute(camera: Camera = PORCH, hours: float = 8) -> Mute:
    until = NOW + timedelta(hours=hours)
    return Mute(user=camera.user, device=camera.device, until=until, by="link", at=NOW)


def review(ref: EventRef = REF, camera: Camera = PORCH, verdict: str = ReviewVerdict.FALSE_ALARM) -> Review:
    return Review(event=ref, user=camera.user, device=camera.device, verdict=verdict, by="link", at=NOW)


def test_the_last_mute_holds() -> None:
    store = MemoryStore()
    mutes = Mutes(store)
    assert mutes.get(PORCH) is None
    assert mutes.put(mute()).key == "mutes/alice-porch.json"
    mutes.put(mute(hours=0))
    assert mutes.get(PORCH) == mute(hours=0)
    assert mutes.get(DOOR) is None
    mutes.put(mute(DOOR))
    assert [each.camera for each in mutes.each()] == [PORCH, DOOR]
    assert mutes.of_user("alice") == {PORCH: mute(hours=0)}
    assert mutes.of_user("ali") == {}


def test_the_last_word_about_an_event_holds() -> None:
    store = MemoryStore()
    reviews = Reviews(store)
    assert reviews.get(REF) is None
    assert reviews.put(review()).key == "reviews/2026/11/20/e1.json"
    reviews.put(review(verdict=ReviewVerdict.CONFIRMED))
    stored = reviews.get(REF)
    assert stored == review(verdict=ReviewVerdict.CONFIRMED)
    reviews.put(review(EventRef(id="e0", day=REF.day)))
    assert [each.event.id for each in reviews.of_day(REF.day)] == ["e0", "e1"]
    assert list(reviews.of_day(date(2026, 11, 21))) == []


def test_a_word_is_taken_back() -> None:
    store = MemoryStore()
    reviews = Reviews(store)
    reviews.put(review())
    store.put("reviews/2026/11/20/e0.json", b"spoilt")  # its name tells enough
    assert [ref.id for ref in reviews.refs_of_day(REF.day)] == ["e0", "e1"]
    reviews.remove(REF)
    reviews.remove(REF)
    assert reviews.get(REF) is None
    assert [ref.id for ref in reviews.refs_of_day(REF.day)] == ["e0"]
    assert reviews.erase("alice") == 3  # the word, and two delete markers


@pytest.mark.parametrize("key", ["mutes/alice-porch.json", "reviews/2026/11/20/e1.json"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff"])
def test_an_object_that_is_none_is_told(key: str, body: bytes) -> None:
    store = MemoryStore()
    store.put(key, body)
    with pytest.raises(InputError, match=f"at '{key}'"):
        Mutes(store).get(PORCH) if key.startswith("mutes") else Reviews(store).get(REF)


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, ["bob-door"]),
        ("alice", "porch", ["alice-yard", "bob-door"]),
        ("bob", None, ["alice-porch", "alice-yard"]),
        ("ali", None, ["alice-porch", "alice-yard", "bob-door"]),
    ],
)
def test_all_of_a_user_or_camera_is_erased(user: str, device: str | None, left: list[str]) -> None:
    store = MemoryStore()
    for number, camera in enumerate(CAMERAS):
        for verdict in ReviewVerdict:
            Mutes(store).put(mute(camera, hours=len(verdict)))
            Reviews(store).put(review(EventRef(id=f"e{number}", day=REF.day), camera, verdict))
    erased = 2 * (len(CAMERAS) - len(left))
    assert Mutes(store).erase(user, device) == erased
    assert Reviews(store).erase(user, device) == erased
    assert [each.camera.name for each in Mutes(store).each()] == left
    assert [each.camera.name for each in Reviews(store).of_day(REF.day)] == left
