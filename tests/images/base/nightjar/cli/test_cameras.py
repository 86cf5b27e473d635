"""`nightjar cameras`: when each was last heard of, its troubles and what was told of them."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from nightjar.cli.cameras import as_text
from nightjar.cli.main import main
from nightjar.domain.health import Health
from nightjar.domain.names import Camera
from nightjar.domain.troubles import Notice, Trouble
from nightjar.errors import UsageError
from nightjar.queries.camera_states import chosen, states_of
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore
from nightjar.stores.health import HealthStore
from nightjar.stores.rules import RulesStore
from nightjar.stores.troubles import Troubles
from tests.bucket import PORCH, RULES, SHOP, YARD

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    fill(store)
    return store


def fill(store: ObjectStore) -> None:
    """Three cameras: one was covered, one is frozen, one never sent anything."""
    RulesStore(store).put(RULES)
    for camera in (PORCH, YARD):
        health = Health(
            user=camera.user,
            device=camera.device,
            since=NOW - 9 * HOUR,
            last_taken_at=NOW - HOUR,
            last_arrived_at=NOW - HOUR + timedelta(seconds=5),
            hours={"2026-11-18T12": {"": 7}, "2026-11-20T12": {"": 3, "grey": 2, "void": 4}},
            check_at=NOW + HOUR,
        )
        HealthStore(store).change(camera, partial(_put, health))
    Troubles(store).open(trouble(PORCH, "covered", "critical"))
    for news in Troubles(store).news(9):
        Troubles(store).settle(news, Notice.OPENED, NOW)
    Troubles(store).end(PORCH.name, "covered", NOW)
    Troubles(store).open(trouble(YARD, "frozen", "warning"))


def _put(health: Health, _: Health | None) -> Health:
    return health


def trouble(camera: Camera, kind: str, severity: str) -> Trouble:
    return Trouble(about=camera.name, kind=kind, severity=severity, since=NOW - 2 * HOUR, opened_at=NOW - HOUR)


def test_what_is_said(store: MemoryStore) -> None:
    assert list(as_text(states_of(store, [PORCH, YARD, SHOP], NOW))) == [
        "alice-porch",
        "  last footage  arrived 2026-11-20 12:05:05 UTC, taken 2026-11-20 12:05:00 UTC",
        "  last day      3 good, refused: 4 void, 2 grey",
        "  silent if     nothing arrives by 2026-11-20 14:05:00 UTC",
        "  was           covered from 2026-11-20 11:05:00 UTC to 2026-11-20 13:05:00 UTC, "
        "told 2026-11-20 13:05:00 UTC, its end was not told",
        "alice-yard",
        "  last footage  arrived 2026-11-20 12:05:05 UTC, taken 2026-11-20 12:05:00 UTC",
        "  last day      3 good, refused: 4 void, 2 grey",
        "  silent if     nothing arrives by 2026-11-20 14:05:00 UTC",
        "  trouble       frozen (warning) since 2026-11-20 11:05:00 UTC, nobody was told",
        "bob-shop",
        "  last footage  none since cameras are looked after",
    ]
    assert list(as_text([])) == ["No such cameras."]


@pytest.mark.parametrize(
    ("names", "troubled", "expected"),
    [
        ([], False, [PORCH, YARD, SHOP]),
        (["bob-shop"], False, [SHOP]),
        ([], True, [YARD]),
        (["alice-yard"], True, [YARD]),
        (["bob-shop"], True, []),
    ],
)
def test_which_cameras(store: MemoryStore, names: list[str], troubled: bool, expected: list[Camera]) -> None:
    assert chosen(store, names, troubled=troubled) == expected


def test_a_camera_that_nobody_knows(store: MemoryStore) -> None:
    with pytest.raises(UsageError, match="did you mean alice-porch"):
        chosen(store, ["alice-proch"], troubled=False)


def test_the_command(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    fill(s3_store)
    assert main(["cameras", "--troubled"]) == 0
    assert capsys.readouterr().out.startswith("alice-yard\n")
    assert main(["cameras", "--format", "json"]) == 0
    documents = json.loads(capsys.readouterr().out)
    assert [each["camera"] for each in documents] == ["alice-porch", "alice-yard", "bob-shop"]
    assert documents[1]["troubles"][0]["kind"] == "frozen"
