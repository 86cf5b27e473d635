"""Large rules: kept in parts by user, checked once, and read by camera."""

import hashlib
from collections.abc import Callable

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules
from nightjar.domain.rules import Rules
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import LARGE
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore
from nightjar.stores.rules import RulesStore
from tests.benchmarks.counting import CountingStore
from tests.scenes import RULES

HEAD = RULES[: RULES.index("users:")]
USERS = 2_000


def large(users: int = USERS, behind: str = "") -> bytes:
    """A text just large enough."""
    user = "  u{n}:\n    email: user{n}@a-long-domain-for-a-long-file.example.com\n    timezone: Europe/Berlin\n"
    more = "    rules: [300]\n    devices:\n      porch: {{site: home}}\n      yard: {{rules: [100, 200]}}\n"
    text = f"{HEAD}users:\n{''.join((user + more).format(n=n) for n in range(users))}{behind}".encode()
    assert len(text) > LARGE
    return text


def frozen_in(store: ObjectStore, text: bytes) -> FrozenRules:
    RulesStore(store).put(text)
    return RulesStore(store).freeze()


def check_by_camera(store: ObjectStore) -> None:
    text = large(behind="groups: {pets: [100]}\n")
    frozen = frozen_in(store, text)
    assert frozen.parts is not None
    assert store.get(frozen.key)[0] == text, "expected the whole, which release 0.2 reads"
    counting = CountingStore(store)
    cameras = [Camera("u7", "porch"), Camera("u7", "gone"), Camera("u1999", "yard"), Camera("nobody", "porch")]
    rules, ref = RulesStore(counting).load(frozen, cameras)
    assert counting.counted.requests <= 1 + 3
    assert counting.counted.read < len(text) / 10
    assert ref == frozen.parts
    whole, _ = RulesStore(store).load(frozen)
    assert set(rules.users) == {"u7", "u1999"}
    assert [rules.device(camera) for camera in cameras] == [whole.device(camera) for camera in cameras]
    assert (rules.rules, rules.groups, rules.event_gap) == (whole.rules, whole.groups, whole.event_gap)
    assert RulesStore(store).load(frozen, [])[0].users == {}


def test_a_run_reads_the_users_of_its_cameras() -> None:
    check_by_camera(MemoryStore())


def test_a_run_reads_the_users_of_its_cameras_on_a_real_server(s3_store: S3Store) -> None:
    check_by_camera(s3_store)


def test_small_rules_are_one_object_and_cost_no_more_requests_than_before() -> None:
    store = CountingStore(MemoryStore())
    frozen = frozen_in(store, RULES.encode())
    assert frozen.parts is None
    assert len(list(store.list_objects("rules/"))) == 1
    before = store.counted.requests
    assert RulesStore(store).freeze() == frozen
    assert store.counted.requests - before == 3
    rules, ref = RulesStore(store).load(frozen, [Camera("alice", "porch")])
    assert (ref.key, store.counted.requests - before) == (frozen.key, 4)
    assert set(rules.users) == {"alice", "bob"}


def test_rules_that_were_frozen_by_release_0_2_are_read_as_a_whole() -> None:
    store = MemoryStore()
    frozen = frozen_in(store, large())
    older = FrozenRules.model_validate(frozen.model_dump(exclude={"parts"}))
    rules, ref = RulesStore(store).load(older, [Camera("u7", "porch")])
    assert (ref.key, len(rules.users)) == (frozen.key, USERS)


def test_rules_that_were_checked_are_not_read_again() -> None:
    store = CountingStore(MemoryStore())
    frozen = frozen_in(store, large())
    before = store.counted
    assert RulesStore(store).freeze() == frozen
    assert store.counted.requests - before.requests == 3
    assert store.counted.read - before.read < 2_000


@pytest.mark.parametrize(
    "text", [RULES.encode().replace(b"0.8", b"8"), large().replace(b"user44@", b"@")], ids=range(2)
)
def test_wrong_rules_are_not_read_again_either(text: bytes) -> None:
    store = CountingStore(MemoryStore())
    good = frozen_in(store, RULES.encode())
    wrong = frozen_in(store, text)
    assert (wrong.sha256, wrong.problem is None) == (good.sha256, False)
    before = store.counted
    assert RulesStore(store).freeze() == wrong
    assert store.counted.read - before.read < 2_000
    RulesStore(store).put(large())
    assert RulesStore(store).freeze().problem is None


def forgotten(store: MemoryStore, frozen: FrozenRules) -> None:
    store.delete(frozen.key)


def another_release(store: MemoryStore, frozen: FrozenRules) -> None:
    del frozen
    text = store.get("config/rules.checked.json")[0].decode()
    reader = text.partition('"reader": "')[2][:16]
    store.put("config/rules.checked.json", text.replace(reader, "0" * 16).encode())


def no_json(store: MemoryStore, frozen: FrozenRules) -> None:
    del frozen
    store.put("config/rules.checked.json", b"{")


@pytest.mark.parametrize("happened", [forgotten, another_release, no_json])
def test_rules_are_checked_again_when_the_last_check_does_not_hold(
    happened: Callable[[MemoryStore, FrozenRules], None],
) -> None:
    store = MemoryStore()
    frozen = frozen_in(store, large())
    happened(store, frozen)
    counting = CountingStore(store)
    assert RulesStore(counting).freeze() == frozen
    assert counting.counted.read > LARGE
    assert store.head(frozen.key)


def test_parts_that_changed_or_went_are_refused() -> None:
    store = MemoryStore()
    frozen = frozen_in(store, large())
    assert frozen.parts is not None
    part = hashlib.sha256(b"u7").hexdigest()[:2]
    key = f"rules/{frozen.sha256}/users/{part}.yaml"
    text = store.get(key)[0]
    store.put(key, text.replace(b"Europe/Berlin", b"UTC"))
    with pytest.raises(InputError, match="expected a part of the run's rules with SHA-256"):
        RulesStore(store).load(frozen, [Camera("u7", "porch")])
    store.delete(key)
    with pytest.raises(InputError, match="found none"):
        RulesStore(store).load(frozen, [Camera("u7", "porch")])
    store.put(frozen.parts.key, b'{"before": "", "after": "", "parts": {}}')
    with pytest.raises(InputError, match="expected parts of rules with SHA-256"):
        RulesStore(store).load(frozen, [Camera("u7", "porch")])


def test_parts_are_made_whole_after_an_interruption() -> None:
    store = MemoryStore()
    frozen = frozen_in(store, large())
    assert frozen.parts is not None
    keys = sorted(each.key for each in store.list_objects(f"rules/{frozen.sha256}/"))
    for key in (frozen.parts.key, "config/rules.checked.json", keys[-1]):
        store.delete(key)
    again = RulesStore(store).freeze()
    assert again.parts is not None
    assert again.parts.sha256 == frozen.parts.sha256
    assert sorted(each.key for each in store.list_objects(f"rules/{frozen.sha256}/")) == keys


def test_the_rules_in_force_are_known_without_checking_each_user_again() -> None:
    store = MemoryStore()
    frozen = frozen_in(store, large())
    in_force = RulesStore(store).in_force()
    assert isinstance(in_force.rules, Rules) and in_force.ref
    assert (in_force.ref.sha256, in_force.rules.camera_count) == (frozen.sha256, 2 * USERS)
    RulesStore(store).put(large().replace(b"Europe/Berlin", b"Berlin"))
    worse = RulesStore(store).in_force()
    assert worse.ref and worse.ref.sha256 == frozen.sha256
    assert "did you mean Europe/Berlin?" in worse.problems[0]
