"""The ledger: one line for an event, found under every key that it may have, claimed by one task at a time."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.alerts import Alert, AlertState
from nightjar.domain.events import Event, EventRef, ThreatPicture, summary_of
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectChangedError, ObjectInfo, ObjectStore
from nightjar.stores.ledger import Ledger
from tests.bucket import PORCH
from tests.scenes import DETECTOR, DOOR, NOON, after, detection, objects

DAY = NOON.date()
GOLDEN = Path(__file__).parents[4] / "golden"


def event(
    id: str = "e1",  # noqa: A002
    started_at: datetime = NOON,
    camera: Camera = PORCH,
    absorbed: tuple[str, ...] = (),
    made: int = 7,
    **values: Any,
) -> Event:
    seen = objects({"person": 0.9})
    picture = detection(camera, started_at, {}).picture
    first = ThreatPicture(picture=picture, detector=DETECTOR, objects=seen)
    return Event(
        **{
            "id": id,
            "day": started_at.date(),
            "user": camera.user,
            "device": camera.device,
            "site": None,
            "rule_id": 300,
            "rule_name": "anybody",
            "rules_sha256": "0" * 64,
            "absorbed": tuple(EventRef(id=each, day=DAY) for each in absorbed),
            "made": made,
            **summary_of([first]),
            **values,
        }
    )


def alert(about: Event, state: AlertState | str = AlertState.CLAIMED, **values: Any) -> Alert:
    return Alert(
        **{
            "event_id": about.id,
            "event_key": f"events/{about.id}",
            "user": about.user,
            "device": about.device,
            "rule_id": about.rule_id,
            "started_at": about.started_at,
            "state": state,
            "channel": "email",
            "recipient": "alice@example.com",
            "subject": "Person",
            "possibly_repeated": False,
            "run": "r1",
            "holder": "runs/nightjar_live/r1/notify/all/",
            "claimed_at": NOON,
            **values,
        }
    )


def put(store: ObjectStore, key: str, state: str = "sent", about: Event | None = None) -> None:
    store.put(key, alert(about or event(), state).model_dump_json().encode())


class Counting(MemoryStore):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.gets = 0

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.gets += 1
        return super().get(key, version_id)


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    yield MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


@pytest.mark.parametrize(
    ("lines", "absorbed", "expected"),
    [
        ({}, (), None),
        ({"other": "sent"}, (), None),
        ({"e1": "claimed"}, (), "e1"),
        ({"e1": "sent"}, (), "e1"),
        ({"a": "sent"}, ("a", "b"), "a"),
        ({"b": "sent"}, ("a", "b"), "b"),
        ({"b": "claimed"}, ("a", "b"), "b"),
        ({"e1": "claimed", "a": "claimed"}, ("a",), "e1"),
        ({"e1": "failed", "a": "sent"}, ("a",), "a"),  # told about a part is told
        ({"e1": "claimed", "a": "failed", "b": "outbox"}, ("a", "b"), "b"),
        ({"e1": "failed", "a": "state-of-a-later-release"}, ("a",), "a"),
        ({"e1": "sent", "a": "sent"}, ("a",), "e1"),
    ],
)
def test_the_line_of_an_event_is_its_own_or_that_of_an_event_it_absorbed(
    lines: dict[str, str], absorbed: tuple[str, ...], expected: str | None
) -> None:
    store = MemoryStore()
    for name, state in lines.items():
        put(store, f"alerts/2024/11/20/{name}.json", state, event(name))
    line = Ledger(store).find(event(absorbed=absorbed))
    assert (line.alert.event_id if line else None) == expected
    assert line is None or line.key == f"alerts/2024/11/20/{expected}.json"


@pytest.mark.parametrize(("absorbed", "gets"), [((), 1), (("a", "b"), 3), (tuple(f"a{n}" for n in range(64)), 65)])
def test_a_new_event_costs_a_request_for_itself_and_for_each_it_absorbed(absorbed: tuple[str, ...], gets: int) -> None:
    store = Counting()
    Ledger(store).find(event(absorbed=absorbed, ended_at=NOON + timedelta(days=30)))
    assert store.gets == gets


@pytest.mark.parametrize(
    ("key", "made", "known"),
    [
        ("alerts/2024/11/20/e1.json", 0, True),
        ("alerts/2024/11/19/e1.json", 0, True),  # release 0.1 alerted it when it began on the day before
        ("alerts/2024/11/21/e1.json", 0, True),  # ... or when only its later pictures were known
        ("alerts/2024/11/22/e1.json", 0, False),
        ("alerts/2024/11/18/e1.json", 0, False),
        ("alerts/2024/11/19/a.json", 0, True),
        ("alerts/2024/11/20/e1.json", 7, True),
        ("alerts/2024/11/19/e1.json", 7, False),
        ("alerts/2024/11/21/e1.json", 7, False),
    ],
)
def test_lines_of_release_0_1_are_found_on_the_days_around(key: str, made: int, known: bool) -> None:
    store = MemoryStore()
    put(store, key)
    about = event(made=made, absorbed=("a",), ended_at=NOON + timedelta(days=1))
    assert (Ledger(store).find(about) is not None) is known


def test_an_event_that_moved_keeps_its_line_under_its_day() -> None:
    store = MemoryStore()
    ledger = Ledger(store)
    midnight = NOON.replace(hour=0)
    ledger.claim(event(started_at=midnight), alert(event(started_at=midnight)), None)
    earlier = event(started_at=midnight).model_copy(update={"started_at": midnight - timedelta(seconds=5)})
    line = ledger.find(earlier)
    assert line is not None
    assert line.key == "alerts/2024/11/20/e1.json"


def test_one_of_several_claims_is_made(store: ObjectStore) -> None:
    ledger, about = Ledger(store), event()
    first = ledger.claim(about, alert(about), None)
    assert first is not None
    assert ledger.claim(about, alert(about, run="r2"), None) is None
    taken = ledger.claim(about, alert(about, run="r3"), first)
    assert taken is not None
    assert ledger.claim(about, alert(about, run="r4"), first) is None
    with pytest.raises(ObjectChangedError):
        ledger.record(first, alert(about, AlertState.SENT))
    done = ledger.record(taken, alert(about, AlertState.SENT, run="r3"))
    stored = ledger.find(about)
    assert stored == done
    assert (stored.alert.run, stored.alert.state) == ("r3", "sent")


def test_a_claim_over_the_line_of_an_absorbed_event_stays_under_its_key() -> None:
    store = MemoryStore()
    ledger = Ledger(store)
    put(store, "alerts/2024/11/20/a.json", "failed", event("a"))
    about = event(absorbed=("a",))
    before = ledger.find(about)
    assert before is not None
    line = ledger.claim(about, before.alert.model_copy(update={"state": AlertState.CLAIMED}), before)
    assert line is not None
    assert [info.key for info in store.list_objects("alerts/")] == ["alerts/2024/11/20/a.json"]
    assert ledger.find(about) == line


class LostAnswers(MemoryStore):
    """Takes every write, but the answer is lost: the client tries again, and finds itself."""

    def put(self, key: str, *args: Any, **options: Any) -> ObjectInfo:
        super().put(key, *args, **options)
        return super().put(key, *args, **options)


def test_a_write_whose_answer_was_lost_is_known_for_its_own() -> None:
    ledger, about = Ledger(LostAnswers()), event()
    line = ledger.claim(about, alert(about), None)
    assert line is not None
    ledger.record(line, alert(about, AlertState.SENT))
    assert ledger.claim(about, alert(about, run="r2"), None) is None


def test_keys_of_a_later_release_survive_a_rewrite() -> None:
    store = MemoryStore()
    ledger, about = Ledger(store), event()
    line = {**json.loads(alert(about).model_dump_json()), "schema": 9, "severity": "high"}
    store.put("alerts/2024/11/20/e1.json", json.dumps(line).encode())
    stored = ledger.find(about)
    assert stored is not None
    ledger.record(stored, stored.alert.model_copy(update={"state": AlertState.SENT}))
    after = json.loads(store.get("alerts/2024/11/20/e1.json")[0])
    assert (after["severity"], after["schema"], after["state"]) == ("high", 9, "sent")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"nothing", b"\xff"])
def test_an_object_that_is_no_line_is_named(data: bytes) -> None:
    store = MemoryStore()
    store.put("alerts/2024/11/20/e1.json", data)
    calls: list[Callable[[Ledger], object]] = [
        lambda ledger: ledger.find(event()),
        lambda ledger: list(ledger.lines_of_day(DAY)),
        lambda ledger: ledger.erase("alice"),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"alerts/2024/11/20/e1\.json"):
            call(Ledger(store))


def test_the_lines_of_a_day_are_those_whose_key_names_it(store: ObjectStore) -> None:
    ledger = Ledger(store)
    for name, moment in (("b", NOON), ("a", after(5)), ("c", NOON + timedelta(days=1)), ("d", NOON.replace(day=2))):
        about = event(name, started_at=moment)
        ledger.claim(about, alert(about), None)
    assert [line.alert.event_id for line in ledger.lines_of_day(DAY)] == ["a", "b"]
    assert list(ledger.lines_of_day(date(2024, 11, 19))) == []


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, ["bob"]),
        ("alice", "porch", ["alice", "bob"]),
        ("bob", "door", ["alice", "alice"]),
        ("al", None, ["alice", "alice", "bob"]),
        ("alice", "door", ["alice", "alice", "bob"]),
    ],
)
def test_a_users_lines_are_erased_in_every_version(user: str, device: str | None, left: list[str]) -> None:
    store = MemoryStore()
    ledger = Ledger(store)
    cameras = {"a": PORCH, "b": DOOR, "c": Camera("alice", "yard")}
    for name, camera in cameras.items():
        about = event(name, camera=camera)
        line = ledger.claim(about, alert(about), None)
        assert line is not None
        ledger.record(line, alert(about, AlertState.SENT))
    store.delete("alerts/2024/11/20/c.json")  # older versions are still there
    before = len(list(store.list_versions("")))
    erased = ledger.erase(user, device)
    versions = list(store.list_versions(""))
    assert len(versions) == before - erased
    kept = {version.key for version in versions}
    users = sorted(camera.user for name, camera in cameras.items() if f"alerts/2024/11/20/{name}.json" in kept)
    assert users == left
    assert ledger.erase(user, device) == 0


def test_nothing_is_erased_where_nothing_is(s3_store: S3Store) -> None:
    assert Ledger(s3_store).erase("alice") == 0


def test_nobody_who_was_told_by_release_0_1_is_told_again() -> None:
    store = MemoryStore()
    folder = GOLDEN / "0.1.0"
    for file in (*folder.glob("events/**/*.json"), *folder.glob("alerts/**/*.json")):
        store.put(str(file.relative_to(folder)), file.read_bytes())
    events = [Event.model_validate_json(store.get(info.key)[0]) for info in store.list_objects("events/")]
    lines = {each.id: Ledger(store).find(each) for each in events}
    assert lines
    assert all(line and line.alert.is_done and line.alert.event_id == name for name, line in lines.items())
