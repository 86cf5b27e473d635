"""The runs in `nightjar status`: the newest ones, found by time, and how each ended."""

from datetime import timedelta

import pytest

from nightjar.domain.release import Ended, Started
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.runs import Runs
from tests.images.base.nightjar.cli.status.world import FROZEN, HISTORY, LIVE, NOW, PATROL, REPORT, Clock, begin, look


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        (f"{LIVE}20261120T130401Z-0123456789ab/", True),  # in these ten minutes
        (f"{LIVE}20261120T120401Z-0123456789ab/", True),
        (f"{LIVE}20261120T000000Z-0123456789ab/", True),
        (f"{LIVE}20261114T235959Z-0123456789ab/", True),
        (f"{LIVE}20261113T235959Z-0123456789ab/", False),  # over a week ago
        (f"{LIVE}retry-20261120T130401Z-0123456789ab/", True),
        (f"{LIVE}retry-20261118T130401Z-0123456789ab/", True),
        (f"{HISTORY}2026-11-19/", True),
        (f"{HISTORY}2026-10-01/", True),
        (f"{HISTORY}2026-09-30/", False),
        (f"{REPORT}asset_triggered__2026-11-20T13-04-00.123456-00-00-abcdef12/", True),
        (f"{REPORT}scheduled__2026-11-20T00-05-00-00-00-abcdef12/", True),
        (f"{REPORT}scheduled__2026-11-12T00-05-00-00-00-abcdef12/", False),
        (f"{PATROL}scheduled__2026-11-20T12-05-00-00-00-abcdef12/", True),
        (f"{PATROL}scheduled__2026-11-12T00-05-00-00-00-abcdef12/", False),
    ],
)
def test_the_newest_runs_are_found_by_time(store: MemoryStore, prefix: str, found: bool) -> None:
    begin(store, prefix)
    assert [f"runs/{run.dag}/{run.name}/" for run in look(store).runs] == ([prefix] if found else [])


def test_only_the_newest_runs_are_shown_newest_first(store: MemoryStore) -> None:
    names = [f"20261120T1{hour}0000Z-0123456789ab" for hour in range(4)]
    names += [f"20261120T130{minute}00Z-0123456789ab" for minute in range(1, 5)]
    names[-1] = f"retry-{names[-1]}"
    for name in names:
        begin(store, f"{LIVE}{name}/")
    assert [run.name for run in look(store).runs] == names[:2:-1]


def test_how_a_run_ended(store: MemoryStore, clock: Clock) -> None:
    prefix = f"{LIVE}20261120T130401Z-0123456789ab/"
    run = Runs(store).at(prefix)
    begin(store, prefix, FROZEN.model_copy(update={"problem": "p", "problems": ("line 4: x",)}))
    [seen] = look(store).runs
    assert (seen.state, seen.began, seen.ended, seen.rules_problems) == ("under way", NOW, None, ("line 4: x",))
    clock.now += timedelta(seconds=30)
    run.end(Ended(state="failed", problems=("1 task failed: shard.detect_0",), ended_at=clock.now))
    [seen] = look(store).runs
    assert (seen.state, seen.ended) == ("failed", clock.now)
    assert f"nightjar_live {run.name} failed: 1 task failed: shard.detect_0" in look(store).red
    # Cleared: begun again after it ended.
    clock.now += timedelta(seconds=30)
    run.begin(Started(dag_run=run.name, start="7"), lambda _: False)
    assert [seen.state for seen in look(store).runs] == ["under way"]
    clock.now += timedelta(seconds=30)
    run.end(Ended(state="success", ended_at=clock.now))
    assert [(seen.state, seen.problems) for seen in look(store).runs] == [("success", ())]


@pytest.mark.parametrize("damaged", [b"", b"[]"])
def test_a_run_without_a_readable_end_is_told_by_its_last_manifest(store: MemoryStore, damaged: bytes) -> None:
    """As those of release 0.2, which wrote no end."""
    prefix = f"{LIVE}20261120T130401Z-0123456789ab/"
    begin(store, prefix)
    store.put(f"{prefix}record/_manifest.json", b"{}")
    assert [seen.state for seen in look(store).runs] == ["success"]
    store.put(f"{prefix}ended.json", damaged)
    assert [seen.state for seen in look(store).runs] == ["success"]


def test_a_run_that_does_not_end_is_red(store: MemoryStore, clock: Clock) -> None:
    clock.now -= timedelta(hours=3)
    begin(store, f"{LIVE}20261120T100000Z-0123456789ab/")
    assert "nightjar_live 20261120T100000Z-0123456789ab began 2026-11-20 10:05 UTC and has not ended" in look(store).red
