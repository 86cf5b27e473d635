"""The history of releases: bumps, releases, runs and digests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.bumps import Bump, BumpKind, CurrentImages
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Release, StageRelease
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.releases import Releases

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
REGISTRY = "registry.example.com/nightjar"
ONE, TWO = {"registry": REGISTRY, "detect": "1"}, {"registry": REGISTRY, "detect": "2"}
RUN, NEXT = "runs/nightjar_live/20261127T083000Z-a/", "runs/nightjar_live/20261127T084000Z-b/"
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def release(tag: str = "1", rules: str = "r") -> Release:
    source = ObjectRef(key="config/rules.yaml", version_id="1", sha256=rules, size=1)
    frozen = FrozenRules(key=f"rules/{rules}.yaml", sha256=rules, source=source)
    return Release(run="a", stages={"detect": StageRelease(image=f"{REGISTRY}/detect:{tag}")}, rules=frozen)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def releases(store: MemoryStore) -> Releases:
    return Releases(store)


def test_a_release_is_one_by_its_images_settings_and_rules() -> None:
    assert release().identity == release().model_copy(update={"run": "another", "start": "2"}).identity
    others = [release("2"), release(rules="s"), release().with_settings("detect", {"NIGHTJAR_LOOK": "everything"})]
    assert len({each.identity for each in (release(), *others)}) == 4


def test_the_first_run_and_a_change_that_nobody_announced_are_noted(releases: Releases) -> None:
    assert releases.current() is None and releases.bumps(10) == []
    first = releases.take_note(ONE, NOW)
    assert releases.take_note(ONE, later(1)) == first, "nothing is new"
    edited = releases.take_note(TWO, later(2))
    assert [(b.kind, b.by, b.before, b.after) for b in releases.bumps(10)] == [
        (BumpKind.EDITED, None, ONE, TWO),
        (BumpKind.FIRST, None, None, ONE),
    ]
    assert (edited.value, edited.since) == (TWO, later(2))


def test_an_announced_bump_is_taken_up_by_the_next_run(releases: Releases) -> None:
    releases.take_note(ONE, NOW)
    bump = Bump(at=later(1), by="erin", why="finds cats", before=ONE, after=TWO)
    releases.announce(bump)
    assert releases.take_note(TWO, later(2)).bump == bump.id
    back = Bump(at=later(3), by="erin", why="misses dogs", before=TWO, after=ONE)
    releases.announce(back)
    assert releases.take_note(ONE, later(4)).bump == back.id, "going back is a bump, not the one of then"
    # The same value as an announced bump of long ago is no reason to think that somebody announced it now.
    assert releases.take_note(TWO, later(5)).bump not in (bump.id, back.id)
    assert releases.bumps(1)[0].kind == BumpKind.EDITED


def test_a_bump_that_came_to_nothing_is_withdrawn(releases: Releases) -> None:
    bump = Bump(at=NOW, by="erin", why="x", before=ONE, after=TWO)
    releases.announce(bump)
    releases.withdraw(bump)
    assert releases.bumps(10) == []


def test_bumps_come_newest_first_over_months_and_years(releases: Releases) -> None:
    moments = [datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), NOW, later(1)]
    for at in moments:
        releases.announce(Bump(at=at, after=ONE))
    assert [each.at for each in releases.bumps(10)] == moments[::-1]
    assert [each.at for each in releases.bumps(2)] == moments[:1:-1]
    assert releases.bumps(0) == []


def test_a_run_is_recorded_with_its_release_and_bump(releases: Releases) -> None:
    noted = releases.take_note(ONE, NOW)
    releases.record(release(), RUN, NOW, noted)
    releases.record(release(), NEXT, later(1), releases.take_note(ONE, later(1)))
    other_rules = release(rules="s")
    releases.record(other_rules, "runs/nightjar_report/c/", later(2), releases.take_note(ONE, later(2)))
    identity = release().identity
    assert {(each.dag, each.run) for each in releases.runs(identity)} == {
        ("nightjar_live", "20261127T083000Z-a"),
        ("nightjar_live", "20261127T084000Z-b"),
    }
    record = releases.release(identity)
    assert record and (record.first_run, record.since, record.bump) == (RUN, NOW, noted.bump)
    assert releases.bumps(1)[0].releases == (identity, other_rules.identity)
    assert sorted(releases.identities()) == sorted((identity, other_rules.identity))
    assert releases.release("none") is None and releases.runs("none") == []


def test_a_candidate_is_no_deployment(releases: Releases) -> None:
    releases.take_note(ONE, NOW)
    releases.record(release("2"), "runs/nightjar_candidate/a/", NOW, None)
    assert releases.bumps(1)[0].releases == ()
    assert [each.dag for each in releases.runs(release("2").identity)] == ["nightjar_candidate"]


def test_a_run_that_changes_nothing_costs_one_read_and_one_new_object(store: MemoryStore) -> None:
    releases = Releases(store)
    releases.record(release(), RUN, NOW, releases.take_note(ONE, NOW))
    before = {(each.key, each.version_id) for each in store.list_versions("")}
    releases.record(release(), NEXT, later(1), releases.take_note(ONE, later(1)))
    new = [each.key for each in store.list_versions("") if (each.key, each.version_id) not in before]
    assert new == [f"releases/{release().identity}/runs/nightjar_live/20261127T084000Z-b.json"]


def checked(releases: Releases, tag: str, held: dict[str, str], by: str = "one", place: str = REGISTRY) -> Any:
    current = releases.take_note({"registry": REGISTRY, "detect": tag}, NOW)
    return releases.check_digests(current, place, {"detect": tag}, held, by, NOW)


def test_a_tag_that_was_used_again_is_refused_on_every_machine(releases: Releases) -> None:
    assert checked(releases, "1", {}) == {}
    assert checked(releases, "1", {"detect": A}, "nightjar_live/r1") == {"detect": A}
    assert checked(releases, "1", {}) == {"detect": A}, "where nobody tells, the recorded one counts"
    with pytest.raises(UsageError, match=rf"detect:1 to be {A}, as nightjar_live/r1 had it at .* got {B}: the tag was"):
        checked(releases, "1", {"detect": B}, "another machine")
    assert checked(releases, "2", {"detect": B}) == {"detect": B}
    assert checked(releases, "1", {"detect": B}, place="localhost/nightjar (image store)") == {"detect": B}
    assert releases.recorded_digest(REGISTRY, "detect", "1") == A
    assert releases.recorded_digest("elsewhere", "detect", "1") is None
    assert releases.recorded_digest(REGISTRY, "detect", "3") is None


def test_the_digests_of_the_last_run_are_enough(releases: Releases, store: MemoryStore) -> None:
    current = releases.take_note(ONE, NOW).model_copy(update={"place": REGISTRY, "digests": {"detect": A}})
    assert releases.check_digests(current, REGISTRY, {"detect": "1"}, {"detect": A}, "one", NOW) == {"detect": A}
    assert not list(store.list_objects("releases/images/")), "nothing was read or written of the tag"


@pytest.mark.parametrize("key", ["releases/current.json", "releases/images/detect/1.json"])
def test_a_damaged_note_holds_back_no_run(key: str, releases: Releases, store: MemoryStore) -> None:
    checked(releases, "1", {"detect": A})
    store.put(key, b"{")
    assert checked(releases, "1", {"detect": A}) == {"detect": A}
    releases.record(release(), RUN, NOW, releases.take_note(ONE, NOW))
    assert isinstance(releases.current(), CurrentImages)


def test_a_damaged_bump_is_left_out(releases: Releases, store: MemoryStore) -> None:
    releases.announce(Bump(at=NOW, after=ONE))
    store.put("releases/bumps/2026/11/20261127T090000Z-00000000.json", b"{")
    assert [each.at for each in releases.bumps(5)] == [NOW]
