"""The cameras in `nightjar status`, silent or in trouble; and its cost, which does not grow with the past."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from nightjar.domain.names import Camera
from nightjar.domain.operator_troubles import DagRun, alerts_refused
from nightjar.domain.troubles import Notice, Trouble
from nightjar.queries.deployment import HOURS_BACK
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.rules import RulesStore
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles
from tests.images.base.nightjar.cli.status.world import HISTORY, LIVE, NOW, RULES, Clock, begin, look, text


def with_cameras(number: int) -> bytes:
    devices = ", ".join(f"d{each}: {{}}" for each in range(number))
    return RULES.replace(b"porch: {}, yard: {}", devices.encode())


def test_cameras_that_are_silent_come_first(store: MemoryStore) -> None:
    RulesStore(store).put(with_cameras(14))
    taken = {f"d{each}": NOW - timedelta(hours=each, minutes=3) for each in range(12)}
    taken["d12"] = NOW - timedelta(hours=HOURS_BACK + 3)  # too long ago
    for device, moment in taken.items():
        store.put(standard_key(Camera("alice", device), moment), b"x")
        store.put(standard_key(Camera("alice", device), moment - timedelta(minutes=1)), b"x")
    store.put(standard_key(Camera("mallory", "door"), NOW), b"x")  # not in the rules any more
    cameras = look(store).cameras
    assert (cameras.number, cameras.silent) == (14, 2)
    order = [f"d{each}" for each in (12, 13, 11, 10, 9, 8, 7, 6, 5, 4)]
    assert [state.camera for state in cameras.longest_silent] == [f"alice-{device}" for device in order]
    assert [state.last_picture for state in cameras.longest_silent] == [None, None, *(taken[d] for d in order[2:])]
    assert text(store)[7].splitlines()[:4] == [
        "14 cameras, 2 of them silent for 48 hours; last pictures, the 10 longest silent",
        "  alice-d12  none within 48 hours",
        "  alice-d13  none within 48 hours",
        "  alice-d11  2026-11-20 02:02:00 UTC, 11 hours ago",
    ]


def test_cameras_in_trouble_are_named_the_worst_first(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    for number, (camera, kind, severity) in enumerate(
        (
            ("alice-yard", "silent", "warning"),
            ("alice-porch", "covered", "critical"),
            ("alice-porch", "clock", "warning"),
        )
    ):
        since = NOW - timedelta(hours=3 - number)
        Troubles(store).open(Trouble(about=camera, kind=kind, severity=severity, since=since, opened_at=NOW))
    [news] = [each for each in Troubles(store).news(9) if each.stored.trouble.kind == "covered"]
    Troubles(store).settle(news, Notice.OPENED, NOW)
    Troubles(store).open(alerts_refused(DagRun("nightjar_live", "r1"), "401", NOW))  # the operator's, not a camera's
    assert text(store)[-1].splitlines() == [
        "3 troubles of cameras",
        "  alice-porch  covered  critical  since 2026-11-20 11:05:00 UTC, 2 hours ago     told 2026-11-20 13:05:00 UTC",
        "  alice-yard   silent   warning   since 2026-11-20 10:05:00 UTC, 3 hours ago     not told yet",
        "  alice-porch  clock    warning   since 2026-11-20 12:05:00 UTC, 60 minutes ago  not told yet",
    ]
    Troubles(store).end("alice-yard", "silent", NOW)
    assert look(store).troubled.number == 2


def test_of_many_troubles_some_are_shown(store: MemoryStore) -> None:
    for number in range(25):
        about = f"alice-d{number:02}"
        Troubles(store).open(Trouble(about=about, kind="silent", severity="warning", since=NOW, opened_at=NOW))
    assert text(store)[-1].startswith(
        "25 troubles of cameras, 20 of them here: nightjar cameras --troubled\n  alice-d00"
    )


class Counting(MemoryStore):
    """Counts the requests, and what listings give."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.requests = self.listed = 0

    def list_folders(self, prefix: str) -> list[str]:
        self.requests += 1
        folders = super().list_folders(prefix)
        self.listed += len(folders)
        return folders

    def list_objects(self, prefix: str) -> Iterator[Any]:
        self.requests += 1
        return super().list_objects(prefix)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self.requests += 1
        return super().get(key, version_id)


def test_the_cost_does_not_grow_with_the_past(clock: Clock) -> None:
    store = Counting(clock)
    RulesStore(store).put(with_cameras(5))
    costs = []
    for days in (1, 60):
        for day in range(days):
            moment = NOW - timedelta(days=day)
            for minute in range(0, 60, 10):
                begin(store, f"{LIVE}{moment:%Y%m%d}T12{minute:02}00Z-0123456789ab/")
            begin(store, f"{HISTORY}{moment:%Y-%m-%d}/")
            store.put(standard_key(Camera("alice", "d0"), moment), b"x")
        store.requests = store.listed = 0
        look(store)
        costs.append((store.requests, store.listed))
    assert costs[0][0] <= 240
    assert costs[1][0] <= costs[0][0] + 2  # who began two more runs of history, which are shown
    assert costs[1][1] <= costs[0][1] + 62  # the days of two months
