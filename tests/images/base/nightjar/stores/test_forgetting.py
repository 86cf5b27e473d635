"""Forgetting a user: planted everywhere, searched for in every version of every object, and nobody else harmed."""

import base64
import gzip
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nightjar.domain.forgetting import Subject
from nightjar.domain.names import Camera
from nightjar.domain.reactions import mute
from nightjar.domain.troubles import OPERATOR, Facts, Trouble
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rehearsal import RehearsalStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.forgetting import NOBODYS, Done, forget, known, left_over, steps
from nightjar.stores.health import DueTimes
from nightjar.stores.outbox import Outbox
from nightjar.stores.reactions import Mutes
from nightjar.stores.record_erasure import erase_requested
from nightjar.stores.records import Records
from nightjar.stores.reports import Reports
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import LIVE, WATCH, Runs, run_prefix
from nightjar.stores.tables import TABLES
from nightjar.stores.troubles import Troubles
from tests.images.base.nightjar.stores.planted import everything, memory_store, mentions, planted
from tests.stopping import Cut, Stopping

LOGS = "airflow-logs"
ALICE = ("alice",)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = NOON.date()
RUN = run_prefix(LIVE, "20261126T024601Z-a6736f636d35")
WATCHED = run_prefix(WATCH, "scheduled__1")
PACK = f"{RUN}detect/pack-0001/pictures.jsonl"
OTHER = Camera("carol", "garden")
LOG = f"{LOGS}/dag_id=nightjar_live/run_id=1/task_id=detect/attempt="
TOPS = re.compile(r"^    ([a-z]+(?:/false-boxes)?)/", re.MULTILINE)
DESIGN = Path(__file__).parents[5] / "docs" / "design.md"


def message(text: str) -> bytes:
    """A message whose text nobody reads without unpacking it."""
    head = (
        b"To: ops@example.com\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + base64.b64encode(text.encode())


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """A bucket in memory, and one of the real S3 server, each with everything in it."""
    empty: ObjectStore = memory_store() if request.param == "memory" else request.getfixturevalue("s3_store")
    return fill(empty)


def bucket() -> MemoryStore:
    """The same in memory alone."""
    store = memory_store()
    fill(store)
    return store


def fill(store: ObjectStore) -> ObjectStore:
    """All that release 0.2 stored, and all that is newer, of alice and of others, with older versions of it."""
    planted(store)
    for camera in (Camera("alice", "yard"), OTHER):
        plant(store, camera)
    DueTimes(store).add(NOON, {Camera("alice", "yard"): NOON, OTHER: NOON})
    log = b'{"event":"of all"}\n{"event":"alice-yard"}\nin shard carol-garden.1\nalice-porch-1795574000.jpg: void\n'
    store.put(f"{LOG}1.log", log)
    store.put(f"{LOG}2.log.gz", gzip.compress(log))
    store.put(PACK, b'{"standard_key":"standard/2026/11/26/02/alice-yard/1.jpg"}\n{"n":1}\n')
    of_pack = {"key": PACK, "version_id": current(store, PACK), "sha256": "", "size": 0}
    store.put(f"{RUN}detect/pack-0001/_manifest.json", json.dumps({"stage": "detect", "objects": [of_pack]}).encode())
    landed = [{"key": f"incoming/holiday of {user}.jpg", "version_id": "1"} for user in ("alice", "carol", "rules")]
    store.put(f"{WATCHED}collect/_manifest.json", json.dumps({"stage": "collect", "asked": landed}).encode())
    bad = [json.dumps({"source": each, "outcome": "quarantined"}).encode() for each in landed]
    store.put(f"{WATCHED}batch.jsonl", b"\n".join(bad) + b"\n")
    RulesStore(store).freeze()
    Reports(store).publish(DAY, b"<td>alice-yard</td><td>carol-garden</td>", {"hours.png": b"png"})
    Reports(store).publish(date(2026, 11, 27), b"<td>carol-garden</td>", {"hours.png": b"png"})
    return store


def plant(store: ObjectStore, camera: Camera) -> None:
    """Whatever the golden files lack."""
    user, letter = camera.user, camera.user[0]
    Mutes(store).put(mute(camera, NOON, "somebody", NOON - timedelta(hours=1)))
    for key, data in {
        f"health/{camera.name}.json": f'{{"user": "{user}"}}',
        f"footage/2026/11/26/02/{camera.name}-1795574000.jpg": "original",
        f"standard/2026/11/26/02/{camera.name}/1795574000.jpg": "picture",
        f"incoming/{camera.name}-1795574001.jpg": "landed",
        f"incoming/holiday of {user}.jpg": "a name that breaks the contract",
        f"config/false-boxes/{camera.name}.json": '{"boxes": []}',
        f"closings/{camera.name}/1.json": "{}",
        f"digests/sent/2026-11-26/{user}": "",
        f"comparisons/1/2026/11/26/{user}.json": f'{{"user": "{user}", "cameras": ["{camera.name}"]}}',
        "comparisons/candidates/oid/candidate.json": '{"failed": ["alice-yard", "carol-garden"]}',
        "comparisons/1/comparison.json": '{"by_user": {"alice": 1, "carol": 2}}',
        f"reproductions/{letter}/shards/pack-0001/given.jsonl": f'{{"user":"{user}"}}\n',
    }.items():
        store.put(key, data.encode())
    store.delete(f"incoming/{camera.name}-1795574001.jpg")
    Outbox(store).put(DAY, camera.name, "1", message(f"somebody at {camera.name}"))
    why = f"shard.notify ({camera.name}): it took too long"
    facts = Facts(title="a run failed", text=why)
    at = {"severity": "warning", "since": NOON, "opened_at": NOON}
    Troubles(store).open(Trouble(about=camera.name, kind="silent", **at))
    Troubles(store).open(Trouble(about=OPERATOR, kind=f"run-{letter}", facts=facts, **at))
    Outbox(store).put(DAY, OPERATOR, letter, message(why))


def current(store: ObjectStore, key: str) -> str:
    info = store.head(key)
    assert info
    return info.version_id


def erase(store: ObjectStore, user: str = "alice", device: str | None = None) -> list[Done]:
    """Forget; what was done, without the steps that had nothing to do."""
    done = list(forget(store, known(store, user, device), LOGS))
    erase_requested(store)  # as the next report does
    assert [each.problem for each in done if each.problem] == []
    return [each for each in done if each.scrubbed.did_something]


def test_the_search_finds_what_is_planted() -> None:
    folders = {place.split("/")[0] for place in mentions(bucket(), *ALICE)}
    assert folders >= {"alerts", "claims", "comparisons", "config", "detections", "digests", "events", "footage"}
    assert folders >= {"health", "incoming", "journals", "mutes", "outbox", "quarantine", "records", "reports", "rules"}
    assert folders >= {"reproductions", "runs", "standard", "threats", "troubles", "validations", LOGS}


def test_nothing_names_a_user_who_was_forgotten_and_a_second_time_nothing_is_done(store: ObjectStore) -> None:
    assert erase(store)
    assert mentions(store, *ALICE) == []
    assert left_over(store, Subject("alice")) == []
    before = everything(store)
    assert erase(store) == []
    assert everything(store) == before


def test_what_others_have_stays_byte_for_byte_in_the_same_versions(store: ObjectStore) -> None:
    named = {place.split(" (")[0] for place in mentions(store, *ALICE)}
    theirs = {at: data for at, data in everything(store).items() if at[0] not in named}
    erase(store)
    after = everything(store)
    assert len({key for key, _ in theirs}) > 40
    # Of a page with alice the plots go too, and a manifest that names a document written anew is mended.
    touched = {"reports/2026/11/26/hours.png", f"{RUN}detect/pack-0001/_manifest.json"}
    assert {at[0] for at, data in theirs.items() if after.get(at) != data} <= touched
    assert json.loads(store.get("comparisons/candidates/oid/candidate.json")[0]) == {"failed": ["carol-garden"]}
    left = json.loads(store.get(f"{WATCHED}collect/_manifest.json")[0])["asked"]
    assert [each["key"] for each in left] == ["incoming/holiday of carol.jpg", "incoming/holiday of rules.jpg"]
    # Of what is shared, the lines of others are as they were.
    assert store.get(f"{WATCHED}batch.jsonl")[0].count(b"\n") == 2
    assert store.get(PACK)[0] == b'{"n":1}\n'
    assert store.get(f"{LOG}1.log")[0] == b'{"event":"of all"}\nin shard carol-garden.1\n'
    assert gzip.decompress(store.get(f"{LOG}2.log.gz")[0]) == b'{"event":"of all"}\nin shard carol-garden.1\n'
    for table in TABLES:
        rows = [row for row in Records(store).read(table, DAY).content.lines() if row["user"] != "alice"]
        assert rows == [row for row in Records(bucket()).read(table, DAY).content.lines() if row["user"] != "alice"]


def test_of_a_day_that_others_share_the_rows_stay_and_the_page_is_made_anew() -> None:
    store = bucket()
    records, reports = Records(store), Reports(store)
    erase(store)
    assert [*records.news()] == [DAY]
    assert reports.read(DAY) is None
    assert reports.read(date(2026, 11, 27)) == b"<td>carol-garden</td>"


def test_rules_that_runs_are_pinned_to_can_still_be_read_by_the_others() -> None:
    store = bucket()
    rules = RulesStore(store)
    frozen = rules.freeze()
    before, _ = rules.load(frozen)
    text = rules.current()
    erase(store)
    after, _ = rules.load(frozen)
    assert {*before.users} - {*after.users} == {"alice"}
    assert after.users["carol"] == before.users["carol"]
    assert b"alice" not in rules.current()
    again = rules.freeze()
    assert again.sha256 != frozen.sha256
    rules.put(text)  # the same user comes back
    assert "alice" in rules.load(rules.freeze())[0].users


def test_what_is_left_of_a_run_fits_together() -> None:
    store = bucket()
    erase(store)
    run = Runs(store).at(RUN)
    assert {line.source.name.camera.user for line in run.batch()[0] if line.source.name} == {
        *("bob", "carol", "mallory")
    }
    account = run.account()
    assert "alice-yard" not in account.shards
    assert account.counts.received > 0
    manifest = json.loads(store.get(f"{RUN}detect/pack-0001/_manifest.json")[0])
    assert manifest["objects"][0]["version_id"] == current(store, PACK)
    assert manifest["objects"][0]["size"] == len(b'{"n":1}\n')


def test_one_camera_alone_is_forgotten(store: ObjectStore) -> None:
    store.put("footage/2026/11/26/02/alice-porch-1795574000.jpg", b"another camera's")
    erase(store, device="yard")
    assert mentions(store, "alice-yard") == []
    assert store.get("footage/2026/11/26/02/alice-porch-1795574000.jpg")[0] == b"another camera's"
    assert b"alice" in RulesStore(store).current()
    assert store.head("digests/sent/2026-11-26/alice")


@pytest.mark.slow  # sixteen buckets
@pytest.mark.parametrize("after", [False, True])
def test_forgetting_that_is_killed_anywhere_is_complete_when_it_is_repeated(after: bool) -> None:
    killed = 0
    for number in range(0, 400, 23):
        store = Stopping()
        fill(store)
        store.stops_at, store.after = store.writes + number, after
        try:
            list(forget(store, known(store, "alice"), LOGS))
            erase_requested(store)
        except Cut:
            killed += 1
        else:
            break
        erase(store)
        assert mentions(store, *ALICE) == [], number
        assert DAY in Records(store).news()
    assert killed > 4


def test_a_dry_run_changes_nothing_and_tells_the_same() -> None:
    store = bucket()
    before = everything(store)
    rehearsed = RehearsalStore(store)
    told = [each for each in forget(rehearsed, known(rehearsed, "alice"), LOGS) if each.scrubbed.removed]
    assert everything(store) == before
    assert {each.name for each in told} <= {each.name for each in erase(store)}
    assert len(told) > 15


@pytest.mark.parametrize("name", ["person", "detect", "nightjar_live", "near", "ali", "lice", "yard", "nobody"])
def test_a_user_who_is_called_like_something_else_takes_nothing_along(name: str) -> None:
    store = bucket()
    before = everything(store)
    assert erase(store, name) == []
    assert everything(store) == before


def test_every_folder_of_the_bucket_is_looked_after() -> None:
    """A new store has a line in the list of the bucket's folders, and has to say how it forgets."""
    text = DESIGN.read_text()
    listed = {f"{top}/" for top in TOPS.findall(text[text.index("## The bucket") : text.index("## Events")])}
    looked_after = {folder for step in steps(LOGS) for folder in step.folders}
    tops = {folder.partition("/")[0] + "/" for folder in (*looked_after, *NOBODYS)}
    assert {each for each in listed if each.partition("/")[0] + "/" not in tops} == set()


def test_every_store_has_an_erase_or_is_shared() -> None:
    """Whoever writes a class of a store says how it forgets: by `erase`, or as documents that several users share."""
    no_stores = {"PartsOfRules", "Scrubbed"}
    shared = {"Claims", "RulesStore", "Runs", "Run", "Records", "DueTimes", "EndedRuns", "OperatorSigns", "Detectors"}
    shared |= {"Erasures", "Candidates"}  # its folder is scrubbed: it names shards that failed
    shared |= {"Releases"}  # tags, digests and the times of runs: nobody's
    folder = Path(__file__).parents[5] / "images" / "base" / "nightjar" / "stores"
    without = set()
    for file in folder.glob("*.py"):
        for found in re.finditer(r"^class (\w+)[^\n]*:\n(.*?)(?=^class |\Z)", file.read_text(), re.M | re.S):
            writes = re.search(r"write_(record|bytes|lines)\(|\.put\(|replace_current\(", found[2])
            if writes and "def erase(" not in found[2] and not found[1].startswith("_"):
                without.add(found[1])
    assert without - shared - no_stores == set()
