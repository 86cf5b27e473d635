"""Which cameras are listed, by filter and page, from listings of names."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from nightjar.domain.health import Health
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.troubles import OPERATOR, Trouble
from nightjar.queries import camera_list
from nightjar.queries.camera_list import PAGE, Asked, CameraFilter, camera_page
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.health import HealthStore
from nightjar.stores.reactions import Mutes
from nightjar.stores.rules import RulesStore
from nightjar.stores.troubles import Troubles
from tests.bucket import PORCH, RULES, SHOP, YARD

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, STRANGER = Camera("alice", "old"), Camera("zoe", "door")


def _replaced(health: Health, _: Health | None) -> Health:
    return health


@pytest.fixture
def store() -> MemoryStore:
    """Three cameras of the rules, and one that was taken out: troubled, muted by a person and by the rules, silent."""
    store = MemoryStore()
    RulesStore(store).put(RULES.replace(b"devices: {shop: {}}", b"devices: {shop: {mute_until: 2026-11-20T14:00:00Z}}"))
    for camera in (PORCH, OLD):
        health = Health(user=camera.user, device=camera.device, since=NOW)
        HealthStore(store).change(camera, partial(_replaced, health))
    for about, kind in ((PORCH.name, "frozen"), (OLD.name, "silent"), (OPERATOR, "watch-silent")):
        Troubles(store).open(Trouble(about=about, kind=kind, severity="warning", since=NOW, opened_at=NOW))
    for camera, until in ((PORCH, NOW - HOUR), (YARD, NOW + HOUR)):
        Mutes(store).put(Mute(user=camera.user, device=camera.device, until=until, by="link", at=NOW))
    return store


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(), [OLD, PORCH, YARD, SHOP, STRANGER]),
        (Asked(user="alice"), [OLD, PORCH, YARD]),
        (Asked(user="ali"), []),
        (Asked(user="<script>"), []),
        (Asked(part="OR"), [PORCH, STRANGER]),
        (Asked(part="alice-y"), [YARD]),
        (Asked(part="\u202e"), []),
        (Asked(state=CameraFilter.OK), []),
        (Asked(state=CameraFilter.TROUBLED), [OLD, PORCH]),
        (Asked(state=CameraFilter.SILENT), [OLD]),
        (Asked(state=CameraFilter.MUTED), [YARD, SHOP]),
        (Asked(state=CameraFilter.UNKNOWN), [OLD, STRANGER]),
        (Asked(state=CameraFilter.UNKNOWN, user="alice"), [OLD]),
    ],
)
def test_filters(store: MemoryStore, asked: Asked, expected: list[Camera]) -> None:
    page = camera_page(store, asked, ["zoe-door", "no camera"], NOW)
    assert list(page.cameras) == expected
    assert (page.page, page.pages, page.total, page.is_cut, page.problems) == (1, 1, len(expected), False, ())


def test_a_camera_is_well_once_its_mute_is_over(store: MemoryStore) -> None:
    page = camera_page(store, Asked(state=CameraFilter.OK), [], NOW + 2 * HOUR)
    assert list(page.cameras) == [YARD, SHOP]


def test_a_mute_that_cannot_be_read_is_told(store: MemoryStore) -> None:
    store.put(f"mutes/{YARD.name}.json", b"[")
    page = camera_page(store, Asked(state=CameraFilter.MUTED), [], NOW)
    assert list(page.cameras) == [SHOP]
    assert "alice-yard" in page.problems[0]


@pytest.mark.parametrize(("page", "shown"), [(-3, 1), (0, 1), (1, 1), (2, 2), (3, 3), (99, 3)])
def test_pages(page: int, shown: int) -> None:
    names = [f"u-d{n:03}" for n in range(2 * PAGE + 1)]
    found = camera_page(MemoryStore(), Asked(page=page), names, NOW)
    assert (found.page, found.pages, found.total) == (shown, 3, 2 * PAGE + 1)
    assert [camera.name for camera in found.cameras] == names[(shown - 1) * PAGE : shown * PAGE]


def test_an_empty_bucket() -> None:
    page = camera_page(MemoryStore(), Asked(), [], NOW)
    assert (page.cameras, page.pages, page.is_cut) == ((), 1, False)
    assert page.rules.rules is None


def test_more_cameras_than_are_listed(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_list, "MOST", 2)
    assert camera_page(store, Asked(), [], NOW).is_cut


def test_a_large_file_of_rules(store: MemoryStore) -> None:
    many = b"".join(
        b"  user%d:\n    email: u@example.com\n    timezone: Europe/Berlin\n    devices: {porch: {}, yard: {}}\n" % n
        for n in range(3_200)
    )
    RulesStore(store).put(RULES + many)
    assert camera_page(store, Asked(user="user7"), [], NOW).is_cut, "no run has read the rules yet"
    RulesStore(store).freeze()
    page = camera_page(store, Asked(), [], NOW)
    assert list(page.cameras) == [OLD, PORCH]
    assert page.is_cut
    assert page.rules.of(PORCH)
    of_user = camera_page(store, Asked(user="user7"), [], NOW)
    assert [camera.name for camera in of_user.cameras] == ["user7-porch", "user7-yard"]
    assert not of_user.is_cut
    unknown = camera_page(store, Asked(state=CameraFilter.UNKNOWN), [], NOW)
    assert list(unknown.cameras) == [OLD]
