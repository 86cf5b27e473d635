"""Facts about cameras: what is known of each, and what cannot be read beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.health import Health, Look, Offset
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.troubles import Trouble
from nightjar.queries.camera_counts import CameraCounts
from nightjar.queries.camera_facts import CameraFacts, LastPicture, Muted, facts_of
from nightjar.queries.rules_now import rules_now
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.health import HealthStore
from nightjar.stores.reactions import Mutes
from nightjar.stores.rules import RulesStore
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles
from tests.bucket import PORCH, RULES, SHOP, YARD

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOX = FalseBox(label="person", box=(0.1, 0.1, 0.2, 0.4), confirmed_by="ann", confirmed_at=NOW)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    RulesStore(store).put(RULES)
    health = Health(
        user="alice",
        device="porch",
        since=NOW - 9 * HOUR,
        looks=(Look(taken_at=NOW - 2 * HOUR), Look(taken_at=NOW - HOUR, reason="void")),
        offsets=(Offset(arrived_at=NOW, least=7200, most=7300),),
    )
    HealthStore(store).change(PORCH, lambda _: health)
    for kind, hours in (("frozen", 5), ("clock", 2), ("void", 3)):
        Troubles(store).open(
            Trouble(about=PORCH.name, kind=kind, severity="warning", since=NOW, opened_at=NOW - hours * HOUR)
        )
    Troubles(store).end(PORCH.name, "clock", NOW)
    FalseBoxes(store).put(PORCH, (BOX,))
    return store


def of(store: MemoryStore, camera: Camera, counts: CameraCounts | None = None) -> CameraFacts:
    [facts] = facts_of(store, [camera], rules_now(store, []), {camera: counts or CameraCounts()}, NOW)
    return facts


def test_all_that_is_known(store: MemoryStore) -> None:
    store.put(standard_key(PORCH, NOW - 2 * HOUR), b"jpeg")
    facts = of(store, PORCH)
    assert facts.rules is not None
    assert facts.picture == LastPicture(standard_key(PORCH, NOW - 2 * HOUR), NOW - 2 * HOUR)
    assert [each.kind for each in facts.troubles] == ["void", "frozen", "clock"]
    assert [each.kind for each in facts.open_troubles] == ["void", "frozen"]
    assert facts.clock_offset == 7200
    assert facts.false_boxes == (BOX,)
    assert facts.muted is None
    assert facts.problems == ()


def test_nothing_is_known(store: MemoryStore) -> None:
    for camera, known in ((SHOP, True), (Camera("zoe", "door"), False)):
        facts = of(store, camera)
        assert (facts.rules is not None) is known
        assert (facts.health, facts.picture, facts.troubles, facts.clock_offset) == (None, None, (), None)


def test_the_newer_picture_of_the_warehouse(store: MemoryStore) -> None:
    counts = CameraCounts(last_key="standard/newer.jpg", last_taken=NOW)
    assert of(store, PORCH, counts).picture == LastPicture("standard/newer.jpg", NOW, "it is no longer stored")
    older = CameraCounts(last_key="standard/older.jpg", last_taken=NOW - 3 * HOUR)
    picture = of(store, PORCH, older).picture
    assert picture is not None
    assert picture.taken_at == NOW - 2 * HOUR


def test_objects_that_cannot_be_read(store: MemoryStore) -> None:
    for key in ("health/alice-yard.json", "mutes/alice-yard.json", "config/false-boxes/alice-yard.json"):
        store.put(key, b"{")
    store.put("troubles/alice-yard/void.json", b"[]")
    facts = of(store, YARD)
    assert (facts.health, facts.muted, facts.false_boxes, facts.troubles) == (None, None, (), ())
    assert sorted(problem.split("'")[1].split("/")[0] for problem in facts.problems) == [
        "config",
        "health",
        "mutes",
        "troubles",
    ]
    key = standard_key(PORCH, NOW - 2 * HOUR)
    store.put(key, b"jpeg")
    store.make_unreadable(key, "AccessDenied")
    picture = of(store, PORCH).picture
    assert picture is not None
    assert "AccessDenied" in str(picture.why_not)


@pytest.mark.parametrize(
    ("by_person", "by_rules", "expected"),
    [
        (None, None, None),
        (-HOUR, None, None),
        (HOUR, None, Muted(NOW + HOUR, "ui:ann", NOW)),
        (HOUR, 2 * HOUR, Muted(NOW + 2 * HOUR, "rules", None)),
        (2 * HOUR, HOUR, Muted(NOW + 2 * HOUR, "ui:ann", NOW)),
        (-HOUR, HOUR, Muted(NOW + HOUR, "rules", None)),
        (None, -HOUR, None),
    ],
)
def test_who_muted_it(
    store: MemoryStore, by_person: timedelta | None, by_rules: timedelta | None, expected: Muted | None
) -> None:
    if by_person is not None:
        Mutes(store).put(Mute(user="alice", device="porch", until=NOW + by_person, by="ui:ann", at=NOW))
    if by_rules is not None:
        until = f"{{site: home, mute_until: {(NOW + by_rules):%Y-%m-%dT%H:%M:%SZ}}}"
        RulesStore(store).put(RULES.replace(b"{site: home}", until.encode()))
    assert of(store, PORCH).muted == expected
